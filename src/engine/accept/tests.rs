use super::*;
use crate::fake;
use crate::plan::Mode;

fn fact(what: &str, actual: &str, outcome: Outcome) -> Fact {
    Fact {
        outcome,
        what: what.into(),
        expected: String::new(),
        actual: actual.into(),
    }
}

/// A finding of these things, each with what it showed, and how it was.
fn found(outcome: Outcome, things: &[(&str, &str, Outcome)]) -> Finding {
    let facts: Vec<Fact> = (things.iter())
        .map(|(what, actual, outcome)| fact(what, actual, *outcome))
        .collect();
    Finding::new(outcome, "what was seen").facts(facts)
}

const FAIL: Outcome = Outcome::Fail;
const ROUND: Round = Round::Verify;

fn shown(plan: &Plan, entry: usize, finding: Finding) -> Shown {
    let outcomes = [(entry, finding.outcome)];
    let mut findings = Findings::default();
    findings.keep(ROUND, entry, finding);
    Shown::of(plan, ROUND, &outcomes, &findings)
}

#[test]
fn what_was_shown_is_accepted_and_nothing_newer() {
    let plan = fake::plan(Mode::Drill, "kck");
    let two = || {
        found(
            FAIL,
            &[
                ("one", "x", FAIL),
                ("two", "x", FAIL),
                ("three", "x", Outcome::Pass),
            ],
        )
    };
    let accepted = shown(&plan, 2, two());
    for (finding, covered) in [
        (two(), true),
        // Less than what was shown, and other figures.
        (found(FAIL, &[("one", "y", FAIL)]), true),
        // Something new, also where it was seen to be good then.
        (
            found(FAIL, &[("one", "x", FAIL), ("four", "x", FAIL)]),
            false,
        ),
        (found(FAIL, &[("three", "x", FAIL)]), false),
        // Worse, or without a reason.
        (found(Outcome::Late, &[("one", "x", FAIL)]), false),
        (found(FAIL, &[]), false),
        // What is good needs nobody.
        (found(Outcome::Warn, &[("four", "x", FAIL)]), true),
        (found(Outcome::Pass, &[]), true),
    ] {
        assert_eq!(accepted.covers(&plan, 2, &finding), covered, "{finding:?}");
        let newer = shown(&plan, 2, finding.clone());
        assert_eq!(accepted.covers_all(&newer), covered, "{finding:?}");
        let new: &[usize] = if covered { &[] } else { &[2] };
        assert_eq!(accepted.lacks(&newer), new, "{finding:?}");
    }
    assert!(!accepted.covers(&plan, 0, &two()), "another entry");
    assert!(
        !accepted.covers_all(&shown(&plan, 0, two())),
        "another entry"
    );
    // What had no reason covers what has none.
    let accepted = shown(&plan, 2, found(FAIL, &[]));
    assert!(accepted.covers(&plan, 2, &found(FAIL, &[])));
    assert!(!accepted.covers(&plan, 2, &found(FAIL, &[("one", "x", FAIL)])));
}

#[test]
fn of_a_place_what_it_holds_is_accepted() {
    let plan = fake::plan(Mode::Drill, "kck");
    let holds = |value| found(FAIL, &[("address", value, FAIL)]);
    let accepted = shown(&plan, 1, holds("192.0.2.1"));
    assert!(accepted.covers(&plan, 1, &holds("192.0.2.1")));
    assert!(!accepted.covers(&plan, 1, &holds("192.0.2.2")));
}

#[test]
fn what_was_seen_in_another_round_or_not_judged_is_not_shown() {
    let plan = fake::plan(Mode::Drill, "kck");
    let finding = || found(FAIL, &[("one", "x", FAIL)]);
    let found_in = |round| {
        let mut findings = Findings::default();
        findings.keep(round, 2, finding());
        findings
    };
    let findings = found_in(Round::There);
    let other_round = Shown::of(&plan, ROUND, &[(2, FAIL)], &findings);
    assert!(!other_round.covers(&plan, 2, &finding()));
    let findings = found_in(ROUND);
    let passed = Shown::of(&plan, ROUND, &[(2, Outcome::Pass)], &findings);
    assert!(!passed.covers(&plan, 2, &finding()));
}

#[test]
fn what_was_accepted_is_told_as_it_was() {
    let told = accept(found(FAIL, &[("one", "x", FAIL)]));
    assert_eq!(told.outcome, Outcome::Warn);
    assert!(told.headline.contains("what was seen") && told.headline.contains("accepted"));
    let good = found(Outcome::Pass, &[]);
    assert_eq!(accept(good.clone()), good);
}
