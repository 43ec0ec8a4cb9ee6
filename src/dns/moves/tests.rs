//! What becomes of record sets, on written examples.

use super::*;
use crate::dns::{Holds, Other};

fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|ip| ip.parse().unwrap()).collect()
}

fn set(key: &str, ttl: u32, data: &[&str]) -> RecordSet {
    RecordSet::new(key.parse().unwrap(), ttl, data).unwrap()
}

/// One host on each side, with both families.
fn swap() -> Swap {
    let active = ips(&["198.51.100.20", "2001:db8:1::20"]);
    let idle = ips(&["192.0.2.10", "2001:db8::10"]);
    Swap::new("cloud", "dedicated", active.clone()).host("primary", &idle, &[&active])
}

#[test]
fn members_of_the_idle_site_give_way_and_others_stay() {
    const A: &str = "www.example.org. A";
    const AAAA: &str = "www.example.org. AAAA";
    let cases: [(&str, &[&str], &[&str]); 6] = [
        (A, &["192.0.2.10"], &["198.51.100.20"]),
        (AAAA, &["2001:DB8:0::10"], &["2001:db8:1::20"]),
        // A foreign member stays, and the order is canonical.
        (
            A,
            &["203.0.113.5", "192.0.2.10"],
            &["198.51.100.20", "203.0.113.5"],
        ),
        // Both sides at once: only the idle one leaves.
        (A, &["192.0.2.10", "198.51.100.20"], &["198.51.100.20"]),
        (
            AAAA,
            &["2001:db8::10", "2001:db8:1::20"],
            &["2001:db8:1::20"],
        ),
        (
            AAAA,
            &["2001:db8::10", "2001:db8:ff::1"],
            &["2001:db8:1::20", "2001:db8:ff::1"],
        ),
    ];
    for (key, before, after) in cases {
        assert_eq!(
            swap().of(&set(key, 300, before), None),
            Fate::Moves(set(key, 300, after)),
            "{before:?}"
        );
    }
}

#[test]
fn the_ttl_changes_only_with_the_addresses() {
    let www = set("www.example.org. A", 3600, &["192.0.2.10"]);
    let Fate::Moves(after) = swap().of(&www, Some(60)) else {
        panic!("it leads to the idle site");
    };
    assert_eq!(after.ttl, 60);
    let there = set("www.example.org. A", 3600, &["198.51.100.20"]);
    assert_eq!(swap().of(&there, Some(60)), Fate::Already);
}

#[test]
fn what_the_provider_keeps_beside_a_set_is_carried_over() {
    let extra = serde_json::json!({ "comment": "by hand" });
    let www = set("www.example.org. A", 60, &["192.0.2.10"]).with_extra(extra.clone());
    let Fate::Moves(after) = swap().of(&www, None) else {
        panic!("it leads to the idle site");
    };
    assert_eq!(after.extra, extra);
}

#[test]
fn there_and_back_is_where_it_was() {
    let (old, new) = (ips(&["192.0.2.10"]), ips(&["198.51.100.20"]));
    let there = Swap::new("cloud", "dedicated", new.clone()).host("primary", &old, &[&new]);
    let back = Swap::new("dedicated", "cloud", old.clone()).host("standby", &new, &[&old]);
    let before = set("www.example.org. A", 60, &["192.0.2.10", "203.0.113.5"]);
    let Fate::Moves(after) = there.of(&before, None) else {
        panic!("it leads to the idle site");
    };
    assert_eq!(back.of(&after, None), Fate::Moves(before));
}

