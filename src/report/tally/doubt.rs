//! What is not known of a place because the answer of its write says otherwise. Every list and display asks here.

use super::{Standing, Tally};
use crate::machine::{Doubt, Mark, Phase};
use crate::plan::Side;

/// What is said of a place that holds what a write was to write that was refused.
pub const REFUSED_AND_SO: &str =
    "not known whose: its write was refused, and it holds what was to be written";

impl Tally {
    /// What is said of a place that shows this, where that tells nothing: its write was answered otherwise, and nobody
    /// saw its value since; who reads the same place again may be told the same again.
    pub fn doubt(&self, entry: usize, side: Side) -> Option<&'static str> {
        let doubt = self.doubted(entry).filter(|doubt| doubt.is_about(side))?;
        Some(match doubt {
            Doubt::There if self.is_in_part(entry) => {
                "not known: a part of what was written was seen there, and it reads as before"
            }
            Doubt::There => "not known: its write was answered with done, and it reads as before",
            Doubt::Back => {
                "not known: its way back was not answered with done, and it reads as before"
            }
            Doubt::Refused => REFUSED_AND_SO,
        })
    }

    /// Whether a place may show something else than what is so, or was seen to contradict its write.
    pub fn is_in_doubt(&self) -> bool {
        (self.changes.iter()).any(|(entry, change)| {
            change.standing == Standing::Contradicted || self.doubted(*entry).is_some()
        })
    }

    /// A look that proves nothing puts nothing back.
    pub(super) fn keep_doubt(&mut self, entry: usize) {
        let doubted = self.doubt(entry, Side::Before).is_some();
        if let (true, Some(change)) = (doubted, self.changes.get_mut(&entry))
            && matches!(change.standing, Standing::Untouched | Standing::PutBack)
        {
            change.standing = Standing::Contradicted;
        }
    }

    /// What contradicts its write, of a change that was left to others: that somebody accepted it makes it no better known.
    /// So is what reads as before where only what is seen of it goes back.
    pub(super) fn leave_in_doubt(&mut self, doubted: &[usize]) {
        for entry in doubted {
            let mark = self.mark(*entry);
            let change = self.changes.entry(*entry).or_default();
            change.left_in_doubt |= matches!(mark, Some(Mark::Left | Mark::Shared));
            if mark == Some(Mark::Left) {
                change.standing = Standing::Contradicted;
            }
        }
    }

    /// The changes whose writes came through, as far as was said or seen, and whose places may read as before all the same.
    pub(super) fn in_doubt(&self) -> Vec<usize> {
        let about_before = |entry: &usize| self.doubt(*entry, Side::Before).is_some();
        self.changes.keys().copied().filter(about_before).collect()
    }

    /// How the row of a change says that it is contradicted.
    pub fn contradicted(&self, entry: usize) -> &'static str {
        match self.is_refused_and_so(entry) {
            true => "refused, and it holds what was to be written",
            false if self.is_in_part(entry) => "seen in part, and then not at all",
            false => "answered with done, and not seen so",
        }
    }

    fn is_in_part(&self, entry: usize) -> bool {
        (self.changes.get(&entry)).is_some_and(|change| change.in_part)
    }

    /// Whether the write of a change was refused, and its place held what was to be written: nobody leads that home.
    pub fn is_refused_and_so(&self, entry: usize) -> bool {
        self.standing(entry) == Standing::Contradicted
            && (self.changes.get(&entry)).is_some_and(|change| change.refused_and_so)
    }

    fn doubted(&self, entry: usize) -> Option<Doubt> {
        let open = (self.state.as_ref()).and_then(|state| state.doubts(entry));
        let left = (self.changes.get(&entry)).is_some_and(|change| change.left_in_doubt);
        // Whose it is no longer matters where it was accepted, and stays.
        let goes_back = self.goes_on_with().is_some_and(Phase::undoes);
        let whose = self.is_left(entry) && self.is_refused_and_so(entry) && goes_back;
        open.or(left.then_some(Doubt::Back))
            .or(whose.then_some(Doubt::Refused))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::event::{Answer, Decision, Event, Round};
    use crate::plan::{Mode, Way};
    use crate::report::fixture::{FLIP, Story, WORKS, edit, pass, plan};

    const THERE: Option<&str> =
        Some("not known: its write was answered with done, and it reads as before");
    const PART: Option<&str> =
        Some("not known: a part of what was written was seen there, and it reads as before");
    const BACK: Option<&str> =
        Some("not known: its way back was not answered with done, and it reads as before");

    fn done() -> Answer {
        Answer::Done {
            note: String::new(),
        }
    }

    fn unclear() -> Answer {
        Answer::Unclear {
            why: "no answer in 30s".into(),
        }
    }

    /// A failover whose only write was answered so.
    fn answered(answer: Answer) -> Story {
        let mut story = Story::of(plan(Mode::Failover));
        story
            .baseline()
            .ready(Round::There)
            .write(Way::There, answer);
        story
    }

    /// What is said where its place reads as before, and whether anything may stand.
    fn told(story: &Story) -> (Option<&'static str>, bool) {
        let tally = Tally::of(&story.records);
        assert_eq!(tally.doubt(FLIP, Side::After), None);
        assert_eq!(tally.doubt(FLIP, Side::Foreign), None);
        let doubt = tally.doubt(FLIP, Side::Before);
        if doubt.is_some() {
            assert!(tally.is_in_doubt());
        }
        (doubt, tally.anything_stands())
    }

    #[test]
    fn what_was_answered_with_done_and_not_seen_since_is_not_known() {
        // Nobody came to look, or could; or what was seen contradicts it.
        let story = answered(done());
        assert_eq!(told(&story), (THERE, true));
        for side in [None, Some(Side::Before)] {
            let mut story = answered(done());
            story.settle(Way::There, side);
            assert_eq!(told(&story), (THERE, true), "{side:?}");
            // Going on with it ends no doubt.
            story.says(Event::Resumed {
                by: "root@ops1".into(),
                version: "0.2.0".into(),
                anew: true,
            });
            assert_eq!(told(&story), (THERE, true), "{side:?}");
        }
        // It was seen to stand: what is as before then was put back by somebody.
        let mut story = answered(done());
        story.settle(Way::There, Some(Side::After));
        assert_eq!(told(&story), (None, true));
        // A write that said nothing, and of which nothing can land any more, did not happen.
        let mut story = answered(unclear());
        assert_eq!(told(&story), (None, true));
        story.settle(Way::There, Some(Side::Before));
        assert_eq!(told(&story).0, None);
    }

    #[test]
    fn what_was_seen_in_part_and_then_not_at_all_is_not_known() {
        // The rest of it is written at once.
        let rest = |story: &mut Story, answer| {
            let compared = story.records.len();
            story.write(Way::There, answer);
            story.records.remove(compared);
        };
        for answer in [unclear(), done()] {
            let mut story = answered(answer.clone());
            story.settle(Way::There, Some(Side::Mixed));
            assert_eq!(told(&story), (PART, true));
            let refused = Answer::Refused { why: "no".into() };
            rest(&mut story, refused);
            story.settle(Way::There, Some(Side::Before));
            assert_eq!(told(&story), (PART, true));
            let tally = Tally::of(&story.records);
            assert_eq!(
                tally.contradicted(FLIP),
                "seen in part, and then not at all"
            );
            // All of it came in the end.
            let mut story = answered(answer);
            story.settle(Way::There, Some(Side::Mixed));
            rest(&mut story, done());
            story.settle(Way::There, Some(Side::After));
            assert_eq!(told(&story), (None, true));
        }
    }

    #[test]
    fn what_is_left_to_others_is_known_no_better_than_before() {
        let mut story = answered(done());
        story.settle(Way::There, Some(Side::Foreign));
        story.says(Event::Decided {
            decision: Decision::Back,
            by: "root@ops1".into(),
            parts: true,
        });
        // What is somebody else's is told so, and what reads as before is not known.
        let tally = Tally::of(&story.records);
        assert_eq!(tally.doubt(FLIP, Side::Before), BACK);
        assert_eq!(tally.doubt(FLIP, Side::Foreign), None);
    }

    #[test]
    fn a_doubt_lasts_until_a_way_back_has_said_that_it_is_done() {
        let compared = |side| Event::Compared {
            entry: FLIP,
            way: Way::Back,
            side: Some(side),
            detail: None,
        };
        // Somebody asks to go back out of the hold: each moment of that, as if it had been cut off there.
        let mut story = answered(done());
        story.settle(Way::There, Some(Side::Before));
        story.says(Event::Decided {
            decision: Decision::Back,
            by: "root@ops1".into(),
            parts: true,
        });
        assert_eq!(told(&story), (THERE, true));
        story.settle(Way::There, Some(Side::Before));
        assert_eq!(told(&story), (THERE, true));
        story.batch(Round::Probe, vec![(WORKS, pass("4 probes pass"))]);
        story.says(compared(Side::Before));
        assert_eq!(told(&story), (THERE, true));
        let edit = edit();
        let (from, to) = edit.along(Way::Back);
        let until = story.records[0].at.plus(Duration::from_secs(99));
        story.says(Event::Intended {
            entry: FLIP,
            way: Way::Back,
            from: from.clone(),
            to: to.clone(),
            until,
        });
        assert_eq!(told(&story), (BACK, true));
        let answers = |answer| Event::Answered {
            entry: FLIP,
            way: Way::Back,
            answer,
        };
        let mut lost = Story::following(story.records.clone());
        lost.says(answers(unclear()));
        assert_eq!(told(&lost), (BACK, true));
        lost.settle(Way::Back, Some(Side::Before));
        assert_eq!(told(&lost), (BACK, true));
        // Somebody accepts one that was refused: that is the end of the run, and not of the doubt.
        let mut refused = Story::following(story.records.clone());
        refused
            .says(answers(Answer::Refused { why: "no".into() }))
            .settle(Way::Back, Some(Side::Before));
        refused.says(Event::Decided {
            decision: Decision::On,
            by: "root@ops1".into(),
            parts: true,
        });
        assert_eq!(told(&refused), (BACK, true));
        story.says(answers(done()));
        assert_eq!(told(&story), (None, true));
        story.settle(Way::Back, Some(Side::Before));
        assert_eq!(told(&story), (None, false));
    }
}
