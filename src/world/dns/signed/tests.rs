use hickory_resolver::proto::dnssec::crypto::EcdsaSigningKey;
use hickory_resolver::proto::dnssec::rdata::SigInput;
use hickory_resolver::proto::dnssec::{SigningKey, TBS};
use hickory_resolver::proto::rr::SerialNumber;

use super::super::tests::{Scripted, a, anywhere, name, reply};
use super::*;

const LONG: Duration = Duration::from_secs(60);
const WWW: &str = "www.example.org";

/// A zone's key, with which records can be signed.
struct Signer(EcdsaSigningKey);

impl Signer {
    fn new() -> Signer {
        let algorithm = Algorithm::ECDSAP256SHA256;
        let secret = EcdsaSigningKey::generate_pkcs8(algorithm).unwrap();
        Signer(EcdsaSigningKey::from_pkcs8(&secret, algorithm).unwrap())
    }

    fn key(&self) -> DNSKEY {
        DNSKEY::with_flags(256, self.0.to_public_key().unwrap())
    }

    fn sign(&self, records: &[Record]) -> Record {
        let input = SigInput {
            type_covered: records[0].record_type(),
            algorithm: Algorithm::ECDSAP256SHA256,
            num_labels: 3,
            original_ttl: records[0].ttl,
            sig_expiration: SerialNumber::new(2_000),
            sig_inception: SerialNumber::new(1_000),
            key_tag: self.key().calculate_key_tag().unwrap(),
            signer_name: name("example.org"),
        };
        let owner = records[0].name.clone();
        let signed = TBS::from_input(&owner, DNSClass::IN, &input, records.iter()).unwrap();
        let made = RRSIG::from_sig(input, self.0.sign(&signed).unwrap());
        Record::from_rdata(owner, 60, RData::DNSSEC(DNSSECRData::RRSIG(made)))
    }
}

fn judged(keys: &Keys, answers: &[Record]) -> Signed {
    keys.judge(WWW, RecordType::A, answers)
}

#[test]
fn only_a_signature_over_just_this_data_is_right() {
    let (signer, stranger) = (Signer::new(), Signer::new());
    let keys = Keys(vec![stranger.key(), signer.key()]);
    let (old, new) = (a(WWW, 60, "192.0.2.10"), a(WWW, 60, "198.51.100.20"));
    let of = |records: &[&Record]| records.iter().map(|record| (*record).clone()).collect();
    let both: Vec<Record> = of(&[&old, &new]);
    let (of_old, of_both) = (signer.sign(std::slice::from_ref(&old)), signer.sign(&both));
    let right = Signed::Right(vec![Span {
        inception: 1_000,
        expiration: 2_000,
        by: id_of(&signer.key()).unwrap(),
    }]);
    let cases: [(&[&Record], Signed); 8] = [
        (&[&old, &of_old], right.clone()),
        (&[&old, &new, &of_both], right.clone()),
        // The old signature beside new data, beside more of it, and beside less.
        (&[&new, &of_old], Signed::Wrong),
        (&[&old, &new, &of_old], Signed::Wrong),
        (&[&old, &of_both], Signed::Wrong),
        // One that is right is enough.
        (&[&old, &of_both, &of_old], right),
        (&[&old], Signed::Not),
        (&[&of_old], Signed::Absent),
    ];
    for (at, (answers, expected)) in cases.into_iter().enumerate() {
        let answers: Vec<Record> = of(answers);
        assert_eq!(judged(&keys, &answers), expected, "{at}");
    }
    // Both keys of a zone that changes them sign: each is told of.
    let keys_of_both = stranger.sign(std::slice::from_ref(&old));
    let told = judged(&keys, &of(&[&old, &keys_of_both, &of_old]));
    let Signed::Right(spans) = told else {
        panic!("{told:?}")
    };
    let ids: Vec<KeyId> = spans.iter().map(|span| span.by).collect();
    assert_eq!(
        ids,
        [&stranger, &signer].map(|of| id_of(&of.key()).unwrap())
    );
    // A key that the zone does not have proves nothing, whatever it signed.
    let others = Keys(vec![stranger.key()]);
    let id = id_of(&signer.key()).unwrap();
    assert_eq!(judged(&others, &of(&[&old, &of_old])), Signed::Foreign(id));
    // Beside it there may be one of the zone's own.
    let own = stranger.sign(std::slice::from_ref(&new));
    let beside = of(&[&old, &of_old, &own]);
    assert_eq!(judged(&others, &beside), Signed::Wrong);
    let own = stranger.sign(std::slice::from_ref(&old));
    let beside = judged(&others, &of(&[&old, &of_old, &own]));
    assert!(matches!(beside, Signed::Right(_)), "{beside:?}");
}

