//! The table of exit codes. Each answers one question: what state is the world in?

use std::process::ExitCode;

use crate::event::Ending;

/// What the world is like when the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// As asked: done and seen, or nothing speaks against it.
    Done = Ending::Done.code(),
    /// As the journal says: unexpected error.
    Error = 1,
    /// Untouched: wrong arguments.
    Usage = 2,
    /// Untouched: the playbook is not valid.
    Playbook = 3,
    /// Untouched: a check failed, or somebody declined, before any change.
    Refused = Ending::Refused.code(),
    /// As it was before, and seen so.
    Undone = Ending::Undone.code(),
    /// Neither: some changes stand, and a person must look.
    Held = Ending::Held.code(),
    /// Stopped on request before an end; can be resumed or rolled back.
    Stopped = Ending::Stopped.code(),
    /// Untouched: somebody else holds the lock, or the plan is stale.
    Busy = Ending::Stale.code(),
    /// As asked, and the active side serves, or put back, but not everything was seen.
    Unproven = Ending::DoneUnproven.code(),
}

impl From<Ending> for Exit {
    fn from(ending: Ending) -> Exit {
        match ending {
            Ending::Done => Exit::Done,
            Ending::DoneUnproven => Exit::Unproven,
            Ending::Refused => Exit::Refused,
            Ending::Stale => Exit::Busy,
            Ending::Undone => Exit::Undone,
            Ending::Held => Exit::Held,
            Ending::Stopped => Exit::Stopped,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// The table as `--help` shows it.
pub(super) const TABLE: &str = "\
Exit codes say what state the world is in:
  0  as asked: done and seen, or nothing speaks against it
  1  as the journal says: unexpected error
  2  untouched: wrong arguments
  3  untouched: the playbook is not valid
  4  untouched: a check failed, or somebody declined, before any change
  5  as it was before, and seen so: something failed later, all of it was put back
  6  neither: a change stands or may stand, or not all is seen as it was; a person must look
  7  stopped on request before an end; can be resumed or rolled back
  8  untouched: somebody else holds the lock, or the plan is stale
  9  as asked, and the active side serves, or put back; but not everything was seen";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ending_has_the_code_of_the_table() {
        let codes = [
            (Ending::Done, 0),
            (Ending::DoneUnproven, 9),
            (Ending::Refused, 4),
            (Ending::Stale, 8),
            (Ending::Undone, 5),
            (Ending::Held, 6),
            (Ending::Stopped, 7),
        ];
        for (ending, code) in codes {
            assert_eq!(Exit::from(ending) as u8, code, "{ending:?}");
            assert!(TABLE.contains(&format!("\n  {code}  ")));
        }
    }
}
