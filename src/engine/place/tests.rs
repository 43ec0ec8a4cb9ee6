use super::*;
use crate::fake::edit_of;

#[test]
fn a_place_is_held_against_the_side_that_the_run_speaks_of() {
    let edit = edit_of("c1");
    let mut half = edit.before.clone();
    let (first, new) = edit.after.0.iter().next().unwrap();
    half.0.insert(first.clone(), new.clone());
    let foreign = Value([("one".to_owned(), "else".into())].into());
    for (side, holds, outcome, differ) in [
        (Side::After, &edit.after, Outcome::Pass, 0),
        (Side::After, &edit.before, Outcome::Fail, 2),
        (Side::After, &half, Outcome::Fail, 1),
        (Side::After, &foreign, Outcome::Fail, 2),
        (Side::Before, &edit.before, Outcome::Pass, 0),
        (Side::Before, &edit.after, Outcome::Fail, 2),
        (Side::Before, &half, Outcome::Fail, 1),
    ] {
        let found = judge(&edit, side, Ok(holds.clone()));
        assert_eq!(found.outcome, outcome, "{side:?} {holds:?}");
        assert_eq!(found.facts.len(), differ, "{side:?} {holds:?}");
    }
    // Expected beside actual.
    let found = judge(&edit, Side::After, Ok(edit.before.clone()));
    let fact = &found.facts[0];
    assert!(
        fact.expected.contains("new") && fact.actual.contains("old"),
        "{fact:?}"
    );
}