#[test]
fn several_hosts_map_one_by_one() {
    let (w1, w2) = (ips(&["192.0.2.1"]), ips(&["192.0.2.2"]));
    let (s1, s2) = (ips(&["198.51.100.1"]), ips(&["198.51.100.2"]));
    let both = [s1.clone(), s2.clone()].concat();
    let each = Swap::new("cloud", "dedicated", both.clone())
        .host("web1", &w1, &[&s1])
        .host("web2", &w2, &[&s2]);
    let all = Swap::new("cloud", "dedicated", s1.clone())
        .host("web1", &w1, &[&s1])
        .host("web2", &w2, &[&s1]);
    let split = Swap::new("cloud", "dedicated", both).host("web1", &w1, &[&s1, &s2]);
    let cases: [(&Swap, &[&str], &[&str]); 5] = [
        (&each, &["192.0.2.2"], &["198.51.100.2"]),
        (
            &each,
            &["192.0.2.1", "192.0.2.2"],
            &["198.51.100.1", "198.51.100.2"],
        ),
        (
            &each,
            &["198.51.100.1", "192.0.2.2"],
            &["198.51.100.1", "198.51.100.2"],
        ),
        (&all, &["192.0.2.1", "192.0.2.2"], &["198.51.100.1"]),
        (&split, &["192.0.2.1"], &["198.51.100.1", "198.51.100.2"]),
    ];
    for (swap, before, after) in cases {
        assert_eq!(
            swap.of(&set("www.example.org. A", 60, before), None),
            Fate::Moves(set("www.example.org. A", 60, after)),
            "{before:?}"
        );
    }
}

#[test]
fn several_addresses_of_one_host_map_by_position_where_they_can() {
    let own = ips(&["192.0.2.1", "192.0.2.2"]);
    let by = ips(&["198.51.100.1", "198.51.100.2"]);
    let even = Swap::new("cloud", "dedicated", by.clone()).host("web", &own, &[&by]);
    let one = Swap::new("cloud", "dedicated", by[..1].to_vec()).host("web", &own, &[&by[..1]]);
    let www = set("www.example.org. A", 60, &["192.0.2.2"]);
    assert_eq!(
        even.of(&www, None),
        Fate::Moves(set("www.example.org. A", 60, &["198.51.100.2"]))
    );
    assert_eq!(
        one.of(&www, None),
        Fate::Moves(set("www.example.org. A", 60, &["198.51.100.1"]))
    );
}

#[test]
fn a_family_that_the_active_side_lacks_is_refused() {
    let old = ips(&["192.0.2.10", "2001:db8::10"]);
    let v4 = ips(&["198.51.100.20"]);
    let v6 = ips(&["2001:db8:1::20"]);
    let cases = [
        (&v4, "www.example.org. AAAA", "2001:db8::10", "IPv6"),
        (&v6, "www.example.org. A", "192.0.2.10", "IPv4"),
    ];
    for (by, key, data, family) in cases {
        let swap = Swap::new("cloud", "dedicated", by.clone()).host("primary", &old, &[by]);
        let Fate::Refused(why) = swap.of(&set(key, 60, &[data]), None) else {
            panic!("{key} must be refused");
        };
        assert!(why.contains(family) && why.contains(key), "{why}");
    }
    // Two sites with IPv6 only are as good as any.
    let old = ips(&["2001:db8::10"]);
    let swap = Swap::new("cloud", "dedicated", v6.clone()).host("primary", &old, &[&v6]);
    assert_eq!(
        swap.of(&set("www.example.org. AAAA", 60, &["2001:db8::10"]), None),
        Fate::Moves(set("www.example.org. AAAA", 60, &["2001:db8:1::20"]))
    );
}

#[test]
fn a_host_without_a_stand_in_is_refused() {
    let swap = Swap::new("cloud", "dedicated", []).host("web2", &ips(&["192.0.2.2"]), &[]);
    let Fate::Refused(why) = swap.of(&set("www.example.org. A", 60, &["192.0.2.2"]), None) else {
        panic!("nothing stands in for it");
    };
    assert!(
        why.contains("web2") && why.contains("stands-in-for"),
        "{why}"
    );
}

