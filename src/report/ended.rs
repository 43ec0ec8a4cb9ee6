//! How a run ended, in a few words.

use std::collections::BTreeSet;

use super::numbers::count;
use super::tally::Tally;
use crate::event::Ending;
use crate::plan::{Direction, Edit, Entry, Mode, Plan};

/// What became of a run that recorded no end and has no process: it was killed, or somebody had it leave at once, in the
/// midst of a write.
pub const CUT_OFF: &str = "cut off or stopped before its end";

/// How a run of this plan ended: what is said of a place is what was compared. `remains`: somebody said that it remains
/// where it is.
pub(super) fn how_it_ended(ending: Ending, plan: &Plan, remains: bool) -> String {
    if ending != Ending::Undone {
        return phrase(ending, plan.mode, &plan.direction, remains);
    }
    let sets = |of: fn(&Entry) -> bool| {
        let keys = |edit: &Edit| -> Vec<String> {
            let keys = edit.before.0.keys().chain(edit.after.0.keys());
            keys.cloned().collect()
        };
        let edits = plan.edits().filter(|(entry, _)| of(entry));
        let sets: BTreeSet<String> = edits.flat_map(|(_, edit)| keys(edit)).collect();
        sets.len()
    };
    match (sets(|entry| entry.ttls_untold), sets(|entry| entry.blind)) {
        (0, 0) => "put back, everything is as it was before".to_owned(),
        (0, n) => format!(
            "put back, data and TTLs of {} are as before; what else a server keeps with them cannot be seen",
            count(n, "record set")
        ),
        (n, _) => format!(
            "put back, data of {} are as before; whether all their records had the TTLs that they have now could not be told",
            count(n, "record set")
        ),
    }
}

/// How a run ended, where it may have been left where it was in place of being put back.
pub fn phrase(ending: Ending, mode: Mode, direction: &Direction, remains: bool) -> String {
    match (ending, mode) {
        (Ending::Done | Ending::DoneUnproven, Mode::Drill) if remains => {
            format!("remains at {}, nothing was put back", direction.target)
        }
        (Ending::Done, _) if remains => "stayed, and seen so; nothing was put back".to_owned(),
        (Ending::DoneUnproven, _) if remains => {
            "stayed, but not everything was seen; nothing was put back".to_owned()
        }
        _ => ending_phrase(ending, mode).to_owned(),
    }
}

/// The same of a run that came to this: where it was put back and not all was seen, nobody says that all is as before.
pub(super) fn how_it_came_out(tally: &Tally, ending: Ending, plan: &Plan) -> String {
    match ending {
        Ending::Undone if tally.is_undone_unseen() => UNSEEN.to_owned(),
        Ending::Refused if is_without_change(tally, plan) => {
            "refused: there is nothing to change, and not everything is seen to be good".to_owned()
        }
        Ending::Stale if matches!(plan.mode, Mode::Check | Mode::Plan) => {
            // What a place of its own holds has a name; another run that stands in the way has none.
            let barred = tally.because().iter().any(|why| why.subject.is_empty());
            match barred {
                true => "refused while another run is not finished, nothing was changed".to_owned(),
                false => "refused: what the plan saw is something else by now, nothing was changed"
                    .to_owned(),
            }
        }
        _ => how_it_ended(ending, plan, tally.remains()),
    }
}

/// Whether a run was refused though nothing stopped it: it had nothing to change, and did not see all of it good.
fn is_without_change(tally: &Tally, plan: &Plan) -> bool {
    plan.first_write().is_none() && tally.because().is_empty() && !tally.not_seen_good().is_empty()
}

/// What is said of a run that was put back where its last looks did not see all of it good.
pub(super) const UNSEEN: &str = "put back, but not everything was seen";