#[test]
fn what_a_set_lacks_for_those_who_validate_is_said_in_one_way() {
    let by = KeyId {
        tag: 7,
        algorithm: 13,
    };
    let span = |inception, expiration| Span {
        inception,
        expiration,
        by,
    };
    let right = |inception, expiration| Signed::Right(vec![span(inception, expiration)]);
    let lacks = |told: Signed, now: u32| {
        let now = Timestamp::from_second(now.into()).unwrap();
        told.lacks("`www A`", now)
    };
    assert_eq!(lacks(right(1_000, 2_000), 2_100), None);
    assert_eq!(
        lacks(right(1_000, 2_000), 2_300).unwrap(),
        "the signature of `www A` ran out at 1970-01-01T00:33:20Z"
    );
    assert_eq!(lacks(right(1_000, 2_000), 701), None);
    assert_eq!(
        lacks(right(1_000, 2_000), 700).unwrap(),
        "the signature of `www A` does not hold yet, but from 1970-01-01T00:16:40Z"
    );
    // Of several one that holds is enough, wherever it stands.
    let (old, new, next) = (span(0, 900), span(1_000, 2_000), span(5_000, 9_000));
    for spans in [[old, new, next], [next, new, old], [new, old, next]] {
        assert_eq!(
            lacks(Signed::Right(spans.to_vec()), 1_500),
            None,
            "{spans:?}"
        );
    }
    let ended = lacks(Signed::Right(vec![old, new]), 9_000).unwrap();
    assert!(
        ended.ends_with("ran out at 1970-01-01T00:33:20Z"),
        "{ended}"
    );
    let soon = lacks(Signed::Right(vec![old, next]), 1_500).unwrap();
    assert!(
        soon.ends_with("yet, but from 1970-01-01T01:23:20Z"),
        "{soon}"
    );
    // Behind the turn of the numbers it is still to come.
    assert_eq!(lacks(right(u32::MAX - 9, 1_000), u32::MAX), None);
    assert!(lacks(Signed::Not, 0).unwrap().ends_with("has no signature"));
    assert!(
        lacks(Signed::Wrong, 0)
            .unwrap()
            .ends_with("does not cover it")
    );
    let foreign = lacks(Signed::Foreign(by), 0).unwrap();
    assert_eq!(
        foreign,
        "the signature of `www A` is of the key 7 of algorithm 13, which the zone does not have"
    );
    assert_eq!(lacks(Signed::Absent, 0), None);
    assert_eq!(lacks(Signed::Unclear, 0), None);
}

#[tokio::test]
async fn signatures_are_asked_for_and_a_zone_without_keys_has_none() {
    let signer = Signer::new();
    let key = signer.key();
    let set = a(WWW, 60, "192.0.2.10");
    let made = signer.sign(std::slice::from_ref(&set));
    let server = Scripted::start(anywhere(), move |query, over_tcp| {
        let mut out = reply(query);
        let asks = query
            .edns
            .as_ref()
            .is_some_and(|edns| edns.flags().dnssec_ok);
        let owner = query.queries[0].name().to_ascii();
        match query.queries[0].query_type() {
            RecordType::DNSKEY if owner == "example.org." => {
                let data = RData::DNSSEC(DNSSECRData::DNSKEY(key.clone()));
                out.add_answer(Record::from_rdata(name("example.org"), 60, data));
            }
            RecordType::A if asks && over_tcp => {
                out.add_answers([set.clone(), made.clone()]);
            }
            _ => out.metadata.authoritative = owner != "elsewhere.",
        }
        vec![out.to_vec().unwrap()]
    })
    .await;
    let zone = keys(server.at, "example.org", LONG).await.unwrap().unwrap();
    let told = signed(server.at, &zone, WWW, RecordType::A, LONG).await;
    assert!(matches!(told, Ok(Signed::Right(_))), "{told:?}");
    assert!(
        keys(server.at, "example.net", LONG)
            .await
            .unwrap()
            .is_none()
    );
    assert!(keys(server.at, "elsewhere", LONG).await.is_err());
}
