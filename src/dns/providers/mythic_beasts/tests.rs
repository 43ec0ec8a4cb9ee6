use serde_json::json;

use super::*;
use crate::dns::RecordType;

fn sets(json: &str) -> Vec<RecordSet> {
    let records: Records = serde_json::from_str(json).unwrap();
    understood("example.com", records.records).sets
}

#[test]
fn records_become_sets_of_full_names() {
    let sets = sets(
        r#"{"records":[
            {"host":"@","ttl":300,"type":"A","data":"192.0.2.1","_template":true},
            {"host":"www","ttl":300,"type":"CNAME","data":"Example.com."},
            {"host":"ftp","ttl":300,"type":"CNAME","data":"www"},
            {"host":"@","ttl":300,"type":"MX","mx_priority":10,"data":"mx.example.com."}]}"#,
    );
    let lines: Vec<_> = sets.iter().flat_map(RecordSet::zone_lines).collect();
    assert_eq!(
        lines,
        [
            "example.com. 300 IN A 192.0.2.1",
            "ftp.example.com. 300 IN CNAME www.example.com.",
            "www.example.com. 300 IN CNAME example.com.",
        ]
    );
    assert_eq!(sets[0].extra, json!({ "template": true }));
    assert!(sets[1].extra.is_null());
}

#[test]
fn names_behind_numbers_are_told_and_what_has_no_data_spoils_nothing_else() {
    let records: Records = serde_json::from_str(
        r#"{"records":[
            {"host":"@","ttl":300,"type":"MX","mx_priority":10,"data":"mail"},
            {"host":"_x._tcp","ttl":300,"type":"SRV","srv_priority":1,"srv_weight":2,"srv_port":443,
             "data":"mail.example.com."},
            {"host":"old","ttl":300,"type":"ANAME","data":"@"},
            {"host":"note","ttl":300,"type":"TXT","data":"mail"},
            {"host":"odd","ttl":300,"type":"A","data":"192.0.2.1"},
            {"host":"odd","ttl":300,"type":"A","data":null},
            {"host":"odd","ttl":300,"type":"CAA"},
            {"host":"www","ttl":300,"type":"A","data":"192.0.2.1"}]}"#,
    )
    .unwrap();
    let listing = understood("example.com", records.records);
    assert_eq!(listing.sets.len(), 1, "{listing:?}");
    let told: Vec<(String, Vec<String>)> = (listing.others.iter())
        .map(|other| (other.to_string(), other.targets()))
        .collect();
    let wanted = [
        ("example.com. MX", Some("mail.example.com")),
        ("_x._tcp.example.com. SRV", Some("mail.example.com")),
        ("old.example.com. ANAME", Some("example.com")),
        ("note.example.com. TXT", None),
        ("odd.example.com. CAA", None),
        ("odd.example.com. A", None),
    ]
    .map(|(what, to)| (what.to_owned(), to.map(str::to_owned).into_iter().collect()));
    assert_eq!(told, wanted);
    let unread = |other: &&Other| matches!(other.holds, Holds::Unread(_));
    assert_eq!(listing.others.iter().filter(unread).count(), 2);
}

#[test]
fn a_host_is_relative_to_its_zone() {
    let host = |name| host("example.com", &RecordKey::new(name, RecordType::A));
    assert_eq!(host("example.com").as_deref(), Ok("@"));
    assert_eq!(host("a.b.example.com").as_deref(), Ok("a.b"));
    assert!(host("notexample.com").is_err());
}
