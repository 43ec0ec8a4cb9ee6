//! What was said beforehand: which hold it answers, and how often.

use crate::engine::accept::Shown;
use crate::engine::people::ANYWAY;
use crate::event::Decision;
use crate::machine::{Hold, Phase};

/// As [`crate::machine::State::position`] says it.
type Position = (Phase, u16, Option<u16>);

/// What somebody said beforehand, of one hold and of no other.
#[derive(Clone)]
pub(in crate::engine) struct Foregone {
    pub(in crate::engine) hold: Hold,
    /// Where it must be, and what was shown there; `None` is anywhere, whatever is shown.
    pub(in crate::engine) at: Option<(Position, Shown)>,
    pub(in crate::engine) decision: Decision,
    /// Who said so.
    pub(in crate::engine) by: String,
}

/// What somebody has said who wants everything put back `--anyway`.
pub(in crate::engine) fn back_anyway(by: &str) -> [Foregone; 2] {
    ANYWAY.map(|hold| Foregone {
        hold,
        at: None,
        decision: Decision::Back,
        by: by.to_owned(),
    })
}

/// Whether a hold is for the findings of a pass over the list on the way there. Of its batches each may hold the run, and
/// for something else.
fn is_of_a_pass(hold: Hold, here: Position) -> bool {
    let looks = matches!(hold, Hold::Failed | Hold::Late | Hold::Unknown);
    looks && here.0 == Phase::Forward && here.2.is_none()
}

impl Foregone {
    /// Whether it answers a hold at this position, for what is shown there.
    pub(super) fn answers(&self, hold: Hold, here: Position, shown: &Shown) -> bool {
        let pass = is_of_a_pass(hold, here);
        match &self.at {
            None => self.hold == hold || is_of_a_pass(self.hold, here) && pass,
            // On the way to the hold that was accepted, what was accepted before it is met again.
            Some((at, of)) => of.covers_all(shown) && (self.hold == hold && *at == here || pass),
        }
    }

    /// Whether it answers nothing more once it has answered a hold at this position. Of several places each may be
    /// somebody else's.
    pub(super) fn is_used_up(&self, hold: Hold, here: Position) -> bool {
        match hold {
            Hold::Foreign => self.at.is_some(),
            _ => !is_of_a_pass(hold, here),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::findings::Findings;
    use crate::event::{Finding, Round};
    use crate::plan::{Mode, Outcome};

    const PASS: Position = (Phase::Forward, 3, None);
    const MOTION: Position = (Phase::Forward, 3, Some(3));
    const BACK: Position = (Phase::Return, 3, None);

    fn said(hold: Hold, at: Option<(Position, Shown)>) -> Foregone {
        Foregone {
            hold,
            at,
            decision: Decision::On,
            by: "anna@ops1".into(),
        }
    }

    /// What the failure of one check comes to.
    fn failed(entry: usize) -> Shown {
        let plan = crate::fake::plan(Mode::Failover, "ckk");
        let mut findings = Findings::default();
        findings.keep(
            Round::There,
            entry,
            Finding::new(Outcome::Fail, "no answer"),
        );
        Shown::of(&plan, Round::There, &[(entry, Outcome::Fail)], &findings)
    }

    #[test]
    fn what_was_accepted_answers_the_hold_that_it_was_shown_in() {
        let answers = |of: Hold, hold: Hold, here: Position| {
            let at = Some((here, failed(1)));
            said(of, at).answers(hold, here, &failed(1))
        };
        // One batch of a pass holds for what failed, the next for what is late: it is one pass, and one answer.
        let looks = [Hold::Failed, Hold::Late, Hold::Unknown];
        for of in looks {
            for hold in looks {
                assert!(answers(of, hold, PASS), "{of:?} {hold:?}");
                // While a place is written, and on the way back, each hold is one of its own.
                assert_eq!(answers(of, hold, MOTION), of == hold, "{of:?} {hold:?}");
                assert_eq!(answers(of, hold, BACK), of == hold, "{of:?} {hold:?}");
            }
            for other in [Hold::Foreign, Hold::OldSideSick] {
                for here in [PASS, MOTION, BACK] {
                    assert!(!answers(of, other, here) && answers(other, other, here));
                    // What was accepted of a pass is met again on the way to the place that was.
                    assert_eq!(answers(other, of, here), here == PASS);
                }
            }
        }
    }

    #[test]
    fn it_answers_nothing_elsewhere_and_nothing_that_is_newer() {
        let of = said(Hold::Failed, Some((PASS, failed(1))));
        assert!(of.answers(Hold::Failed, PASS, &failed(1)));
        assert!(!of.answers(Hold::Failed, PASS, &failed(2)));
        // The same thing at the next batch of a pass is nothing new; a place that is written there is.
        assert!(of.answers(Hold::Failed, (Phase::Forward, 4, None), &failed(1)));
        assert!(!of.answers(Hold::Failed, (Phase::Forward, 4, Some(4)), &failed(1)));
        // Whoever wants it put back anyway has said so of each such hold.
        for of in back_anyway("anna@ops1") {
            for here in [PASS, MOTION, BACK] {
                assert!(of.answers(of.hold, here, &failed(2)));
                assert!(!of.answers(Hold::Failed, here, &failed(2)));
            }
        }
    }

    #[test]
    fn it_is_used_up_but_for_a_pass_and_for_what_others_wrote_anywhere() {
        let anywhere = said(Hold::Foreign, None);
        let here = said(Hold::Foreign, Some((MOTION, failed(1))));
        assert!(!anywhere.is_used_up(Hold::Foreign, MOTION));
        assert!(here.is_used_up(Hold::Foreign, MOTION));
        for hold in [Hold::Failed, Hold::Late, Hold::Unknown] {
            assert!(!here.is_used_up(hold, PASS), "{hold:?}");
            assert!(here.is_used_up(hold, MOTION) && here.is_used_up(hold, BACK));
        }
        assert!(anywhere.is_used_up(Hold::OldSideSick, BACK));
    }
}
