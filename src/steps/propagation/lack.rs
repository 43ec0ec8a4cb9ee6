//! Name servers and resolvers to which this machine has no route.

use super::seen::Sighting;
use crate::event::Finding;
use crate::step::{Evidence, Known};
use crate::steps::lacks::Lacks;
use crate::steps::probe::Family;

/// A finding, with what to do where it is this machine that cannot ask.
pub(super) fn told(finding: Finding, evidence: &Evidence) -> Finding {
    let mut lacks = Lacks::default();
    for (_, known) in &evidence.items {
        let Known::Live(json) = known else { continue };
        let Ok(sighting) = serde_json::from_value::<Sighting>(json.clone()) else {
            continue;
        };
        for asked in &sighting.asked {
            let family = Family::of(asked.at.ip());
            for (_, told) in &asked.answers {
                if let Err(unseen) = told {
                    lacks.take(unseen, Some(family));
                }
            }
        }
    }
    lacks.told(finding, "on-fail = \"warn\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Cause, Unseen};
    use crate::plan::Outcome;
    use crate::steps::propagation::seen::{Asked, Role};

    /// It is not the name server that is out of order.
    #[test]
    fn where_this_machine_has_no_route_to_a_name_server_it_says_where_to_look_from() {
        let key: crate::dns::RecordKey = "www.example.org. A".parse().unwrap();
        let judged = |cause| {
            let asked = Asked::new(
                "ns2.example.org [2001:db8::53]".into(),
                "[2001:db8::53]:53".parse().unwrap(),
                vec![(key.clone(), Err(Unseen::new(cause, "was not asked")))],
                crate::clock::Clock::real().now(),
            );
            let sighting = Sighting {
                zone: "example.org".into(),
                role: Role::Authoritative,
                sites: Default::default(),
                asked: vec![asked],
                notes: Vec::new(),
                unseen: Vec::new(),
                written_at: None,
                old_ttl: None,
            };
            let evidence = Evidence {
                items: vec![(
                    "example.org".into(),
                    Known::Live(serde_json::to_value(sighting).unwrap()),
                )],
                baseline: Vec::new(),
            };
            told(Finding::new(Outcome::Unknown, "not asked"), &evidence)
        };
        assert_eq!(
            judged(Cause::NoRoute).mended_by(),
            Some(
                "look from a machine that has a route over IPv6; `on-fail = \"warn\"` in the step goes on without"
            )
        );
        assert_eq!(judged(Cause::TimedOut).mended_by(), None);
    }
}
