//! What is read of a zone and what is sent, without a server.

use serde_json::{Value as Json, json};

use super::*;
use crate::dns::Other;
use crate::field::Datum;

fn provider() -> Arc<dyn Provider> {
    let mut fields = Fields::default();
    fields.insert(
        "url",
        Datum::Text("http://[2001:db8::53]:8081/".into()),
        0..0,
    );
    fields.insert(
        "api-key",
        Datum::Secret(SecretRef::Env("PDNS".into())),
        0..0,
    );
    build(&fields).unwrap()
}

fn listed(zone: &str) -> Listing {
    let mut zone: Zone = serde_json::from_str(zone).unwrap();
    zone.take()
}

fn sets(zone: &str) -> Vec<RecordSet> {
    listed(zone).sets
}

fn sent(swap: &Swap) -> Json {
    serde_json::from_str(&patch(swap)).unwrap()
}

const ZONE: &str = r#"{"kind":"Native","rrsets":[
        {"name":"www.example.org.","type":"A","ttl":300,
         "records":[{"content":"192.0.2.2","disabled":true},{"content":"192.0.2.1","disabled":false}],
         "comments":[{"content":"ours","account":"ops","modified_at":1}]},
        {"name":"example.org.","type":"SOA","ttl":300,"records":[{"content":"a. b. 1 2 3 4 5","disabled":false}]}]}"#;

#[test]
fn comments_and_disabled_records_are_kept_and_other_types_are_not_ours() {
    let before = sets(ZONE);
    assert_eq!(before.len(), 1);
    assert_eq!(before[0].data, ["192.0.2.1"]);
    let mut after = before.clone();
    after[0].data = vec!["198.51.100.1".into()];
    let value = |sets: &[RecordSet]| RecordSet::value_of(sets);
    let swap = Swap::new(&value(&before), &value(&after)).unwrap();
    assert_eq!(
        sent(&swap),
        json!({ "rrsets": [{
                "name": "www.example.org.", "type": "A", "ttl": 300, "changetype": "REPLACE",
                "records": [
                    { "content": "198.51.100.1", "disabled": false },
                    { "content": "192.0.2.2", "disabled": true },
                ],
            }] })
    );
    let swap = Swap::new(&Value::default(), &value(&before)).unwrap();
    assert_eq!(
        sent(&swap)["rrsets"][0]["comments"],
        json!([{ "content": "ours", "account": "ops", "modified_at": 1 }])
    );
    after[0].data = vec!["192.0.2.2".into()];
    let swap = Swap::new(&value(&before), &value(&after)).unwrap();
    assert!(twice(&swap).next().is_some());
}

#[test]
fn one_odd_record_set_spoils_no_other() {
    let long = format!("{}.", [r"\\001"; 64].concat());
    let zone = format!(
        r#"{{"rrsets":[
        {{"name":"odd.example.org.","type":"CNAME","ttl":60,"records":[{{"content":"a..b."}}]}},
        {{"name":"long.example.org.","type":"CNAME","ttl":60,"records":[{{"content":"{long}"}}]}},
        {{"name":"none.example.org.","type":"A","ttl":-1,"records":[{{"content":"192.0.2.1"}}]}},
        {{"name":"lua.example.org.","type":"LUA","ttl":60,"records":[{{"content":"A \"192.0.2.1\""}}]}},
        {{"name":"www.example.org.","type":"A","ttl":60,"records":[{{"content":"192.0.2.1"}}]}}]}}"#
    );
    let key = |text: &str| text.parse::<RecordKey>().unwrap();
    let listing = listed(&zone);
    assert_eq!(listing.sets.len(), 1, "{listing:?}");
    let unread = |other: &&Other| matches!(other.holds, Holds::Unread(_));
    assert_eq!(listing.others.iter().filter(unread).count(), 3);
    let www = asked(listed(&zone), &[key("www.example.org. A")]).unwrap();
    assert_eq!(www.len(), 1);
    let unseen = asked(listing, &[key("none.example.org. A")]).unwrap_err();
    assert!(unseen.detail.contains("none.example.org. A"), "{unseen:?}");
}

