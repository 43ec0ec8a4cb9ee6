use std::slice::from_ref;

use super::*;
use crate::secret::SecretRef;

fn set(name: &str, rtype: RecordType, ttl: u32, data: &[&str]) -> RecordSet {
    RecordSet::new(RecordKey::new(name, rtype), ttl, data).unwrap()
}

fn swap(from: &[RecordSet], to: &[RecordSet]) -> Swap {
    Swap::new(&RecordSet::value_of(from), &RecordSet::value_of(to)).unwrap()
}

#[test]
fn deletions_go_before_additions_and_every_set_has_its_condition() {
    let swap = swap(
        &[set(
            "www.example.org",
            RecordType::Cname,
            300,
            &["old.example.org."],
        )],
        &[
            set(
                "www.example.org",
                RecordType::A,
                60,
                &["192.0.2.1", "192.0.2.2"],
            ),
            set("www.example.org", RecordType::Aaaa, 60, &["2001:db8::1"]),
        ],
    );
    let message = update("example.org", &swap).unwrap();
    let classes: Vec<_> = message
        .prerequisites()
        .iter()
        .map(|r| r.dns_class)
        .collect();
    assert_eq!(classes, [DNSClass::NONE, DNSClass::NONE, DNSClass::IN]);
    assert!(message.prerequisites().iter().all(|r| r.ttl == 0));
    let classes: Vec<_> = message.updates().iter().map(|r| r.dns_class).collect();
    assert_eq!(
        classes,
        [DNSClass::ANY, DNSClass::IN, DNSClass::IN, DNSClass::IN]
    );
    assert_eq!(message.updates()[1].ttl, 60);
}

#[test]
fn a_thousand_sets_are_cut_into_messages_that_fit() {
    let pair = |n: usize| {
        let name = format!("a-host-with-a-long-name-{n}.a-department.example.org");
        let of = |ip: &str| set(&name, RecordType::Aaaa, 300, &[ip, "2001:db8::ffff"]);
        (of("2001:db8::10"), of("2001:db8:1::20"))
    };
    let sets: Vec<_> = (0..1000).map(pair).collect();
    let groups = groups(&sets);
    assert!(groups.len() > 1);
    assert_eq!(groups.concat(), sets);
    for group in groups {
        let (before, after): (Vec<_>, Vec<_>) = group.iter().cloned().unzip();
        let message = update("example.org", &swap(&before, &after)).unwrap();
        assert!(message.to_vec().unwrap().len() < 64_000);
    }
}

/// The plan asks what the write asks: what is judged without a message is what can be made and sealed, and what is
/// cut into parts is each of them.
#[test]
fn what_is_judged_to_be_sendable_can_be_made_and_sealed() {
    let key = Key {
        name: "k".into(),
        algorithm: "hmac-sha512".into(),
        secret: SecretRef::Env("TSIG".into()),
    };
    let seals = |zone: &str, part: &Swap| {
        let signer = signer(&key, &Secret::new("c2VjcmV0")).unwrap();
        let update = update(zone, part)?;
        Sealed::seal(update, signer, 1_000).map(drop)
    };
    let many = |name: &str, count: usize, net: u8| {
        let data: Vec<String> = (0..count)
            .map(|n| format!("10.{net}.{}.{}", n / 250, n % 250))
            .collect();
        let data: Vec<&str> = data.iter().map(String::as_str).collect();
        set(name, RecordType::A, 60, &data)
    };
    let long = format!("{0}.{0}.{0}.example.org", "a".repeat(60));
    let mut fitted = 0;
    for name in [
        "www.example.org",
        long.as_str(),
        "example.org",
        r"a\032b.example.org",
    ] {
        for count in [0, 1, 100, 250, 400, 800, 1_100, 1_500, 2_200, 4_000] {
            let (one, other) = (many(name, count, 1), many(name, count, 2));
            for swap in [
                swap(from_ref(&one), from_ref(&other)),
                swap(&[], &[other]),
                swap(&[one], &[]),
            ] {
                let judged = judged(&key, "example.org", &swap);
                assert_eq!(judged, seals("example.org", &swap), "{name} {count}");
                fitted += usize::from(judged.is_ok());
            }
        }
    }
    assert!((40..110).contains(&fitted), "{fitted}");
    for (zone, name) in [
        ("example.org", "www.example.net"),
        ("example.org", "wwwexample.org"),
        ("example.org", "a..example.org"),
        ("www.example.org", "example.org"),
    ] {
        let part = swap(&[], &[many(name, 1, 1)]);
        assert!(judged(&key, zone, &part).is_err(), "{name}");
        assert!(seals(zone, &part).is_err(), "{name}");
    }
    for zone in ["example.org.", "Example.ORG", "."] {
        let part = swap(&[], &[many("www.example.org", 1, 1)]);
        assert_eq!(judged(&key, zone, &part), Ok(()), "{zone}");
        assert_eq!(seals(zone, &part), Ok(()), "{zone}");
    }
}