#[test]
fn an_address_of_both_sites_stays() {
    let shared = ips(&["203.0.113.1"]);
    let swap = Swap::new("cloud", "dedicated", shared.clone()).host("web", &shared, &[&shared]);
    let www = set("www.example.org. A", 60, &["203.0.113.1"]);
    let Fate::Elsewhere(why) = swap.of(&www, None) else {
        panic!("nobody can tell where it leads");
    };
    assert!(why.contains("203.0.113.1"), "{why}");
    // Beside an address of the active side alone it is as good as any other.
    let active = ips(&["203.0.113.1", "198.51.100.1"]);
    let swap = Swap::new("cloud", "dedicated", active.clone()).host("web", &shared, &[&active]);
    let both = set("www.example.org. A", 60, &["203.0.113.1", "198.51.100.1"]);
    assert_eq!(swap.of(&both, None), Fate::Already);
}

#[test]
fn a_proxy_of_several_hosts_gives_way_to_that_of_their_stand_ins() {
    let (old, new) = (ips(&["203.0.113.1"]), ips(&["203.0.113.2"]));
    let swap = Swap::new("cloud", "dedicated", new.clone())
        .host("web1", &old, &[&new])
        .host("web2", &old, &[&new]);
    assert_eq!(
        swap.of(&set("www.example.org. A", 60, &["203.0.113.1"]), None),
        Fate::Moves(set("www.example.org. A", 60, &["203.0.113.2"]))
    );
    // Of several, each of them.
    let more = ips(&["203.0.113.3"]);
    let swap = Swap::new("cloud", "dedicated", [new.clone(), more.clone()].concat())
        .host("web1", &old, &[&new])
        .host("web2", &old, &[&more]);
    assert_eq!(
        swap.of(&set("www.example.org. A", 60, &["203.0.113.1"]), None),
        Fate::Moves(set(
            "www.example.org. A",
            60,
            &["203.0.113.2", "203.0.113.3"]
        ))
    );
}

#[test]
fn everything_that_stays_has_a_reason() {
    let zone = ZoneSets {
        zone: "example.org".into(),
        names: Some(
            [
                "example.org",
                "www",
                "alias",
                "far",
                "gone",
                "mail",
                "there",
            ]
            .iter()
            .map(|name| match *name {
                "example.org" => (*name).to_owned(),
                other => format!("{other}.example.org"),
            })
            .collect(),
        ),
        sets: vec![
            set("example.org. A", 60, &["192.0.2.10"]),
            set("www.example.org. CNAME", 60, &["alias.example.org."]),
            set("alias.example.org. CNAME", 60, &["example.org."]),
            set("far.example.org. CNAME", 60, &["cdn.example.net."]),
            set("mail.example.org. A", 60, &["203.0.113.5"]),
            set("there.example.org. A", 60, &["198.51.100.20"]),
            set("not-asked-for.example.org. A", 60, &["192.0.2.10"]),
        ],
        ..ZoneSets::default()
    };
    let found = moves(&swap(), &[zone], None);
    let edits = &found.zones["example.org"];
    assert_eq!(edits.len(), 1);
    assert_eq!(edits[0].1.data, ["198.51.100.20"]);
    let why = |what: &str| {
        let stay = found.stays.iter().find(|stay| stay.what.starts_with(what));
        stay.unwrap_or_else(|| panic!("{what} is not said"))
            .why
            .clone()
    };
    assert!(why("www.example.org. CNAME").contains("goes with it"));
    assert!(why("alias.example.org. CNAME").contains("goes with it"));
    assert!(why("far.example.org. CNAME").contains("does not move"));
    assert!(why("gone.example.org").contains("no A, AAAA or CNAME"));
    assert!(why("mail.example.org. A").contains("203.0.113.5"));
    assert_eq!(found.stays.len(), 5, "{:?}", found.stays);
    let ours: Vec<_> = found.ours.iter().map(RecordKey::to_string).collect();
    assert_eq!(ours, ["example.org. A", "there.example.org. A"]);
}

