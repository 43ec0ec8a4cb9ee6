//! An undo that says nothing of what it never began is found out.

use super::Model;
use super::defects::Planted;
use super::property::Property;
use super::space::{Limits, explore};
use crate::event::{Event, Round};
use crate::machine::{Move, Phase, State};
use crate::plan::{Mode, Outcome, Plan};

#[test]
fn an_undo_that_reads_only_what_it_wrote() {
    const NEVER: usize = 2;
    let rules = Planted {
        hears: |_: &Plan, state: &State, event: &Event| {
            let mut event = event.clone();
            if let Event::Judged {
                round: Round::Verify,
                outcomes,
            } = &mut event
                && state.phase() != Phase::Accept
                && outcomes.iter().all(|(entry, _)| *entry != NEVER)
            {
                outcomes.push((NEVER, Outcome::Pass));
                outcomes.sort_by_key(|(entry, _)| *entry);
            }
            vec![event]
        },
        says: |_: &State, mut mv| {
            if let Move::Look {
                round: Round::Verify,
                entries,
            } = &mut mv
            {
                entries.retain(|entry| *entry != NEVER);
            }
            mv
        },
    };
    let model = Model::sketch(Mode::Failover, "kcck");
    let limits = Limits {
        faults: 2,
        ..Limits::default()
    };
    let space = explore(&model, &rules, limits);
    let stories: Vec<String> = (space.breaches.iter())
        .filter(|breach| breach.property == Property::SeenSince)
        .map(|breach| breach.script.name(&model.plan))
        .collect();
    let meanwhile = |story: &String| story.contains("c2/look@verify=meanwhile");
    assert!(stories.iter().any(meanwhile), "{stories:?}");
}
