//! Answers that deny what was asked for, or lead elsewhere.

use super::*;

/// What is asked for and not there was not served, whatever probes of other pages say.
#[test]
fn users_who_get_what_is_not_there_are_not_served() {
    use Outcome::*;
    // Of 200 answers each: 4xx and redirects before, and now; and the target's own of before.
    let cases = [
        ([0, 0], [0, 0], [0, 0], Pass),
        ([0, 0], [200, 0], [0, 0], Fail),
        ([0, 0], [40, 0], [0, 0], Fail),
        // As many as may be of errors.
        ([0, 0], [10, 0], [0, 0], Pass),
        // Everywhere somebody asks for what is not there.
        ([60, 0], [60, 0], [0, 0], Pass),
        ([60, 0], [75, 0], [0, 0], Pass),
        ([60, 0], [140, 0], [0, 0], Fail),
        ([0, 0], [0, 200], [0, 0], Unknown),
        ([0, 150], [0, 150], [0, 0], Pass),
        // Those who ask the target for it always did.
        ([0, 0], [10, 0], [10, 0], Pass),
    ];
    let of = |(key, fact): (String, Json), [denied, led]: [u64; 2]| {
        let mut seen: Seen = serde_json::from_value(fact).unwrap();
        for tally in [&mut seen.count.now, &mut seen.count.earlier] {
            (tally.denied, tally.led) = (denied / 2, led / 2);
        }
        (key, serde_json::to_value(seen).unwrap())
    };
    for (was, now, own, outcome) in cases {
        let evidence = Evidence {
            items: vec![
                live(of(seen("cloud", "standby", 100, 0, 0), now)),
                live(seen("dedicated", "primary", 0, 0, 0)),
            ],
            baseline: vec![
                of(seen("cloud", "standby", 5, 0, 0), own),
                of(seen("dedicated", "primary", 100, 0, 0), was),
            ],
        };
        let finding = traffic().judge(&aim(), &evidence);
        let facts = &finding.facts;
        assert_eq!(finding.outcome, outcome, "{was:?} {now:?}: {facts:#?}");
        assert_eq!(finding.final_, outcome == Fail, "{was:?} {now:?}");
        if now == [200, 0] {
            let said = "200 of 200 answers are 4xx; 0 of 200 answers were 4xx before the change";
            assert!(facts.iter().any(|fact| fact.actual == said), "{facts:#?}");
        }
    }
}