#[test]
fn every_set_of_a_zone_can_be_meant() {
    let zone = ZoneSets {
        zone: "example.org".into(),
        names: None,
        sets: vec![
            set("www.example.org. AAAA", 60, &["2001:db8::10"]),
            set("www.example.org. A", 60, &["192.0.2.10"]),
            set("a.example.org. A", 60, &["192.0.2.10"]),
        ],
        ..ZoneSets::default()
    };
    let found = moves(&swap(), &[zone], Some(30));
    let keys: Vec<_> = found.zones["example.org"]
        .iter()
        .map(|(before, after)| (before.key.to_string(), after.ttl))
        .collect();
    assert_eq!(
        keys,
        [
            ("a.example.org. A".to_owned(), 30),
            ("www.example.org. A".to_owned(), 30),
            ("www.example.org. AAAA".to_owned(), 30)
        ]
    );
}

#[test]
fn a_loop_of_aliases_ends() {
    let zone = ZoneSets {
        zone: "example.org".into(),
        names: None,
        sets: vec![
            set("a.example.org. CNAME", 60, &["b.example.org."]),
            set("b.example.org. CNAME", 60, &["a.example.org."]),
        ],
        ..ZoneSets::default()
    };
    assert_eq!(moves(&swap(), &[zone], None).stays.len(), 2);
}

fn other(name: &str, rtype: &str, data: &str) -> Other {
    Other::new(name, rtype, Holds::Text(vec![data.into()]))
}

/// A zone in which `shop` and `www` are served, and `names` shall move.
fn served(names: &[&str], sets: &[RecordSet], others: Vec<Other>) -> ZoneSets {
    let names: Vec<String> = names.iter().map(|name| format!("{name}.v.test")).collect();
    let own = |set: &&RecordSet| names.contains(&set.key.name);
    ZoneSets {
        zone: "v.test".into(),
        sets: sets.iter().filter(own).cloned().collect(),
        served: names.iter().cloned().collect(),
        names: Some(names),
        around: Some(Listing {
            sets: sets.to_vec(),
            others,
            ..Listing::default()
        }),
    }
}

#[test]
fn a_name_of_a_service_that_leads_there_and_stays_is_left() {
    let sets = [
        set("shop.v.test. CNAME", 60, &["www.v.test."]),
        set("www.v.test. CNAME", 60, &["web.v.test."]),
        set("web.v.test. A", 60, &["192.0.2.10"]),
        set("web.v.test. AAAA", 60, &["2001:db8::10"]),
        set("*.v.test. A", 60, &["192.0.2.10"]),
        set("cdn.v.test. CNAME", 60, &["cdn.example.net."]),
        set("there.v.test. A", 60, &["198.51.100.20"]),
        set("here.v.test. CNAME", 60, &["there.v.test."]),
    ];
    let web = "web.v.test. A, web.v.test. AAAA";
    let cases: [(&[&str], &str); 7] = [
        (&["www"], &format!("www.v.test by {web}")),
        (&["shop"], &format!("shop.v.test by {web}")),
        (&["shop", "web"], ""),
        (&["anything"], "anything.v.test by *.v.test. A"),
        (&["anything", "*"], ""),
        (&["cdn", "there"], ""),
        // Where it leads is no part of this, and is on the active side already.
        (&["here"], ""),
    ];
    for (names, expected) in cases {
        let found = moves(&swap(), &[served(names, &sets, Vec::new())], None);
        let left: Vec<_> = (found.left.iter())
            .map(|left| {
                let by: Vec<_> = left.by.iter().map(ToString::to_string).collect();
                format!("{} by {}", left.what, by.join(", "))
            })
            .collect();
        assert_eq!(left.join("; "), expected, "{names:?}");
    }
    // The middle of a chain need not be named.
    let found = moves(
        &swap(),
        &[served(&["shop", "web"], &sets, Vec::new())],
        None,
    );
    let shop = found
        .stays
        .iter()
        .find(|stay| stay.what.starts_with("shop"));
    assert!(shop.unwrap().why.contains("goes with it"), "{shop:?}");
}

