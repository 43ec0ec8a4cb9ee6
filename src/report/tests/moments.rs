//! The displays beside the machine, in every moment of the lives of small plans.

use super::fixture::Story;
use crate::event::Record;
use crate::machine::Move;
use crate::plan::Mode;
use crate::report::{Cursor, Now, Tally};
use crate::simulate::{Machine, Model, Script, points_after, walk};

/// Plans with every nature of a step, and the modes in which they are carried out.
const PLANS: &[(Mode, &str)] = &[
    (Mode::Check, "kck"),
    (Mode::Plan, "kck"),
    (Mode::Drill, "pkck"),
    (Mode::Drill, "pcac"),
    (Mode::Failover, "ktck"),
    (Mode::Failover, "ka?xk"),
    (Mode::Failover, "pbcwk"),
    (Mode::Emergency, "pbck"),
];

/// What somebody who watches may see while the machine makes this move, said without the code of the display.
fn fits(now: &Now, mv: &Move) -> bool {
    match (mv, now) {
        (Move::Look { round, entries }, Now::Looking { round: shown, left }) => {
            round == shown && left == entries
        }
        (
            Move::Compare { entry, way } | Move::Write { entry, way } | Move::Settle { entry, way },
            Now::Writing { entry: at, way: to },
        ) => entry == at && way == to,
        (Move::Wait { entry }, Now::Waiting { entry: at })
        | (Move::Approve { entry }, Now::Asking { entry: at }) => entry == at,
        (Move::Decide { hold }, Now::Deciding { hold: shown }) => hold == shown,
        (Move::TakeBaseline, Now::Preparing)
        | (Move::Stay, Now::Holding)
        | (Move::End { .. }, Now::Closing) => true,
        _ => false,
    }
}

/// Follows one life, and counts its moments.
fn follow(model: &Model, script: &Script) -> usize {
    let mut tally = Tally::new();
    let mut cursor = Cursor::new();
    let mut take = |records: &[Record]| {
        for record in records {
            tally.fold(record);
            cursor.fold(&tally, record);
        }
        cursor.now().clone()
    };
    let mut story = Story::of(model.plan.clone());
    let mut now = take(&story.records);
    let steps = walk(model, &Machine, script).steps;
    for (n, step) in steps.iter().enumerate() {
        // Nothing is done either where the process is gone.
        assert!(
            step.mv == Move::Rest || fits(&now, &step.mv),
            "{} {script:?}, moment {n}: {now:?} is shown, and it does {:?}",
            model.plan.mode,
            step.mv
        );
        let from = story.records.len();
        for event in &step.facts {
            story.says(event.clone());
        }
        now = take(&story.records[from..]);
    }
    steps.len()
}

#[test]
fn a_display_shows_what_the_machine_does_in_every_moment() {
    let mut moments = 0;
    for (mode, letters) in PLANS {
        let model = Model::sketch(*mode, letters);
        let none = Script::default();
        moments += follow(&model, &none);
        for first in points_after(&model, &Machine, &none) {
            let once = Script(vec![first]);
            moments += follow(&model, &once);
            for second in points_after(&model, &Machine, &once) {
                moments += follow(&model, &Script(vec![first, second]));
            }
        }
    }
    assert!(moments > 100_000, "only {moments} moments");
}
