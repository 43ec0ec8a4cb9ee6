//! What becomes of record sets, on written examples.

use super::*;

pub(super) fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|ip| ip.parse().unwrap()).collect()
}

pub(super) fn set(key: &str, ttl: u32, data: &[&str]) -> RecordSet {
    RecordSet::new(key.parse().unwrap(), ttl, data).unwrap()
}

/// One host on each side, with both families.
pub(super) fn swap() -> Swap {
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

/// PowerDNS keeps records that it does not serve: a set of such is none, whatever it would hold.
#[test]
fn a_set_of_disabled_records_leads_nowhere_and_hides_nothing() {
    let off = |key: &str, data: &str| {
        set(key, 60, &[]).with_extra(serde_json::json!({ "disabled": [data] }))
    };
    let sets = vec![
        set("www.example.org. A", 60, &["192.0.2.10"]),
        off("www.example.org. CNAME", "web.example.org."),
        off("gone.example.org. A", "192.0.2.10"),
        off("wild.example.org. CNAME", "web.example.org."),
        set("*.example.org. A", 60, &["192.0.2.10"]),
        set("odd.example.org. CNAME", 60, &["."]),
    ];
    let zone = ZoneSets {
        zone: "example.org".into(),
        served: ["www.example.org".into(), "wild.example.org".into()].into(),
        sets,
        ..ZoneSets::default()
    };
    let found = moves(&swap(), &[zone], None);
    let moved: Vec<String> = (found.zones["example.org"].iter())
        .map(|(before, _)| before.key.to_string())
        .collect();
    assert_eq!(moved, ["*.example.org. A", "www.example.org. A"]);
    let why = |what: &str| -> Vec<&str> {
        let stays = found.stays.iter().filter(|stay| stay.what == what);
        stays.map(|stay| stay.why.as_str()).collect()
    };
    for what in ["www.example.org. CNAME", "gone.example.org. A"] {
        assert_eq!(why(what), ["its records are disabled, so it leads nowhere"]);
    }
    assert_eq!(why("odd.example.org. CNAME"), ["it is a CNAME to nothing"]);
    assert_eq!(
        why("wild.example.org"),
        ["the wildcard `*.example.org. A` answers for it"]
    );
    assert_eq!(found.left, []);
}
