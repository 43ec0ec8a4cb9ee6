//! What the end of a run that was put back tells a script.

use super::Exit;
use crate::report::Tally;

/// The exit code of a run that was put back. Where not all of it was seen, that is as asked of whoever asked for it; who
/// wanted to go there is not told that he came there.
pub(super) fn code_of(tally: &Tally, asked: bool) -> Exit {
    match tally.is_undone_unseen() {
        true if asked => Exit::Unproven,
        // What else the world shows is not its doing.
        true if !tally.never_stood() => Exit::Held,
        _ => Exit::Undone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Answer, Ending, Event, Finding, Record, Round};
    use crate::plan::{Mode, Outcome, Side, Way};
    use crate::report::fixture::{self, Story, TRAFFIC};

    #[test]
    fn who_wanted_to_go_there_is_not_told_that_he_came_there() {
        let late = |mut records: Vec<Record>| {
            for record in &mut records {
                if let Event::Looked {
                    entry,
                    round,
                    finding,
                } = &mut record.event
                    && (*entry, *round) == (TRAFFIC, Round::Verify)
                {
                    *finding = Finding::new(Outcome::Late, "3% come back");
                }
            }
            Tally::of(&records)
        };
        let all_seen = Tally::of(&fixture::undone());
        assert_eq!(code_of(&all_seen, false), Exit::Undone);
        assert_eq!(code_of(&all_seen, true), Exit::Undone);
        let unseen = late(fixture::undone());
        assert_eq!(code_of(&unseen, false), Exit::Held);
        // It is as asked of a rollback.
        assert_eq!(code_of(&unseen, true), Exit::Unproven);
        // Where nothing ever stood, what the world shows is not its doing.
        let mut story = Story::of(fixture::plan(Mode::Failover));
        let why = "not allowed".to_owned();
        story
            .baseline()
            .ready(Round::There)
            .write(Way::There, Answer::Refused { why })
            .settle(Way::There, Some(Side::Before))
            .moved(Round::Verify);
        let refused = late(story.ends(Ending::Undone));
        assert!(refused.is_undone_unseen() && refused.never_stood());
        assert_eq!(code_of(&refused, false), Exit::Undone);
    }
}
