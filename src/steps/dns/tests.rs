use std::sync::Arc;

use super::*;
use crate::steps::testing::{Book, site};
use serde_json::json;

fn flip(scope: Scope, ttl: Option<u32>) -> Flip {
    Flip {
        step: "flip".into(),
        scope,
        zones: Vec::new(),
        ttl,
        tells: false,
    }
}

fn all_services() -> Scope {
    Scope::Names {
        services: vec!["website".into()],
        names: Vec::new(),
    }
}

fn aim() -> Aim {
    Aim {
        active: "cloud".into(),
        idle: "dedicated".into(),
        moved: false,
    }
}

const SETS: [(&str, &[&str]); 5] = [
    ("example.org. A", &["192.0.2.10"]),
    ("example.org. AAAA", &["2001:db8::10"]),
    ("www.example.org. CNAME", &["example.org."]),
    ("other.example.org. A", &["192.0.2.10", "203.0.113.9"]),
    ("mail.example.org. A", &["203.0.113.5"]),
];

#[tokio::test]
async fn a_zone_that_is_written_in_one_call_is_one_edit() {
    let book = Book::new(Honesty::Atomic, &SETS);
    let site = site(book.clone());
    let survey = flip(all_services(), Some(60))
        .survey(&site, &aim())
        .await
        .unwrap();
    assert_eq!(survey.refusals, [""; 0]);
    let [edit] = survey.edits.as_slice() else {
        panic!("one zone is one edit: {:?}", survey.edits);
    };
    assert_eq!(edit.place.to_string(), "flip/example.org");
    let keys: Vec<_> = edit.after.0.keys().map(String::as_str).collect();
    assert_eq!(keys, ["example.org. A", "example.org. AAAA"]);
    assert_eq!(survey.locks, keys);
    assert_eq!(
        edit.after.0["example.org. A"].json()["data"],
        json!(["198.51.100.20"])
    );
    assert_eq!(edit.after.0["example.org. A"].json()["ttl"], json!(60));
    assert_eq!(edit.before.0["example.org. A"].json()["ttl"], json!(300));
    assert!(survey.promise.contains("one call"), "{}", survey.promise);
    let said: Vec<_> = survey.stays.iter().map(|stay| stay.what.as_str()).collect();
    assert_eq!(
        said,
        [
            "other.example.org. A",
            "www.example.org. CNAME",
            "www.example.net"
        ]
    );
    let why = &survey.stays[0].why;
    assert_eq!(
        why,
        "it leads to `dedicated` too, and this step does not name it"
    );
}

#[tokio::test]
async fn a_record_of_a_proxy_moves_to_the_other_sides_proxy_or_stays() {
    let sets: [(&str, &[&str]); 2] = [
        ("example.org. A", &["203.0.113.5"]),
        ("example.org. AAAA", &["2001:db8::10"]),
    ];
    for (other, moves) in [("203.0.113.6", true), ("203.0.113.5", false)] {
        let mut site = site(Book::new(Honesty::Atomic, &sets));
        for host in site.hosts.values_mut() {
            host.addresses.retain(|ip| ip.is_ipv6());
            let proxy = if host.site == "cloud" {
                other
            } else {
                "203.0.113.5"
            };
            host.proxy = vec![proxy.parse().unwrap()];
        }
        let survey = flip(all_services(), None)
            .survey(&site, &aim())
            .await
            .unwrap();
        assert_eq!(survey.refusals, [""; 0]);
        let after = &survey.edits[0].after.0;
        assert_eq!(
            after["example.org. AAAA"].json()["data"],
            json!(["2001:db8:1::20"])
        );
        let stay = survey
            .stays
            .iter()
            .find(|stay| stay.what == "example.org. A");
        if moves {
            assert_eq!(after["example.org. A"].json()["data"], json!([other]));
            assert_eq!(stay, None);
        } else {
            assert!(!after.contains_key("example.org. A"));
            let why = &stay.unwrap().why;
            assert!(
                why.contains("both sides are behind the same proxy"),
                "{why}"
            );
        }
    }
}

#[tokio::test]
async fn a_provider_that_writes_one_set_gets_one_edit_for_each() {
    let book = Book::new(Honesty::OneSet, &SETS);
    let site = site(book.clone());
    let flip = flip(Scope::All, None);
    let survey = flip.survey(&site, &aim()).await.unwrap();
    let places: Vec<_> = survey.edits.iter().map(|e| e.place.name.as_str()).collect();
    assert_eq!(
        places,
        [
            "example.org. A",
            "example.org. AAAA",
            "other.example.org. A"
        ]
    );
    let other = &survey.edits[2];
    let lines = flip.describe(&other.after);
    assert_eq!(
        lines,
        [
            "other.example.org. 300 IN A 198.51.100.20",
            "other.example.org. 300 IN A 203.0.113.9"
        ]
    );
    let parts: Vec<String> = other.before.0.keys().cloned().collect();
    let read = flip.read(&site, &other.place, &parts).await.unwrap();
    assert_eq!(read, other.before);
}

