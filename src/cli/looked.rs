//! What was read just now of places that a run wrote, and what of it settles something that the run owes.

use crate::plan::{Nature, Plan, Side, Value};
use crate::report::Tally;

/// The places as they were read, by entry; of one that is not in the list it cannot be told.
#[derive(Clone, Copy)]
pub(super) struct Looked<'a> {
    pub plan: &'a Plan,
    pub tally: &'a Tally,
    pub seen: &'a [(usize, Result<Value, String>)],
}

impl Looked<'_> {
    /// Whether the place of an entry is seen to hold the value of this side. One that may show an old copy is not.
    pub(super) fn is(&self, entry: usize, wanted: Side) -> bool {
        let so = |value| self.plan.entries[entry].is_at(value, wanted);
        self.value(entry).is_some_and(so) && self.tally.doubt(entry, wanted).is_none()
    }

    /// Whether the place of an entry is seen to hold nothing any more that its run wrote.
    pub(super) fn is_put_back(&self, entry: usize) -> bool {
        let (Some(value), Nature::Change(edit)) =
            (self.value(entry), &self.plan.entries[entry].nature)
        else {
            return false;
        };
        let as_before = edit.sides(value).any(|(_, side)| side == Side::Before);
        let doubtful = as_before && self.tally.doubt(entry, Side::Before).is_some();
        !edit.still_holds_written(value) && !doubtful
    }

    /// What the place of a change holds now, in words; `None` where it was not read.
    pub(super) fn holds(&self, entry: usize) -> Option<String> {
        let Nature::Change(edit) = &self.plan.entries[entry].nature else {
            return None;
        };
        let side = edit.side(self.value(entry)?);
        if let Some(doubt) = self.tally.doubt(entry, side) {
            return Some(doubt.to_owned());
        }
        let how = match side {
            Side::Before => "what it held before the run",
            Side::After => "what the run wrote",
            Side::Mixed => "a part of what the run wrote",
            Side::Foreign => "what somebody else wrote",
        };
        Some(format!("now it holds {how}"))
    }

    fn value(&self, entry: usize) -> Option<&Value> {
        let mut seen = self.seen.iter().filter(|(other, _)| *other == entry);
        seen.next()?.1.as_ref().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Answer, Decision, Event, Round};
    use crate::plan::{Mode, Way};
    use crate::report::fixture::{FLIP, Story, edit, plan};

    #[test]
    fn an_old_copy_settles_nothing() {
        let written = |accepted: bool, note: &str| {
            let mut story = Story::of(plan(Mode::Drill));
            let answer = match accepted {
                true => Answer::Done { note: note.into() },
                false => Answer::Refused { why: note.into() },
            };
            story
                .baseline()
                .ready(Round::There)
                .write(Way::There, answer)
                .settle(Way::There, Some(Side::Before));
            if accepted {
                story.says(Event::Decided {
                    decision: Decision::On,
                    by: "root@ops1".into(),
                    parts: true,
                });
            }
            story.records
        };
        let before = [(FLIP, Ok(edit().before))];
        let after = [(FLIP, Ok(edit().after))];
        let unread = [(FLIP, Err("no answer".to_owned()))];
        let part = edit().after.0.into_iter().next();
        let mut mixed = edit().before;
        mixed.0.extend(part);
        let mixed = [(FLIP, Ok(mixed))];
        // Its write was refused, or said that it was done and nobody saw it so.
        for (records, settles) in [(written(false, "no"), true), (written(true, "yes"), false)] {
            let tally = Tally::of(&records);
            let plan = tally.plan().unwrap();
            let looked = |seen| Looked {
                plan,
                tally: &tally,
                seen,
            };
            assert_eq!(looked(&before).is(FLIP, Side::Before), settles);
            assert_eq!(looked(&before).is_put_back(FLIP), settles);
            assert!(looked(&after).is(FLIP, Side::After));
            for other in [&after, &mixed, &unread] {
                assert!(!looked(other).is(FLIP, Side::Before));
                assert!(!looked(other).is_put_back(FLIP));
            }
        }
    }
}