#[test]
fn a_zone_that_is_no_primary_says_where_to_write() {
    let barred = |zone: &str, metadata: &str| {
        let zone: Zone = serde_json::from_str(zone).unwrap();
        let metadata = serde_json::from_str::<Vec<Metadata>>(metadata).unwrap();
        zone.barred("s.test", Some(&metadata))
    };
    for kind in ["Slave", "Secondary"] {
        let zone = format!(r#"{{"kind":"{kind}","masters":["192.0.2.54:53","2001:db8::54"]}}"#);
        assert_eq!(
            barred(&zone, "[]").unwrap(),
            "PowerDNS holds `s.test` as a secondary of 192.0.2.54:53, 2001:db8::54: write there"
        );
    }
    assert!(barred(r#"{"kind":"Consumer"}"#, "[]").is_some());
    let signed = r#"[{"kind":"PRESIGNED","metadata":["1"]}]"#;
    assert!(
        barred(r#"{"kind":"Native"}"#, signed)
            .unwrap()
            .contains("signed elsewhere")
    );
    for (kind, metadata) in [
        ("Native", r#"[{"kind":"PRESIGNED","metadata":["0"]}]"#),
        (
            "Master",
            r#"[{"kind":"SOA-EDIT-API","metadata":["DEFAULT"]}]"#,
        ),
        ("Producer", "[]"),
    ] {
        assert_eq!(barred(&format!(r#"{{"kind":"{kind}"}}"#), metadata), None);
    }
}

/// A server that signs by itself keeps no signatures among the records.
#[test]
fn signatures_bar_a_zone_whose_metadata_is_kept_back() {
    let barred = |disabled: bool, metadata: Option<&[Metadata]>| {
        let zone = format!(
            r#"{{"kind":"Native","dnssec":true,"rrsets":[
            {{"name":"s.test.","type":"DNSKEY","ttl":60,"records":[{{"content":"257 3 13 AA=="}}]}},
            {{"name":"s.test.","type":"RRSIG","ttl":60,"records":[{{"content":"SOA 13 2 60","disabled":{disabled}}}]}}]}}"#
        );
        let mut zone: Zone = serde_json::from_str(&zone).unwrap();
        zone.take();
        zone.barred("s.test", metadata)
    };
    let why = barred(false, None).unwrap();
    assert!(
        why.contains("made elsewhere") && why.contains("`metadata`"),
        "{why}"
    );
    assert_eq!(barred(true, None), None);
    assert_eq!(barred(false, Some(&[])), None);
}

#[test]
fn a_name_that_the_api_does_not_take_is_refused_before_it_is_sent() {
    let judged = |name: &str| {
        let of = |ip: &str| {
            let key = RecordKey::new(name, crate::dns::RecordType::A);
            RecordSet::value_of(&[RecordSet::new(key, 60, [ip]).unwrap()])
        };
        let grounds = Grounds::default();
        let provider = provider();
        let judged = provider.judge("p.test", &grounds, &of("192.0.2.1"), &of("192.0.2.2"));
        judged.err().unwrap_or_default().concat()
    };
    for name in ["p.test", "*.p.test", "_x.p.test", "0/25.p.test"] {
        assert_eq!(judged(name), "");
    }
    for name in [
        r"s\032p.p.test",
        r"a\064b.p.test",
        r"a\046b.p.test",
        r"\195\188.p.test",
    ] {
        let why = judged(name);
        assert!(
            why.contains(name) && why.contains("takes no owner name"),
            "{why}"
        );
    }
}

#[test]
fn deletions_go_first() {
    let alias = RecordSet::new("z.example.org. CNAME".parse().unwrap(), 60, ["x.org."]).unwrap();
    let address = RecordSet::new("z.example.org. A".parse().unwrap(), 60, ["192.0.2.1"]).unwrap();
    let swap = Swap::new(
        &RecordSet::value_of(&[alias]),
        &RecordSet::value_of(&[address]),
    )
    .unwrap();
    let body = sent(&swap);
    assert_eq!(body["rrsets"][0]["changetype"], "DELETE");
    assert_eq!(body["rrsets"][1]["changetype"], "REPLACE");
}

#[test]
fn commands_name_the_place_of_the_key() {
    let before = sets(ZONE);
    let commands = provider().commands(
        "example.org",
        &RecordSet::value_of(&before),
        &Value::default(),
    );
    assert_eq!(
        commands,
        [
            r#"curl -fsS -X PATCH -H "X-API-Key: ${PDNS}" -H 'Content-Type: application/json' --data '{"rrsets":[{"changetype":"DELETE","name":"www.example.org.","type":"A"}]}' 'http://[2001:db8::53]:8081/api/v1/servers/localhost/zones/example.org.'"#,
            r#"curl -fsS -X PUT -H "X-API-Key: ${PDNS}" 'http://[2001:db8::53]:8081/api/v1/servers/localhost/zones/example.org./notify'"#,
        ]
    );
}

#[test]
fn a_password_in_the_url_is_refused_without_showing_it() {
    let mut fields = Fields::default();
    fields.insert(
        "url",
        Datum::Text("http://ops:planted@[::1]:8081".into()),
        0..0,
    );
    fields.insert(
        "api-key",
        Datum::Secret(SecretRef::Env("PDNS".into())),
        0..0,
    );
    let problems = build(&fields).err().unwrap();
    assert!(!format!("{problems:?}").contains("planted"), "{problems:?}");
}

#[test]
fn another_zone_of_the_same_server_answers_for_what_lies_in_it() {
    let keys: Vec<RecordKey> = [
        "www.c.p.test. A",
        "x.d.c.p.test. AAAA",
        "www.p.test. A",
        "p.test. A",
    ]
    .map(|key| key.parse().unwrap())
    .into();
    let names: Vec<_> = could_be_zones("p.test.", &keys).into_iter().collect();
    assert_eq!(
        names,
        [
            "c.p.test",
            "d.c.p.test",
            "www.c.p.test",
            "www.p.test",
            "x.d.c.p.test"
        ]
    );
    let zones: Vec<Named> = serde_json::from_value(json!([
        { "name": "p.test." }, { "name": "C.p.test." }, { "name": "d.c.p.test." }, { "name": "other.test." }
    ]))
    .unwrap();
    let bars = other_zones("p.test", &keys, &zones);
    let told: Vec<&String> = bars.values().collect();
    let says = |key: &str, zone: &str| {
        format!(
            "`{key}` cannot be written: PowerDNS holds the zone `{zone}` as well, which answers for it: name that \
             zone in the playbook"
        )
    };
    assert_eq!(
        told,
        [
            &says("www.c.p.test. A", "c.p.test"),
            &says("x.d.c.p.test. AAAA", "d.c.p.test")
        ]
    );
}

#[test]
fn ns_records_below_the_zone_cut_it_unless_they_are_disabled() {
    let listing = listed(
        r#"{"name":"p.test.","rrsets":[
        {"name":"p.test.","type":"NS","ttl":60,"records":[{"content":"ns1.p.test."}]},
        {"name":"c.p.test.","type":"NS","ttl":60,"records":[{"content":"ns1.p.test."}]},
        {"name":"off.p.test.","type":"NS","ttl":60,"records":[{"content":"ns1.p.test.","disabled":true}]}]}"#,
    );
    assert_eq!(listing.cuts.into_iter().collect::<Vec<_>>(), ["c.p.test"]);
}

#[test]
fn two_ttls_that_are_stored_in_one_set_bar_it() {
    let export = "www.p.test.\t300\tIN\tA\t192.0.2.1\nWWW.p.test.\t600\tIN\tA\t192.0.2.2\n\
                  www.p.test.\t60\tIN\tAAAA\t2001:db8::1\nweb.p.test.\t5\tIN\tA\t192.0.2.1\n\
                  web.p.test.\t6\tIN\tA\t192.0.2.2\np.test.\t9\tIN\tSOA\ta. b. 1 2 3 4 5\n";
    let keys = ["www.p.test. A", "www.p.test. AAAA"].map(|key| key.parse().unwrap());
    // The API gives a set the TTL of one of its records, here of a disabled one.
    let listing = listed(
        r#"{"name":"p.test.","rrsets":[
        {"name":"www.p.test.","type":"AAAA","ttl":77,"records":[{"content":"2001:db8::1"},
            {"content":"2001:db8::2","disabled":true}]}]}"#,
    );
    let told: Vec<String> = uneven(export, &listing, &keys).into_values().collect();
    assert_eq!(
        told,
        [
            "`www.p.test. A` cannot be written: its records have several TTLs (300 and 600), and the API keeps one for \
          all: give them one TTL first",
            "`www.p.test. AAAA` cannot be written: its records have several TTLs (60 and 77), and the API keeps one for \
          all: give them one TTL first"
        ]
    );
}

#[test]
fn a_serial_that_does_not_rise_is_told_where_secondaries_look_at_it() {
    let told = |kind: &str, edit: &str| {
        let zone = format!(r#"{{"kind":"{kind}"{edit}}}"#);
        let zone: Zone = serde_json::from_str(&zone).unwrap();
        zone.unraised("example.org")
    };
    let edit = |value: &str| format!(r#","soa_edit_api":"{value}""#);
    for (kind, edit, is) in [
        ("Master", edit(""), Some("is empty")),
        ("Primary", edit("off"), Some("is OFF")),
        ("Producer", edit(""), Some("is empty")),
        ("Master", edit("DEFAULT"), None),
        ("Master", edit("SOA-EDIT-INCREASE"), None),
        ("Native", edit(""), None),
        // An older server does not tell.
        ("Master", String::new(), None),
    ] {
        let told = told(kind, &edit);
        assert_eq!(told.is_some(), is.is_some(), "{kind}{edit}");
        let says = "does not raise the serial of `example.org`";
        assert!(told.is_none_or(|why| why.contains(says) && why.contains(is.unwrap_or_default())));
    }
}