#[tokio::test]
async fn the_way_back_is_the_same_with_the_roles_swapped() {
    let book = Book::new(Honesty::Atomic, &SETS);
    let site = site(book.clone());
    let flip = flip(Scope::All, None);
    let there = flip.survey(&site, &aim()).await.unwrap();
    book.replace(&there.edits[0].after);
    let again = flip.survey(&site, &aim()).await.unwrap();
    assert_eq!(again.edits, [], "what leads there already is left out");
    assert_eq!(again.locks, there.locks, "and is locked all the same");
    let home = Aim {
        active: "dedicated".into(),
        idle: "cloud".into(),
        moved: false,
    };
    let back = flip.survey(&site, &home).await.unwrap();
    assert_eq!(back.edits[0].before, there.edits[0].after);
    assert_eq!(back.edits[0].after, there.edits[0].before);
}

#[tokio::test]
async fn a_read_is_restricted_to_its_parts_and_absent_sets_are_absent() {
    let book = Book::new(Honesty::Atomic, &SETS);
    let site = site(book);
    let place = Place {
        step: "flip".into(),
        name: "example.org".into(),
    };
    let flip = flip(Scope::All, None);
    let parts = [
        "mail.example.org. A".to_owned(),
        "gone.example.org. A".to_owned(),
    ];
    let read = flip.read(&site, &place, &parts).await.unwrap();
    let keys: Vec<_> = read.0.keys().collect();
    assert_eq!(keys, ["mail.example.org. A"]);
    let bad = flip
        .read(&site, &place, &["nonsense".to_owned()])
        .await
        .unwrap_err();
    assert_eq!(bad.cause, Cause::Garbled);
    let elsewhere = Place {
        step: "flip".into(),
        name: "example.com".into(),
    };
    let bad = flip.read(&site, &elsewhere, &parts).await.unwrap_err();
    assert_eq!(bad.cause, Cause::Missing);
}

#[tokio::test]
async fn what_must_not_be_written_is_refused() {
    let book = Book::new(Honesty::Atomic, &SETS);
    let mut site = site(book.clone());
    let survey = flip(all_services(), Some(10))
        .survey(&site, &aim())
        .await
        .unwrap();
    assert!(
        survey.refusals[0].contains("ttl = \"30s\""),
        "{:?}",
        survey.refusals
    );

    let mut unknown = flip(Scope::All, None);
    unknown.zones = vec!["exmaple.org".into()];
    let survey = unknown.survey(&site, &aim()).await.unwrap();
    assert!(
        survey.refusals[0].contains("exmaple.org"),
        "{:?}",
        survey.refusals
    );

    let standby = site.hosts.get_mut("standby").unwrap();
    standby.addresses.retain(|ip| ip.is_ipv4());
    let survey = flip(all_services(), None)
        .survey(&site, &aim())
        .await
        .unwrap();
    assert!(survey.refusals[0].contains("IPv6"), "{:?}", survey.refusals);
}

/// A plan without refusals can be carried out: the provider is asked both ways, with what it sees of the zone.
#[tokio::test]
async fn what_a_write_would_refuse_is_refused_by_the_plan_both_ways() {
    let refusals = async |change: fn(&mut Book)| {
        let mut book = Book::new(Honesty::Atomic, &SETS);
        change(Arc::get_mut(&mut book).unwrap());
        let survey = flip(all_services(), Some(60))
            .survey(&site(book), &aim())
            .await;
        survey.unwrap().refusals
    };
    assert_eq!(refusals(|_| ()).await, [""; 0]);
    let of_zone = refusals(|book| book.grounds.zone.push("it is a copy".into())).await;
    assert_eq!(of_zone, ["it is a copy"]);
    fn of_set(key: &str, book: &mut Book) {
        let key: RecordKey = key.parse().unwrap();
        (book.grounds.sets).insert(key.clone(), format!("a wildcard answers for `{key}`"));
    }
    let moves = refusals(|book| of_set("example.org. A", book)).await;
    assert_eq!(moves, ["a wildcard answers for `example.org. A`"]);
    let stays = refusals(|book| of_set("mail.example.org. A", book)).await;
    assert_eq!(stays, [""; 0], "what stays is not written");
    let back = refusals(|book| {
        let mut set = RecordSet::new("example.org. A".parse().unwrap(), 0, ["192.0.2.10"]).unwrap();
        set.ttl = 0;
        book.replace(&RecordSet::value_of([&set]));
    })
    .await;
    assert_eq!(
        back,
        ["there would be no way back: `example.org. A` has no TTL"]
    );
}

