use super::*;
use crate::dns::providers::common::gather;
use crate::field::Datum;

fn table(name: &str, variable: &str) -> Datum {
    let mut table = Fields::default();
    table.insert("name", Datum::Text(name.into()), 0..0);
    table.insert(
        "secret",
        Datum::Secret(SecretRef::Env(variable.into())),
        0..0,
    );
    Datum::Table(table)
}

#[test]
fn an_address_may_leave_out_its_port() {
    let cases = [
        ("192.0.2.54", Some("192.0.2.54:53")),
        ("192.0.2.54:5353", Some("192.0.2.54:5353")),
        ("2001:db8::54", Some("[2001:db8::54]:53")),
        ("[2001:db8::54]", Some("[2001:db8::54]:53")),
        ("[2001:db8::54]:5353", Some("[2001:db8::54]:5353")),
        ("ns.example.org", None),
    ];
    for (text, want) in cases {
        assert_eq!(
            socket(text).map(|at| at.to_string()).as_deref(),
            want,
            "{text}"
        );
    }
}

#[test]
fn keys_for_looking_and_writing_may_differ_and_one_must_be_there() {
    let mut fields = Fields::default();
    fields.insert("server", Datum::Texts(vec!["192.0.2.54".into()]), 0..0);
    assert!(build(&fields).is_err());
    fields.insert("read-key", table("look", "LOOK"), 0..0);
    assert!(build(&fields).is_err());
    fields.insert("write-key", table("write", "WRITE"), 0..0);
    let commands = build(&fields).unwrap().commands(
        "example.org",
        &Value::default(),
        &RecordSet::value_of(
            &gather([(
                RecordKey::new("www.example.org", crate::dns::RecordType::A),
                60,
                "192.0.2.1".to_owned(),
            )])
            .unwrap(),
        ),
    );
    assert_eq!(
        commands.join("\n"),
        "nsupdate -v <<END\n\
         server 192.0.2.54 53\n\
         key hmac-sha256:write ${WRITE}\n\
         zone example.org.\n\
         prereq nxrrset www.example.org. IN A\n\
         prereq nxrrset www.example.org. IN CNAME\n\
         update add www.example.org. 60 IN A 192.0.2.1\n\
         send\n\
         END"
    );
}
