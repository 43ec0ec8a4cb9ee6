use super::*;
use crate::event::Cause;
use crate::world::dns::signed::KeyId;

/// Seconds since 1970, of a time as a signature has it.
fn at(text: &str) -> u32 {
    let time: Timestamp = text.parse().unwrap();
    u32::try_from(time.as_second()).unwrap()
}

fn span(inception: &str, expiration: &str) -> Span {
    Span {
        inception: at(inception),
        expiration: at(expiration),
        by: KeyId {
            tag: 1,
            algorithm: 13,
        },
    }
}

fn against(found: Signatures) -> Option<Against> {
    Looked::Signed(found).against("192.0.2.54:53".parse().unwrap(), "example.org")
}

fn signatures(soa: Span, others: &[Span]) -> Signatures {
    Signatures {
        soa: Some(soa),
        others: others.to_vec(),
        ..Signatures::default()
    }
}

fn refuses(against: Option<Against>) -> bool {
    matches!(against, Some(Against::Refuses(_)))
}

fn warns(against: Option<Against>) -> bool {
    matches!(against, Some(Against::Warns(_)))
}

#[test]
fn signatures_of_a_tool_refuse_and_those_of_a_server_do_not() {
    // `dnssec-signzone`: from an hour ago on for thirty days.
    let tool = span("2026-11-27T16:19:53Z", "2026-12-27T17:19:53Z");
    let found = || signatures(tool, &[tool, tool]);
    assert!(refuses(against(found())));
    // BIND says that it signs, and spreads the end of what it signs.
    assert_eq!(
        against(Signatures {
            keeps_record: true,
            ..found()
        }),
        None
    );
    let soa = span("2026-11-27T19:59:53Z", "2026-12-11T20:59:53Z");
    let spread = span("2026-11-27T19:59:53Z", "2026-12-11T20:27:17Z");
    assert!(warns(against(signatures(soa, &[spread, soa]))));
    // Knot: 90 minutes earlier, for fourteen days.
    let knot = span("2026-11-27T19:29:57Z", "2026-12-11T20:59:57Z");
    assert!(warns(against(signatures(knot, &[knot, knot]))));
    // PowerDNS: from a Thursday on for three weeks.
    let weekly = span("2026-11-19T00:00:00Z", "2026-12-10T00:00:00Z");
    assert_eq!(against(signatures(weekly, &[weekly])), None);
    // Signed anew with the last change.
    let younger = span("2026-11-27T18:19:53Z", "2026-12-27T19:19:53Z");
    assert_eq!(against(signatures(younger, &[tool])), None);
}

#[test]
fn a_signature_that_covers_nothing_refuses_whoever_made_it() {
    let weekly = span("2026-11-19T00:00:00Z", "2026-12-10T00:00:00Z");
    let found = Signatures {
        bad: vec![lacks(&Signed::Wrong, "www.example.org", RecordType::A).unwrap()],
        keeps_record: true,
        ..signatures(weekly, &[weekly])
    };
    let Some(Against::Refuses(why)) = against(found) else {
        panic!("it does not refuse");
    };
    assert!(why.contains("the signature of `www.example.org A` does not cover it"));
    assert!(why.contains("`signs = true`"), "{why}");
}

#[test]
fn what_is_not_signed_says_nothing_and_what_cannot_be_told_is_said() {
    let (server, zone) = ("192.0.2.54:53".parse().unwrap(), "example.org");
    assert_eq!(Looked::Unsigned.against(server, zone), None);
    let unseen = Looked::Unseen(Unseen::new(Cause::TimedOut, "no answer"));
    assert!(warns(unseen.against(server, zone)));
}

#[test]
fn of_several_signatures_of_the_soa_the_youngest_that_holds_counts() {
    let gone = span("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z");
    let older = span("2026-11-20T00:00:00Z", "2026-12-20T00:00:00Z");
    let newest = span("2026-11-27T19:59:53Z", "2026-12-11T20:59:53Z");
    let to_come = span("2026-12-27T00:00:00Z", "2027-01-27T00:00:00Z");
    let now = "2026-11-28T00:00:00Z".parse().unwrap();
    for spans in [
        [gone, older, newest, to_come],
        [to_come, newest, older, gone],
    ] {
        assert_eq!(youngest(&spans, now), Some(newest));
    }
    assert_eq!(youngest(&[gone, to_come], now), None);
}
