//! What is owed where somebody said that a drill remains where it is.

use super::*;

#[test]
fn a_drill_that_remains_owes_its_return_and_nothing_of_the_side_that_it_left() {
    let plan = fake::plan(Mode::Drill, "pck");
    let mut state = State::new(&plan);
    let happens = |state: &mut State, event: Event| state.fold(&plan, &event).unwrap();
    let judged = |round, entries: &[usize], outcome| Event::Judged {
        round,
        outcomes: entries.iter().map(|i| (*i, outcome)).collect(),
    };
    happens(&mut state, judged(Round::There, &[0], Outcome::Pass));
    let (entry, way) = (1, Way::There);
    let after = [
        Event::Answered {
            entry,
            way,
            answer: Answer::Done {
                note: String::new(),
            },
        },
        Event::Settled {
            entry,
            way,
            side: Some(Side::After),
            detail: None,
            stored: Value::default(),
        },
        judged(Round::There, &[2], Outcome::Pass),
        Event::HoldOver { by: String::new() },
        judged(Round::Return, &[0], Outcome::Fail),
        Event::Decided {
            decision: crate::event::Decision::Stay,
            by: String::new(),
            parts: true,
        },
    ];
    for event in begun(entry).into_iter().chain(after) {
        happens(&mut state, event);
    }
    assert!(state.remains());
    let sick = Some((Round::Return, Finding::new(Outcome::Fail, "0 of 1")));
    let owes = keys(&plan, &state, Ending::DoneUnproven, &[sick, None, None]);
    assert_eq!(owes, ["return old"]);
}
