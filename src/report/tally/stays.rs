//! What a run owes, and a person said shall stay as it is.

use super::Tally;
use crate::event::Owed;
use crate::plan::Value;

/// Something owed of which a person said that it shall stay as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stays {
    pub owed: Owed,
    pub by: String,
    pub reason: String,
    /// What its place held then, where that could be read.
    pub holds: Option<Value>,
}

impl Tally {
    /// A person said that something owed shall stay so; the last word counts.
    pub(super) fn let_stay(&mut self, key: &str, by: &str, reason: &str, holds: Option<Value>) {
        let owed = match self.owed.iter().position(|owed| owed.key == key) {
            Some(at) => self.owed.remove(at),
            None => match self.stays.iter().position(|stays| stays.owed.key == key) {
                Some(at) => self.stays.remove(at).owed,
                None => return,
            },
        };
        self.stays.push(Stays {
            owed,
            by: by.to_owned(),
            reason: reason.to_owned(),
            holds,
        });
    }

    /// What was said to stay, and holds something else by now, is owed again.
    pub fn owe_again(&mut self, key: &str) {
        let Some(at) = self.stays.iter().position(|stays| stays.owed.key == key) else {
            return;
        };
        let Stays { owed, by, .. } = self.stays.remove(at);
        self.owed.push(Owed {
            what: format!(
                "{}; it holds something else than when {by} said that it shall stay so",
                owed.what
            ),
            ..owed
        });
    }
}
