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
fn a_host_is_relative_to_its_zone() {
    let host = |name| host("example.com", &RecordKey::new(name, RecordType::A));
    assert_eq!(host("example.com").as_deref(), Ok("@"));
    assert_eq!(host("a.b.example.com").as_deref(), Ok("a.b"));
    assert!(host("notexample.com").is_err());
}
