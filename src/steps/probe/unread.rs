//! A text that was looked for and not found.

use crate::plan::Outcome;
use crate::world::net::Unread;

/// What it means that a text was not found: where only a part was read, nothing.
pub(super) fn lacking(came: &str, unread: Option<&Unread>, begins: &str) -> (Outcome, String) {
    let (outcome, why) = match unread {
        None => {
            let why = format!("the text is not in the body, which begins `{begins}`");
            (Outcome::Fail, why)
        }
        Some(Unread::Beyond(bytes)) => {
            let why = format!(
                "the text is not in the first {} KiB of the answer, which begins `{begins}`, and no more is read",
                bytes >> 10
            );
            (Outcome::Unknown, why)
        }
        Some(Unread::Damaged(coding)) => {
            let why =
                format!("the body cannot be unpacked: it is no sound `{coding}`, as its head says");
            (Outcome::Fail, why)
        }
        Some(Unread::Coding(coding)) => {
            let why = format!("the body is compressed with `{coding}`, which is not read here");
            (Outcome::Unknown, why)
        }
    };
    (outcome, format!("{came}, {why}"))
}
