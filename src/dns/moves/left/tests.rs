//! What stays, and what is left behind by a service, on written examples.

use crate::dns::moves::tests::{ips, set, swap};
use crate::dns::moves::*;
use crate::dns::{Holds, Other};

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
        unmoved: BTreeSet::new(),
        names: Some(names),
        around: Some(Listing {
            sets: sets.to_vec(),
            others,
            ..Listing::default()
        }),
        beside: Vec::new(),
    }
}

/// The same where only the named sets can be read, and what is asked for beside them.
fn unlisted(names: &[&str], sets: &[RecordSet], beside: Vec<Other>) -> ZoneSets {
    ZoneSets {
        around: None,
        beside,
        ..served(names, sets, Vec::new())
    }
}

fn left_of(zone: ZoneSets) -> Vec<(String, bool)> {
    let found = moves(&swap(), &[zone], None);
    let left = found.left.into_iter();
    left.map(|left| (left.what, left.hint)).collect()
}

#[test]
fn what_visitors_follow_where_an_alias_ends_or_a_wildcard_answers_is_the_services_own() {
    let sets = [
        set("www.v.test. CNAME", 60, &["web.v.test."]),
        set("web.v.test. A", 60, &["192.0.2.10"]),
        set("plain.v.test. A", 60, &["192.0.2.10"]),
        set("*.v.test. A", 60, &["192.0.2.10"]),
        set("to.v.test. CNAME", 60, &["any.w.v.test."]),
        set("*.w.v.test. A", 60, &["192.0.2.10"]),
    ];
    let hint = "1 . ipv4hint=192.0.2.10";
    let others = || {
        ["web", "*", "*.w", "_8443._https.web", "nobody"]
            .map(|name| other(&format!("{name}.v.test"), "HTTPS", hint))
            .to_vec()
    };
    let cases: [(&[&str], &[&str]); 5] = [
        (&["www", "web"], &["web.v.test. HTTPS"]),
        (&["any", "*"], &["*.v.test. HTTPS"]),
        (&["to", "*.w"], &["*.w.v.test. HTTPS"]),
        // Where a name exists, no wildcard answers for it.
        (&["plain"], &[]),
        (&["nobody"], &["nobody.v.test", "nobody.v.test. HTTPS"]),
    ];
    for (names, expected) in cases {
        let all = ZoneSets {
            names: None,
            sets: sets.to_vec(),
            ..served(names, &sets, others())
        };
        // A service looks at the names that it has, not at the others that are moved with them.
        let all = ZoneSets {
            served: [format!("{}.v.test", names[0])].into(),
            unmoved: BTreeSet::new(),
            ..all
        };
        let left: Vec<String> = left_of(all).into_iter().map(|(what, _)| what).collect();
        assert_eq!(left, expected, "{names:?}");
    }
    // In another zone too.
    let mut zones = [
        served(
            &["www"],
            &[set("www.v.test. CNAME", 60, &["web.u.test."])],
            vec![],
        ),
        ZoneSets {
            zone: "u.test".into(),
            names: None,
            sets: vec![set("web.u.test. A", 60, &["192.0.2.10"])],
            around: Some(Listing {
                others: vec![other("web.u.test", "HTTPS", hint)],
                ..Listing::default()
            }),
            ..ZoneSets::default()
        },
    ];
    for _ in 0..2 {
        let found = moves(&swap(), &zones, None);
        let left: Vec<_> = found.left.iter().map(|left| left.what.as_str()).collect();
        assert_eq!(left, ["web.u.test. HTTPS"]);
        zones.reverse();
    }
}

#[test]
fn what_was_asked_for_in_a_zone_that_cannot_be_listed_counts_as_what_is_listed() {
    let sets = [set("www.v.test. A", 60, &["192.0.2.10"])];
    let hint = |ip: &str| other("www.v.test", "HTTPS", &format!("1 . ipv4hint={ip}"));
    let unread = || Holds::Unread("nobody answered".into());
    let left = |beside| left_of(unlisted(&["www"], &sets, beside));
    let is_left = [("www.v.test. HTTPS".to_owned(), true)];
    assert_eq!(left(vec![]), []);
    assert_eq!(left(vec![hint("192.0.2.10")]), is_left);
    assert_eq!(left(vec![hint("198.51.100.20")]), []);
    // What could not be told is no "there is none".
    assert_eq!(
        left(vec![Other::new("www.v.test", "HTTPS", unread())]),
        is_left
    );
    assert_eq!(left(vec![Other::new("www.v.test", "CAA", unread())]), []);
}