#[test]
fn addresses_of_the_idle_site_in_other_types_are_told_and_left_where_a_service_depends_on_them() {
    let sets = [
        set("www.v.test. A", 60, &["192.0.2.10"]),
        set("old.v.test. A", 60, &["192.0.2.10"]),
    ];
    let others = vec![
        other("www.v.test", "HTTPS", "1 . ipv4hint=192.0.2.10"),
        other(
            "_8443._https.www.v.test",
            "HTTPS",
            "1 . ipv6hint=2001:db8::10",
        ),
        other("shop.v.test", "LUA", r#"A "pickrandom({'192.0.2.10'})""#),
        other("apex.v.test", "ALIAS", "www.v.test."),
        other("mall.v.test", "ALIAS", "old.v.test."),
        other("v.test", "TXT", "\"v=spf1 ip4:192.0.2.10 -all\""),
        other("www.v.test", "TXT", "\"v=spf1 ip4:192.0.2.10 -all\""),
        other("there.v.test", "HTTPS", "1 . ipv4hint=198.51.100.20"),
        other("mail.v.test", "MX", "10 mx.other.example."),
        Other::new(
            "odd.v.test",
            "CNAME",
            Holds::Unread("`.` is no host name".into()),
        ),
    ];
    let names = ["www", "shop", "apex", "mall"];
    let found = moves(&swap(), &[served(&names, &sets, others)], None);
    let why = |what: &str| {
        let of = |stay: &&Stay| stay.what == what;
        found.stays.iter().find(of).map(|stay| stay.why.as_str())
    };
    for (what, says) in [
        ("www.v.test. HTTPS", "192.0.2.10 of `dedicated`"),
        (
            "_8443._https.www.v.test. HTTPS",
            "2001:db8::10 of `dedicated`",
        ),
        ("shop.v.test. LUA", "192.0.2.10 of `dedicated`"),
        ("shop.v.test", "but LUA, which is not moved"),
        ("apex.v.test. ALIAS", "goes with it"),
        (
            "mall.v.test. ALIAS",
            "`old.v.test`, which leads to `dedicated`",
        ),
        ("v.test. TXT", "192.0.2.10 of `dedicated`"),
        // Visitors do not follow it: it is told, and no service depends on it.
        ("www.v.test. TXT", "192.0.2.10 of `dedicated`"),
        ("odd.v.test. CNAME", "cannot be read"),
    ] {
        assert!(
            why(what).is_some_and(|why| why.contains(says)),
            "{what}: {:?}",
            why(what)
        );
    }
    assert_eq!(why("there.v.test. HTTPS"), None);
    assert_eq!(why("mail.v.test. MX"), None);
    let left: Vec<_> = (found.left.iter())
        .map(|left| (left.what.as_str(), left.hint))
        .collect();
    assert_eq!(
        left,
        [
            ("www.v.test. HTTPS", true),
            ("_8443._https.www.v.test. HTTPS", true),
            ("shop.v.test. LUA", false),
            ("mall.v.test. ALIAS", false),
        ]
    );
}

#[test]
fn an_address_of_neither_site_inside_a_set_of_ours_is_told() {
    let sets = [
        set("www.v.test. A", 60, &["192.0.2.10", "203.0.113.5"]),
        set("web.v.test. AAAA", 60, &["2001:db8:1::20", "2001:db8:9::5"]),
        set("plain.v.test. A", 60, &["192.0.2.10"]),
    ];
    let found = moves(
        &swap(),
        &[served(&["www", "web", "plain"], &sets, vec![])],
        None,
    );
    let told: Vec<String> = (found.stays.iter())
        .map(|stay| format!("{} {}", stay.what, stay.why))
        .collect();
    assert_eq!(
        told,
        [
            "www.v.test. A it also holds 203.0.113.5, of neither site, which stays in it",
            "web.v.test. AAAA it also holds 2001:db8:9::5, of neither site, which stays in it",
        ]
    );
}

#[test]
fn a_name_of_a_service_of_neither_site_does_not_move_whatever_its_other_family_does() {
    let sets = [
        // One family was forgotten in the playbook.
        set("www.v.test. A", 60, &["203.0.113.5"]),
        set("www.v.test. AAAA", 60, &["2001:db8::10"]),
        set("six.v.test. A", 60, &["192.0.2.10"]),
        set("six.v.test. AAAA", 60, &["2001:db8:9::5"]),
        // On the way back, or where the run before it moved the rest.
        set("there.v.test. A", 60, &["198.51.100.20"]),
        set(
            "there.v.test. AAAA",
            60,
            &["2001:db8:9::6", "2001:db8:9::7"],
        ),
        set("web.v.test. CNAME", 60, &["strange.v.test."]),
        set("strange.v.test. A", 60, &["203.0.113.9"]),
        set("*.v.test. A", 60, &["203.0.113.7"]),
        set("plain.v.test. A", 60, &["192.0.2.10"]),
    ];
    for (names, expected) in [
        (&["www"][..], &["www.v.test. A"][..]),
        (&["six"], &["six.v.test. AAAA"]),
        (&["there"], &["there.v.test. AAAA"]),
        (&["web", "strange"], &["strange.v.test. A"]),
        (&["web"], &["strange.v.test. A"]),
        (&["any"], &["*.v.test. A"]),
        (&["plain"], &[]),
    ] {
        let found = moves(&swap(), &[served(names, &sets, vec![])], None);
        let left: Vec<_> = (found.left.iter())
            .map(|left| (left.what.as_str(), left.hint))
            .collect();
        let expected: Vec<_> = expected.iter().map(|key| (*key, true)).collect();
        assert_eq!(left, expected, "{names:?}");
        for left in &found.left {
            assert!(
                left.why.starts_with("it leads to neither site: 20"),
                "{}",
                left.why
            );
        }
    }
    // Behind one proxy of both sides it does lead to them, and a name of no service is nobody's.
    let both = swap().host("proxy", &ips(&["198.51.100.20"]), &[]);
    let www = [set("www.v.test. A", 60, &["198.51.100.20"])];
    assert_eq!(
        moves(&both, &[served(&["www"], &www, vec![])], None).left,
        []
    );
    let zone = ZoneSets {
        served: BTreeSet::new(),
        ..served(&["www"], &sets, vec![])
    };
    assert_eq!(moves(&swap(), &[zone], None).left, []);
}

#[test]
fn glue_stays_and_what_is_named_below_a_delegation_is_refused() {
    let sets = [
        set("www.v.test. A", 60, &["192.0.2.10"]),
        set("ns.sub.v.test. A", 60, &["192.0.2.10"]),
        set("new.sub.v.test. AAAA", 60, &["2001:db8:1::20"]),
    ];
    let cut = |zone: &mut ZoneSets| {
        let around = zone.around.as_mut().unwrap();
        around.cut("v.test", "v.test.");
        around.cut("v.test", "Sub.v.test.");
    };
    let mut all = served(&["www", "ns.sub", "new.sub"], &sets, vec![]);
    all.names = None;
    cut(&mut all);
    let found = moves(&swap(), &[all], None);
    assert_eq!(found.refusals, [""; 0]);
    let moved = found.zones["v.test"].iter();
    let moved: Vec<_> = moved.map(|(set, _)| set.key.to_string()).collect();
    assert_eq!(moved, ["www.v.test. A"]);
    let told: Vec<_> = found.stays.iter().map(|stay| stay.what.as_str()).collect();
    assert_eq!(told, ["ns.sub.v.test. A", "new.sub.v.test. AAAA"]);
    let delegated = |stay: &Stay| stay.why.contains("`sub.v.test` is delegated");
    assert!(found.stays.iter().all(delegated), "{found:?}");

    let mut named = served(&["www", "ns.sub", "none.sub"], &sets, vec![]);
    cut(&mut named);
    let found = moves(&swap(), &[named], None);
    let [refusal] = &found.refusals[..] else {
        panic!("{found:?}");
    };
    let says = "`ns.sub.v.test. A` cannot be written: `sub.v.test` is delegated";
    assert!(refusal.starts_with(says), "{refusal}");
    let none = found
        .stays
        .iter()
        .find(|stay| stay.what == "none.sub.v.test");
    assert!(none.is_some_and(delegated), "{found:?}");
}
