use serde_json::json;

use super::*;
use crate::engine::look::tests::looking;
use crate::event::Unseen;
use crate::fake::plan;
use crate::plan::{Mode, Plan};

fn away(key: &str) -> (String, Known) {
    let why = Unseen::new(Cause::NoRoute, "this machine has no route to it");
    (key.to_owned(), Known::Unseen(why))
}

fn shown(outcome: Outcome) -> (String, Known) {
    ("v4".to_owned(), Known::Live(json!(outcome)))
}

fn fact(outcome: Outcome) -> Fact {
    Fact {
        outcome,
        what: "other".into(),
        expected: "an answer".into(),
        actual: "as it was seen".into(),
    }
}

/// What becomes of a finding on the way there in an emergency, where this was seen.
async fn of(plan: &Plan, aim: &Aim, items: Vec<(String, Known)>, finding: Finding) -> Finding {
    let evidence = Evidence {
        items,
        baseline: Vec::new(),
    };
    looking(plan, &[], async |looker, _| {
        looker.beyond_our_lack(&plan.entries[0], aim, &evidence, finding)
    })
    .await
}

fn unknown() -> Finding {
    Finding::new(Outcome::Unknown, "not all answers")
}

/// Each reason for which nobody is held up must be there.
#[tokio::test(start_paused = true)]
async fn only_an_emergency_goes_past_what_this_machine_cannot_reach_and_only_on_its_way_there() {
    let emergency = plan(Mode::Emergency, "k");
    let there = Aim::there(&emergency.direction, false);
    let past = of(&emergency, &there, vec![away("v6")], unknown()).await;
    assert_eq!(past.outcome, Outcome::Warn);
    assert_eq!(
        past.headline,
        "not all answers; what this machine has no route to is not proven"
    );
    let stays = |found: &Finding, as_it_was: &Finding| assert_eq!(found, as_it_was);
    let back = Aim::back(&emergency.direction, true);
    let found = of(&emergency, &back, vec![away("v6")], unknown()).await;
    stays(&found, &unknown());
    let planned = plan(Mode::Failover, "k");
    let found = of(&planned, &there, vec![away("v6")], unknown()).await;
    stays(&found, &unknown());
    for outcome in [Outcome::Fail, Outcome::Late, Outcome::Pass] {
        let other = Finding::new(outcome, "as it was seen");
        let found = of(&emergency, &there, vec![away("v6")], other.clone()).await;
        stays(&found, &other);
    }
    // It is not for a route that nothing is known.
    let found = of(&emergency, &there, vec![shown(Outcome::Pass)], unknown()).await;
    stays(&found, &unknown());
}

#[tokio::test(start_paused = true)]
async fn what_could_be_asked_still_counts() {
    let plan = plan(Mode::Emergency, "k");
    let there = Aim::there(&plan.direction, false);
    for (outcome, past) in [
        (Outcome::Pass, true),
        (Outcome::Warn, true),
        (Outcome::Unknown, false),
        (Outcome::Fail, false),
    ] {
        let seen = vec![shown(outcome), away("v6")];
        let found = of(&plan, &there, seen, unknown()).await;
        assert_eq!(found.outcome == Outcome::Warn, past, "{outcome}: {found:?}");
        assert_eq!(found == unknown(), !past, "{outcome}: {found:?}");
    }
}

/// What is not proven stands among the facts, once.
#[tokio::test(start_paused = true)]
async fn what_is_not_proven_is_among_the_facts() {
    let plan = plan(Mode::Emergency, "k");
    let there = Aim::there(&plan.direction, false);
    for (outcome, facts) in [(Outcome::Pass, 3), (Outcome::Unknown, 1)] {
        let mut finding = unknown();
        finding.facts = vec![fact(outcome)];
        let found = of(&plan, &there, vec![away("v6"), away("v6 too")], finding).await;
        assert_eq!(found.facts.len(), facts, "{outcome}: {found:?}");
        assert!(found.has_unknowns());
    }
}