#[test]
fn a_set_that_also_leads_to_neither_site_keeps_a_share_of_the_visitors() {
    let sets = [
        set("www.v.test. A", 60, &["192.0.2.10", "203.0.113.5"]),
        set("www.v.test. AAAA", 60, &["2001:db8::10", "2001:db8:9::5"]),
        set("there.v.test. A", 60, &["198.51.100.20", "203.0.113.5"]),
        set("web.v.test. CNAME", 60, &["www.v.test."]),
        set("*.v.test. A", 60, &["192.0.2.10", "203.0.113.7"]),
        set("plain.v.test. A", 60, &["192.0.2.10"]),
        set("strange.v.test. A", 60, &["203.0.113.9"]),
    ];
    let www = ["www.v.test. A", "www.v.test. AAAA"];
    let cases: [(&[&str], &[&str]); 6] = [
        (&["www"], &www),
        (&["web", "www"], &www),
        (&["there"], &["there.v.test. A"]),
        (&["any", "*"], &["*.v.test. A"]),
        (&["plain"], &[]),
        // That is told as a whole.
        (&["strange"], &[]),
    ];
    for (names, expected) in cases {
        let found = moves(&swap(), &[served(names, &sets, vec![])], None);
        let shares: Vec<_> = found.shares.iter().map(|left| left.what.as_str()).collect();
        assert_eq!(shares, expected, "{names:?}");
        assert!(
            found
                .shares
                .iter()
                .all(|left| left.hint && left.why.starts_with("it also holds 20"))
        );
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
        unmoved: BTreeSet::new(),
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
    let asked: Vec<_> = found.beyond.iter().map(|end| end.what.as_str()).collect();
    assert_eq!(asked, ["new.sub.v.test", "ns.sub.v.test"]);
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
    // Where another zone answers it is asked where that leads.
    let asked: Vec<_> = found.beyond.iter().map(|end| end.what.as_str()).collect();
    assert_eq!(asked, ["none.sub.v.test"]);
}

#[test]
fn a_name_of_a_service_without_a_record_does_not_move() {
    let sets = [set("www.v.test. A", 60, &["192.0.2.10"])];
    let mail = Other::new(
        "mail.v.test",
        "MX",
        Holds::Text(vec!["10 mx.v.test.".into()]),
    );
    let named = served(&["www", "mail", "web"], &sets, vec![mail]);
    let all = ZoneSets {
        names: None,
        ..named.clone()
    };
    for zone in [named, all] {
        let found = moves(&swap(), &[zone], None);
        let left: BTreeSet<_> = (found.left.iter())
            .map(|left| {
                (
                    left.what.as_str(),
                    left.hint,
                    left.leads == Leads::Neither(Some(Vec::new())),
                )
            })
            .collect();
        assert_eq!(
            left,
            [("mail.v.test", true, true), ("web.v.test", true, true)].into()
        );
        let why = "it has no A, AAAA or CNAME record in the zone `v.test`";
        assert!(found.left.iter().any(|left| left.why == why));
        assert!(found.stays.iter().any(|stay| stay.what == "web.v.test"));
    }
}

#[test]
fn services_that_are_found_by_srv_naptr_and_uri_stay_where_their_target_stays() {
    let sets = [
        set("m.v.test. A", 60, &["192.0.2.10"]),
        set("svc.v.test. A", 60, &["192.0.2.10"]),
    ];
    let others = |target: &str| {
        vec![
            other(
                "_xmpp._tcp.m.v.test",
                "SRV",
                &format!("1 1 5222 {target}.v.test."),
            ),
            other(
                "m.v.test",
                "NAPTR",
                &format!(r#"100 10 "s" "SIP+D2T" "" {target}.v.test."#),
            ),
            other(
                "_ftp._tcp.m.v.test",
                "URI",
                &format!(r#"10 1 "ftp://{target}.v.test/pub""#),
            ),
        ]
    };
    let left = left_of(served(&["m"], &sets, others("svc")));
    assert_eq!(left.len(), 3, "{left:?}");
    assert!(left.iter().all(|(_, hint)| !hint), "{left:?}");
    assert_eq!(left_of(served(&["m"], &sets, others("m"))), []);
    // Mail is no visitor, and where it goes is told.
    let mail = served(
        &["m"],
        &sets,
        vec![other("m.v.test", "MX", "10 svc.v.test.")],
    );
    let found = moves(&swap(), &[mail], None);
    assert!(found.left.is_empty());
    let told = found.stays.iter().find(|stay| stay.what == "m.v.test. MX");
    assert!(told.is_some_and(|stay| stay.why.contains("svc.v.test")));
}

#[test]
fn what_leads_out_of_all_that_was_read_is_told_with_where_it_ends() {
    let sets = [
        set("www.v.test. CNAME", 60, &["lb.v.test."]),
        set("lb.v.test. CNAME", 60, &["www.far.test."]),
        set("shop.v.test. A", 60, &["192.0.2.10"]),
        set("near.v.test. A", 60, &["192.0.2.10"]),
    ];
    let others = [
        ("shop", "HTTPS", "1 shop.far.test. alpn=h2"),
        ("www", "HTTPS", "0 near.v.test."),
        // Nobody comes by a name of no service, and a DNAME leads only what is below it.
        ("nobody", "HTTPS", "1 nobody.far.test. alpn=h2"),
        ("shop", "DNAME", "below.far.test."),
    ];
    let others = others.map(|(name, rtype, data)| other(&format!("{name}.v.test"), rtype, data));
    let zone = served(&["shop", "www"], &sets, others.to_vec());
    let beyond = moves(&swap(), &[zone], None).beyond.into_iter();
    let told: Vec<_> = beyond
        .map(|end| format!("{} to {}", end.what, end.target))
        .collect();
    let shop = "shop.v.test. HTTPS to shop.far.test";
    assert_eq!(told, ["www.v.test to www.far.test", shop]);
}