#[test]
fn what_is_of_one_name_stays_in_one_message_and_nothing_is_lost() {
    let long = format!("{0}.{0}.{0}.example.org", "a".repeat(60));
    let of = |n: usize, rtype, data: &str| set(&format!("h{n}.{long}"), rtype, 60, &[data]);
    let from: Vec<RecordSet> = (0..300)
        .map(|n| of(n, RecordType::Cname, "old.example.org."))
        .collect();
    let to: Vec<RecordSet> = (0..300)
        .flat_map(|n| {
            [
                of(n, RecordType::A, "192.0.2.1"),
                of(n, RecordType::Aaaa, "2001:db8::1"),
            ]
        })
        .collect();
    let whole = swap(&from, &to);
    let parts = parts(&whole);
    assert!(parts.len() > 2, "{}", parts.len());
    for part in &parts {
        let names = |sets: &[RecordSet]| -> BTreeSet<String> {
            sets.iter().map(|set| set.key.name.clone()).collect()
        };
        assert_eq!(names(&part.from), names(&part.to));
        assert_eq!(part.to.len(), 2 * part.from.len());
        assert!(update("example.org", part).unwrap().to_vec().unwrap().len() < 65_000);
    }
    let all = |of: fn(&Swap) -> &Vec<RecordSet>| -> Vec<RecordSet> {
        parts.iter().flat_map(|part| of(part).clone()).collect()
    };
    assert_eq!(all(|part| &part.from).len(), whole.from.len());
    assert_eq!(all(|part| &part.to).len(), whole.to.len());
}

#[test]
fn an_alias_must_not_come_beside_addresses() {
    let swap = swap(
        &[],
        &[set(
            "www.example.org",
            RecordType::Cname,
            60,
            &["x.example.org."],
        )],
    );
    let keys: Vec<_> = absent(&swap).iter().map(|key| key.rtype).collect();
    assert_eq!(keys, [RecordType::A, RecordType::Aaaa, RecordType::Cname]);
}

#[test]
fn a_name_outside_the_zone_is_refused() {
    let swap = swap(
        &[],
        &[set("www.example.net", RecordType::A, 60, &["192.0.2.1"])],
    );
    assert!(update("example.org", &swap).is_err());
}

#[test]
fn an_error_about_a_secret_does_not_hold_it() {
    let key = Key {
        name: "k".into(),
        algorithm: "hmac-sha256".into(),
        secret: SecretRef::Env("TSIG".into()),
    };
    let error = signer(&key, &Secret::new("!planted-secret!"))
        .err()
        .unwrap();
    assert!(!error.detail.contains("planted"), "{error:?}");
    assert!(error.detail.contains("`TSIG`"), "{error:?}");
}

#[test]
fn an_answer_to_another_question_is_refused() {
    let key = Key {
        name: "k".into(),
        algorithm: "hmac-sha512".into(),
        secret: SecretRef::Env("TSIG".into()),
    };
    let signer = signer(&key, &Secret::new("c2VjcmV0")).unwrap();
    let message = question(&RecordKey::new("www.example.org", RecordType::A)).unwrap();
    let id = message.metadata.id;
    let (_, mut sealed) = Sealed::seal(message, signer, 1_000).unwrap();
    let answer = |id| Message::response(id, OpCode::Query).to_vec().unwrap();
    assert!(sealed.open(&answer(id.wrapping_add(1)), 1_000).is_err());
    let opened = sealed.open(&answer(id), 1_000).unwrap();
    assert!(!opened.signed);
    assert!(sealed.open(&[1, 2, 3], 1_000).is_err());
}
