//! What a write said.

use serde::{Deserialize, Serialize};

/// What a write said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "said")]
pub enum Answer {
    /// It claims to be done.
    Done { note: String },
    /// It was refused and surely did nothing: a failed precondition, a wrong token.
    Refused { why: String },
    /// It was refused, and what had been taken of it by then was put back at once, which the far side confirmed.
    PutBack { why: String },
    /// It was refused, and of what had been taken of it by then not all could be put back: nothing of it is on its way.
    Partly { why: String },
    /// It said no after the request had reached it: it may still happen, until the write has run out of time.
    Declined { why: String },
    /// It cannot be told: a time-out, a lost connection, an error of the far side.
    Unclear { why: String },
}

impl Answer {
    /// Whether it said no, and nothing of it is on its way any more: what its place holds is the last word.
    pub fn is_final_no(&self) -> bool {
        match self {
            Answer::Refused { .. } | Answer::PutBack { .. } | Answer::Partly { .. } => true,
            Answer::Done { .. } | Answer::Declined { .. } | Answer::Unclear { .. } => false,
        }
    }
}