/// How a run ended, in a few words, whatever a person said of it.
pub fn ending_phrase(ending: Ending, mode: Mode) -> &'static str {
    match (ending, mode) {
        (Ending::Done, Mode::Check | Mode::Plan) => "nothing speaks against it",
        (Ending::Done, _) => "done, and seen so",
        (Ending::DoneUnproven, Mode::Check | Mode::Plan) => {
            "nothing stops it, but not everything is seen to be good"
        }
        (Ending::DoneUnproven, _) => "done, but not everything was seen",
        (Ending::Refused, _) => "refused, nothing was changed",
        (Ending::Stale, Mode::Check | Mode::Plan) => {
            "refused: another run is not finished, or the plan is stale; nothing was changed"
        }
        (Ending::Stale, _) => "the plan is stale, nothing was changed",
        (Ending::Undone, _) => "put back, and seen so",
        (Ending::Held, _) => "held, a person must look",
        (Ending::Stopped, _) => "stopped on request",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake;
    use crate::plan::{Nature, Value};

    #[test]
    fn as_before_is_said_of_what_was_compared() {
        let mut plan = fake::plan(Mode::Failover, "cck");
        let whole = "put back, everything is as it was before";
        assert_eq!(how_it_ended(Ending::Undone, &plan, false), whole);
        for entry in &mut plan.entries[..1] {
            entry.blind = true;
            if let Nature::Change(edit) = &mut entry.nature {
                let value = |to: &str| {
                    let keys = ["www", "web"].map(|key| (key.to_owned(), to.into()));
                    Value(keys.into())
                };
                (edit.before, edit.after) = (value("old"), value("new"));
            }
        }
        let told = how_it_ended(Ending::Undone, &plan, false);
        assert!(
            told.contains("data and TTLs of 2 record sets are as before"),
            "{told}"
        );
        assert!(told.contains("cannot be seen"), "{told}");
        assert!(!told.contains("everything"), "{told}");
        plan.entries[0].ttls_untold = true;
        let untimed = how_it_ended(Ending::Undone, &plan, false);
        assert!(
            untimed.contains(
                "data of 2 record sets are as before; whether all their records had the TTLs"
            ),
            "{untimed}"
        );
        // What is kept of a run in a list does not tell what was compared.
        let in_short = ending_phrase(Ending::Undone, Mode::Failover);
        assert!(!in_short.contains("everything"), "{in_short}");
        assert_eq!(
            how_it_ended(Ending::Done, &plan, false),
            "done, and seen so"
        );
    }

    #[test]
    fn another_run_is_only_blamed_where_there_is_one() {
        use crate::event::Event;
        use crate::plan::{Side, Way};
        use crate::report::fixture::{self, FLIP, Story};
        let ending = Ending::Stale;
        let told = |event: Event| {
            let plan = fixture::plan(Mode::Plan);
            let mut story = Story::of(plan.clone());
            story.says(event);
            how_it_came_out(&Tally::of(&story.ends(ending)), ending, &plan)
        };
        let other = told(Event::Barred {
            ending,
            why: "run r17 is not finished".into(),
        });
        assert!(other.contains("another run is not finished"), "{other}");
        let stale = told(Event::Compared {
            entry: FLIP,
            way: Way::There,
            side: Some(Side::Foreign),
            detail: Some("`www` holds `else`".into()),
        });
        assert!(!stale.contains("another run"), "{stale}");
        assert!(stale.contains("something else by now"), "{stale}");
    }

    #[test]
    fn that_nothing_was_put_back_is_said_where_a_run_remains() {
        let direction = fake::plan(Mode::Drill, "c").direction;
        for mode in [Mode::Drill, Mode::Failover, Mode::Emergency] {
            for ending in [Ending::Done, Ending::DoneUnproven] {
                let told = phrase(ending, mode, &direction, true);
                assert!(told.contains("nothing was put back"), "{told}");
                assert!(!told.contains("done"), "{told}");
            }
        }
        let told = phrase(Ending::DoneUnproven, Mode::Drill, &direction, true);
        assert_eq!(told, "remains at new, nothing was put back");
        let held = phrase(Ending::Held, Mode::Drill, &direction, true);
        assert_eq!(held, "held, a person must look");
    }
}
