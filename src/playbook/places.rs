//! Where the tables of a playbook stand in its text, with their checked values.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::field::Fields;

/// Every table of a playbook that parsed, for whoever judges the text rather than what it means.
#[derive(Clone, Debug, Default)]
pub struct Places {
    pub(super) head: Fields,
    pub(super) hosts: BTreeMap<String, Fields>,
    pub(super) services: BTreeMap<String, Fields>,
    pub(super) zones: BTreeMap<String, Fields>,
    pub(super) steps: BTreeMap<String, Fields>,
    pub(super) files: Vec<(Range<usize>, String)>,
}

impl Places {
    /// `[playbook]`
    pub fn head(&self) -> &Fields {
        &self.head
    }

    pub fn host(&self, name: &str) -> Option<&Fields> {
        self.hosts.get(name)
    }

    pub fn service(&self, name: &str) -> Option<&Fields> {
        self.services.get(name)
    }

    /// By its name in lower case, without the last dot.
    pub fn zone(&self, name: &str) -> Option<&Fields> {
        self.zones.get(name)
    }

    /// The files that it names by a path from its own folder: where, and the whole path as far as it is known.
    pub fn files(&self) -> &[(Range<usize>, String)] {
        &self.files
    }

    pub fn step(&self, id: &str) -> Option<&Fields> {
        self.steps.get(id)
    }
}