#[tokio::test]
async fn what_should_be_known_of_a_zone_is_said_and_refuses_nothing() {
    let mut book = Book::new(Honesty::Atomic, &SETS);
    let stay = |what: &str, why: &str| Stay {
        what: what.into(),
        why: why.into(),
    };
    let inner = Arc::get_mut(&mut book).unwrap();
    inner.grounds.notes.push("it is a secondary".into());
    let site = site(book);
    for scope in [Scope::All, all_services()] {
        let survey = flip(scope, None).survey(&site, &aim()).await.unwrap();
        assert_eq!(survey.refusals, [""; 0]);
        let note = stay("example.org", "it is a secondary");
        assert!(survey.stays.contains(&note), "{:?}", survey.stays);
    }
}

#[tokio::test]
async fn a_provider_that_cannot_be_read_is_no_empty_zone() {
    let book = Book::new(Honesty::Atomic, &SETS);
    book.fail();
    let site = site(book);
    for scope in [Scope::All, all_services()] {
        let unseen = flip(scope, None).survey(&site, &aim()).await.unwrap_err();
        assert!(unseen.detail.contains("example.org"), "{}", unseen.detail);
    }
}

#[test]
fn fields_that_contradict_each_other_are_problems() {
    use crate::field::Datum;
    let given = Given {
        id: "flip",
        services: &["website".to_owned()],
        hosts: &[],
    };
    let fields = |pairs: &[(&'static str, Datum)]| {
        let mut fields = Fields::new(0..9);
        for (name, datum) in pairs {
            fields.insert(name, datum.clone(), 0..9);
        }
        fields
    };
    let services = ("services", Datum::Texts(vec!["website".into()]));
    let all = ("records", Datum::Text("all".into()));
    let ttl = |span| ("ttl", Datum::Span(span));
    let codes = |pairs: &[(&'static str, Datum)]| -> Vec<&str> {
        match build(&fields(pairs), &given) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.iter().map(|problem| problem.code).collect(),
        }
    };
    assert_eq!(codes(&[all.clone(), ttl(Duration::ZERO)]), ["bad-ttl"]);
    assert_eq!(
        codes(&[all.clone(), ttl(Duration::from_millis(1500))]),
        ["bad-ttl"]
    );
    assert_eq!(codes(&[all, ttl(Duration::from_secs(60))]), [""; 0]);
    assert_eq!(codes(&[services]), [""; 0]);
}

/// What was left, each with whether it only is told.
async fn left_of(book: Arc<Book>, tells: bool) -> Vec<(String, bool)> {
    let work = Flip {
        tells,
        ..flip(all_services(), None)
    };
    let survey = work.survey(&site(book), &aim()).await.unwrap();
    let left = survey.left.into_iter();
    // Where a name leads that is in no zone is asked of resolvers, which is no part of this.
    let left = left.filter(|left| left.what.contains(". "));
    left.map(|left| (left.what, left.hint)).collect()
}

#[tokio::test]
async fn what_visitors_follow_is_asked_for_where_the_zone_cannot_be_listed() {
    use crate::dns::{Holds, Other};
    let hint = |ip: &str| Holds::Text(vec![format!("1 . ipv4hint={ip}")]);
    let nobody = || Holds::Unread(String::new());
    for (others, wanted) in [
        (vec![], &[][..]),
        (vec![("example.org", hint("198.51.100.20"))], &[]),
        (
            vec![("example.org", hint("192.0.2.10"))],
            &["example.org. HTTPS"],
        ),
        (vec![("mail.example.org", hint("192.0.2.10"))], &[]),
        // No probe goes there, and visitors may.
        (
            vec![("_8443._https.www.example.org", hint("192.0.2.10"))],
            &["_8443._https.www.example.org. HTTPS"],
        ),
        // Nobody answered: that is no "there is none", of no name.
        (
            vec![("example.org", nobody())],
            &["example.org. HTTPS", "www.example.org. HTTPS"],
        ),
    ] {
        let mut book = Book::new(Honesty::Atomic, &SETS);
        let inner = Arc::get_mut(&mut book).unwrap();
        inner.unlisted = true;
        inner.others = (others.into_iter())
            .map(|(name, holds)| Other::new(name, "HTTPS", holds))
            .collect();
        let left: Vec<String> = (left_of(book, false).await.into_iter())
            .map(|(what, hint)| {
                assert!(hint, "{what} stops no run");
                what
            })
            .collect();
        assert_eq!(left, wanted);
    }
}

#[tokio::test]
async fn a_set_that_the_server_makes_up_cannot_be_moved() {
    use crate::dns::{Holds, Other};
    let sets: [(&str, &[&str]); 1] = [("www.example.org. A", &["203.0.113.9"])];
    let made = RecordSet::new("example.org. A".parse().unwrap(), 60, ["192.0.2.10"]).unwrap();
    let lua = Holds::Text(vec!["A \"ifportup(80, {'192.0.2.10'})\"".into()]);
    let mut book = Book::new(Honesty::CompareAndSwap, &sets);
    let inner = Arc::get_mut(&mut book).unwrap();
    inner.made_up = vec![made];
    inner.others = vec![Other::new("example.org", "LUA", lua)];
    let survey = flip(all_services(), None)
        .survey(&site(book.clone()), &aim())
        .await
        .unwrap();
    assert_eq!(survey.edits, []);
    let left = left_of(book, false).await;
    assert!(
        left.contains(&("example.org. LUA".to_owned(), false)),
        "{left:?}"
    );
}

#[tokio::test]
async fn a_share_of_neither_site_is_unproven_unless_the_playbook_lets_it_stay() {
    let sets: [(&str, &[&str]); 2] = [
        ("example.org. A", &["192.0.2.10", "203.0.113.9"]),
        ("www.example.org. CNAME", &["example.org."]),
    ];
    let left = async |tells| left_of(Book::new(Honesty::Atomic, &sets), tells).await;
    assert_eq!(left(false).await, [("example.org. A".to_owned(), true)]);
    assert_eq!(left(true).await, []);
}

/// A step that moves `mail` alone, beside the service `website`.
fn mail() -> Flip {
    let names = vec!["mail.example.org".to_owned()];
    let scope = Scope::Names {
        services: Vec::new(),
        names,
    };
    flip(scope, None)
}

#[tokio::test]
async fn names_of_services_that_no_part_of_the_step_moves_are_left_where_they_lead_to_the_source() {
    let sets: [(&str, &[&str]); 4] = [
        ("mail.example.org. A", &["192.0.2.10"]),
        ("example.org. AAAA", &["2001:db8::10"]),
        ("www.example.org. CNAME", &["lb.example.org."]),
        ("lb.example.org. A", &["192.0.2.10"]),
    ];
    let back = Aim {
        active: "dedicated".into(),
        idle: "cloud".into(),
        moved: false,
    };
    for unlisted in [false, true] {
        let mut book = Book::new(Honesty::Atomic, &sets);
        Arc::get_mut(&mut book).unwrap().unlisted = unlisted;
        let site = site(book);
        let survey = mail().survey(&site, &aim()).await.unwrap();
        assert_eq!((survey.edits.len(), survey.locks.len()), (1, 1));
        let left: Vec<(&str, bool)> = (survey.left.iter())
            // Where the alias and the name in no zone lead is asked of resolvers, which is no part of this.
            .filter(|left| left.what == "example.org")
            .map(|left| (left.why.as_str(), left.hint))
            .collect();
        let why = "it leads to `dedicated` by `example.org. AAAA`, which this step does not move: name that too";
        assert_eq!(left, [(why, false)], "{unlisted}");
        let by_alias = survey
            .left
            .iter()
            .any(|left| left.what == "www.example.org");
        assert_eq!(by_alias, !unlisted);
        // On the way back they are where they should be.
        let survey = mail().survey(&site, &back).await.unwrap();
        assert!(survey.left.iter().all(|left| left.what != "example.org"));
    }
}

#[tokio::test]
async fn what_leads_there_already_is_to_be_found_so_at_the_end() {
    let sets: [(&str, &[&str]); 2] = [
        ("example.org. A", &["198.51.100.20"]),
        ("example.org. AAAA", &["2001:db8::10"]),
    ];
    let site = site(Book::new(Honesty::OneSet, &sets));
    let survey = flip(all_services(), Some(60)).survey(&site, &aim()).await;
    let survey = survey.unwrap();
    let [found] = survey.found.as_slice() else {
        panic!("one zone is one place: {:?}", survey.found);
    };
    assert_eq!(found.edit.before, found.edit.after);
    let keys: Vec<&str> = found.edit.after.0.keys().map(String::as_str).collect();
    assert_eq!(keys, ["example.org. A"]);
    let parts: Vec<String> = keys.into_iter().map(str::to_owned).collect();
    let work = flip(all_services(), Some(60));
    let read = work.read(&site, &found.edit.place, &parts).await.unwrap();
    assert_eq!(read, found.edit.after);
}
