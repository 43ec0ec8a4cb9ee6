//! What one side showed pays nothing of the other; and what leads to neither of them as it should.

use super::*;

#[test]
fn what_is_owed_of_one_side_is_not_paid_by_the_other() {
    let plan = fake::plan(Mode::Failover, "pc");
    let looked = |round, outcome| Event::Looked {
        entry: 0,
        round,
        finding: Finding::new(outcome, "as it was seen"),
    };
    let round = |events: Vec<Event>, key: &str| {
        let records: Vec<Record> = (0..)
            .zip(events)
            .map(|(seq, event)| Record {
                seq,
                at: crate::clock::Stamp::at(seq),
                event,
            })
            .collect();
        let (key, what, how) = (key.to_owned(), String::new(), String::new());
        to_see(&plan, &records, &Owed { key, what, how })
    };
    let (fail, pass) = (Outcome::Fail, Outcome::Pass);
    // Somebody asked to go back, and it stayed.
    let stayed = || vec![looked(Round::There, fail), looked(Round::Probe, fail)];
    assert_eq!(round(stayed(), "see p0"), Some((0, Round::There)));
    assert_eq!(round(stayed(), "see back p0"), Some((0, Round::Probe)));
    let after = vec![
        looked(Round::There, fail),
        looked(Round::Probe, pass),
        looked(Round::Verify, fail),
    ];
    assert_eq!(round(after, "see back p0"), Some((0, Round::Verify)));
    // What another check showed later says nothing of this one.
    let mut other = stayed();
    other.push(Event::Looked {
        entry: 1,
        round: Round::Verify,
        finding: Finding::new(fail, "as it was seen"),
    });
    assert_eq!(round(other, "see back p0"), Some((0, Round::Probe)));
    // A journal of version 0.1.0.
    let before = vec![looked(Round::There, pass), looked(Round::Verify, fail)];
    assert_eq!(round(before, "see p0"), Some((0, Round::Verify)));
    assert_eq!(round(Vec::new(), "see p0"), Some((0, Round::There)));
    assert_eq!(round(stayed(), "look at p0"), None);
    assert_eq!(round(stayed(), "see back p1"), None);
}

/// A place that warns leads back, and something else was seen beside it.
#[test]
fn what_was_not_seen_to_lead_back_is_astray() {
    let astray = |outcome| {
        is_astray(&Fact {
            outcome,
            what: String::new(),
            expected: String::new(),
            actual: String::new(),
        })
    };
    let [pass, warn] = [Outcome::Pass, Outcome::Warn].map(astray);
    assert!(!pass && !warn);
    for outcome in [Outcome::Fail, Outcome::Late, Outcome::Unknown] {
        assert!(astray(outcome), "{outcome}");
    }
}
