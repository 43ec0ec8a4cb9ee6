//! What a run was asked for beside its playbook: a command that is proposed later says it again.

use serde::{Deserialize, Serialize};

/// The words of the command line that change what is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Given {
    /// `--set`, each as it was typed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sets: Vec<String>,
    /// `--to`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub emergency: bool,
    /// The file of a saved plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
}

impl Given {
    /// Nothing but the playbook, or an earlier version did not keep it.
    pub fn is_nothing(&self) -> bool {
        *self == Given::default()
    }
}
