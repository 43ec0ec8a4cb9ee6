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

#[test]
fn records_from_which_addresses_are_made_up_are_told_by_name_and_odd_ones_by_number() {
    use crate::dns::Holds;
    let other = |rtype: u16, data: &[u8]| {
        // An answer with one record and no question.
        let mut bytes = vec![0, 1, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        bytes.extend(b"\x03www\x04test\0");
        bytes.extend(rtype.to_be_bytes());
        bytes.extend([0, 1, 0, 0, 0, 60]);
        bytes.extend((data.len() as u16).to_be_bytes());
        bytes.extend(data);
        let reply = reply::Reply::read(&bytes).unwrap();
        reply.answers[0].other().unwrap()
    };
    let alias = other(65_401, b"\x03web\x04test\0");
    assert_eq!(alias.to_string(), "www.test. ALIAS");
    assert_eq!(alias.targets(), ["web.test"]);
    let lua = other(65_402, b"\0\x01\x0c'192.0.2.10'");
    assert_eq!(lua.to_string(), "www.test. LUA");
    assert_eq!(lua.holds, Holds::Text(vec!["A \"'192.0.2.10'\"".into()]));
    assert_eq!(lua.addresses().len(), 1);
    let uri = other(256, b"\0\x0a\0\x01https://web.test:8443/x");
    assert_eq!(uri.to_string(), "www.test. URI");
    assert_eq!(uri.targets(), ["web.test"]);
    let uri = other(256, b"\0\x0a\0\x01https://192.0.2.10/x");
    assert_eq!(uri.addresses().len(), 1);
    for (rtype, data) in [
        (65_401, &b"\xab\xcd"[..]),
        (65_401, b"\x03web\x04test\0more"),
        (65_402, b"\0\x01\x40cut off"),
        (65_402, b"\0"),
        (65_400, b"\x03web\x04test\0"),
    ] {
        let odd = other(rtype, data);
        assert_eq!(odd.to_string(), format!("www.test. TYPE{rtype}"));
    }
}

#[test]
fn nsupdate_is_told_to_take_names_that_no_host_has() {
    let mut fields = Fields::default();
    fields.insert("server", Datum::Texts(vec!["192.0.2.54".into()]), 0..0);
    fields.insert("key", table("k", "K"), 0..0);
    let provider = build(&fields).unwrap();
    for (name, odd) in [
        ("www.example.org", false),
        ("*.example.org", false),
        ("_x.example.org", true),
        (r"a\064b.example.org", true),
        ("-x.example.org", true),
    ] {
        let key = RecordKey::new(name, crate::dns::RecordType::A);
        let set = RecordSet::new(key, 60, ["192.0.2.1"]).unwrap();
        let to = RecordSet::value_of(&[set]);
        let typed = provider.commands("example.org", &Value::default(), &to);
        let off = typed.concat().lines().any(|line| line == "check-names off");
        assert_eq!(off, odd, "{name}");
    }
}
