use super::*;
use crate::dns::{Honesty, RecordSet};
use crate::step::Change;
use crate::steps::dns::Scope;
use crate::steps::testing::{Book, site};
use serde_json::json;

fn to(site: &str) -> Leads {
    Leads::To(site.into())
}

fn held(data: &str) -> Leads {
    Leads::Neither(Some(vec![data.into()]))
}

fn seen(idle: &str, things: &[(&str, Leads)]) -> Json {
    let things = things.iter().map(|(what, leads)| Thing {
        what: (*what).into(),
        why: format!("{leads:?}"),
        leads: leads.clone(),
    });
    json!(Things {
        idle: idle.into(),
        things: things.collect(),
        moves: Vec::new(),
    })
}

fn flip() -> Flip {
    Flip {
        step: "flip".into(),
        scope: Scope::Names {
            services: vec!["website".into()],
            names: Vec::new(),
        },
        zones: Vec::new(),
        ttl: None,
        tells: false,
    }
}

fn aim(active: &str, idle: &str) -> Aim {
    Aim {
        active: active.into(),
        idle: idle.into(),
        moved: true,
    }
}

/// What is found of one thing that led to `was` before a run from `dedicated` to `cloud`, and leads to `is` now.
fn found(way: &Aim, was: &[Leads], is: &[Leads]) -> Finding {
    let of = |leads: &[Leads]| -> Vec<(&str, Leads)> {
        leads
            .iter()
            .map(|leads| ("www. HTTPS", leads.clone()))
            .collect()
    };
    let evidence = Evidence {
        items: vec![(KEY.into(), Known::Live(seen(&way.idle, &of(is))))],
        baseline: vec![(KEY.into(), seen("dedicated", &of(was)))],
    };
    flip().judge(way, &evidence)
}

#[test]
fn what_a_person_moves_is_late_until_it_is_moved_and_fails_until_it_is_moved_back() {
    use Outcome::{Fail, Late, Pass, Unknown, Warn};
    let (there, back) = (aim("cloud", "dedicated"), aim("dedicated", "cloud"));
    let (old, new) = (to("dedicated"), to("cloud"));
    let far = || Leads::Neither(None);
    let cases = [
        // Before, now; on the way there, on the way back.
        (vec![old.clone()], vec![old.clone()], Late, Pass),
        (vec![old.clone()], vec![new.clone()], Pass, Fail),
        (
            vec![old.clone()],
            vec![old.clone(), new.clone()],
            Late,
            Fail,
        ),
        (vec![old.clone()], vec![], Pass, Warn),
        (vec![old.clone()], vec![held("203.0.113.9")], Pass, Fail),
        (vec![old.clone()], vec![Leads::Unseen], Unknown, Unknown),
        // A family that the playbook forgot.
        (
            vec![held("192.0.2.10")],
            vec![held("192.0.2.10")],
            Late,
            Pass,
        ),
        (
            vec![held("192.0.2.10")],
            vec![held("198.51.100.20")],
            Pass,
            Fail,
        ),
        (vec![held("192.0.2.10")], vec![], Pass, Warn),
        // Somewhere else, where the addresses come and go.
        (vec![far()], vec![far()], Late, Pass),
        (vec![far()], vec![new.clone()], Pass, Fail),
        (vec![far()], vec![old.clone()], Late, Warn),
        // It led to the target before, and nobody moves it.
        (vec![new.clone()], vec![new.clone()], Pass, Pass),
        (vec![], vec![new.clone()], Pass, Fail),
        (vec![], vec![], Pass, Pass),
    ];
    for (was, is, going, returning) in cases {
        assert_eq!(
            found(&there, &was, &is).outcome,
            going,
            "there {was:?} {is:?}"
        );
        assert_eq!(
            found(&back, &was, &is).outcome,
            returning,
            "back {was:?} {is:?}"
        );
    }
    let finding = found(&back, &[old], &[new]);
    assert_eq!(finding.headline, "not as it was before: www. HTTPS");
    assert!(
        finding
            .mended_by()
            .unwrap()
            .contains("move www. HTTPS back by hand")
    );
}

#[test]
fn what_was_not_looked_at_is_unknown() {
    let way = aim("cloud", "dedicated");
    let live = (KEY.to_owned(), Known::Live(seen("dedicated", &[])));
    let unseen = Known::Unseen(Unseen::new(Cause::TimedOut, "no answer"));
    let before = vec![(KEY.to_owned(), seen("dedicated", &[]))];
    for (items, baseline) in [
        (vec![live], Vec::new()),
        (vec![(KEY.to_owned(), unseen)], before.clone()),
        (Vec::new(), before),
    ] {
        let evidence = Evidence { items, baseline };
        assert_eq!(flip().judge(&way, &evidence).outcome, Outcome::Unknown);
    }
}

/// Looks at what a zone holds.
async fn things(book: &std::sync::Arc<Book>, way: &Aim) -> Things {
    let mut site = site(book.clone());
    let service = site.services.get_mut("website").unwrap();
    service.names.retain(|name| name.ends_with("example.org"));
    let (flip, pulses) = (flip(), Pulses::none());
    let look = flip.by_hand().unwrap().looks(&site, way, &pulses).remove(0);
    serde_json::from_value(look.ask.await.unwrap()).unwrap()
}

#[tokio::test]
async fn what_leads_to_either_side_and_is_moved_by_nobody_is_seen_whichever_way_is_meant() {
    let book = Book::new(
        Honesty::Atomic,
        &[
            ("example.org. A", &["203.0.113.7"]),
            ("www.example.org. CNAME", &["web.example.org."]),
            ("web.example.org. A", &["192.0.2.10"]),
        ],
    );
    let (there, back) = (aim("cloud", "dedicated"), aim("dedicated", "cloud"));
    for way in [&there, &back] {
        let seen = things(&book, way).await;
        assert_eq!(seen.idle, way.idle);
        let leads: Vec<_> = (seen.things.iter())
            .map(|thing| (thing.what.as_str(), thing.leads.clone()))
            .collect();
        let apex = Leads::Neither(Some(vec!["203.0.113.7".into()]));
        assert!(leads.contains(&("example.org. A", apex)), "{leads:?}");
        assert!(
            leads.contains(&("www.example.org", to("dedicated"))),
            "{leads:?}"
        );
    }
    // Somebody moves both by hand.
    let set = |key: &str| RecordSet::new(key.parse().unwrap(), 300, ["198.51.100.20"]).unwrap();
    let moved = [set("example.org. A"), set("web.example.org. A")];
    let before = json!(things(&book, &there).await);
    book.replace(&RecordSet::value_of(&moved));
    for (way, outcome) in [(&there, Outcome::Pass), (&back, Outcome::Fail)] {
        let evidence = Evidence {
            items: vec![(KEY.into(), Known::Live(json!(things(&book, way).await)))],
            baseline: vec![(KEY.into(), before.clone())],
        };
        let finding = flip().judge(way, &evidence);
        assert_eq!(finding.outcome, outcome, "{finding:?}");
    }
}

#[tokio::test]
async fn what_got_a_record_at_the_side_that_was_left_is_not_moved() {
    use Outcome::{Fail, Late, Pass, Warn};
    let (old, new) = ("192.0.2.10", "198.51.100.20");
    let (there, back) = (aim("cloud", "dedicated"), aim("dedicated", "cloud"));
    // A name without a record, and one that led to neither side.
    for (zone, key) in [
        (vec![("example.org. A", [old])], "www.example.org. A"),
        (
            vec![
                ("example.org. A", [old]),
                ("www.example.org. A", ["203.0.113.7"]),
            ],
            "www.example.org. A",
        ),
    ] {
        let zone: Vec<(&str, &[&str])> = zone.iter().map(|(key, data)| (*key, &data[..])).collect();
        let book = Book::new(Honesty::Atomic, &zone);
        let before = Aim {
            moved: false,
            ..there.clone()
        };
        let before = json!(things(&book, &before).await);
        for (way, at, outcome) in [
            (&there, old, Late),
            (&there, new, Pass),
            (&back, new, Fail),
            (&back, old, Warn),
        ] {
            let set =
                |key: &str, to: &str| RecordSet::new(key.parse().unwrap(), 300, [to]).unwrap();
            let home = if way.active == "cloud" { new } else { old };
            book.replace(&RecordSet::value_of(&[
                set("example.org. A", home),
                set(key, at),
            ]));
            let evidence = Evidence {
                items: vec![(KEY.into(), Known::Live(json!(things(&book, way).await)))],
                baseline: vec![(KEY.into(), before.clone())],
            };
            let finding = flip().judge(way, &evidence);
            assert_eq!(finding.outcome, outcome, "{way:?} {at} {finding:?}");
        }
    }
}

#[tokio::test]
async fn what_leads_to_the_other_side_than_the_names_is_astray() {
    let sets: [(&str, &[&str]); 3] = [
        ("example.org. A", &["198.51.100.20"]),
        ("www.example.org. CNAME", &["web.example.org."]),
        ("web.example.org. A", &["192.0.2.10"]),
    ];
    let astray = async |sets: &[(&str, &[&str])], way: &Aim| -> Vec<String> {
        let mut site = site(Book::new(Honesty::Atomic, sets));
        let service = site.services.get_mut("website").unwrap();
        service.names.retain(|name| name.ends_with("example.org"));
        let survey = flip().survey(&site, way).await.unwrap();
        survey.astray.into_iter().map(|stay| stay.what).collect()
    };
    let (home, away) = (aim("dedicated", "cloud"), aim("cloud", "dedicated"));
    // The names lead to `cloud`, and an alias of one to `dedicated`.
    assert_eq!(astray(&sets, &home).await, ["www.example.org"]);
    // Nothing moves, so that nothing is said of where the users are.
    assert!(astray(&sets, &away).await.is_empty());
    // Both lead to the same side: that one of them would stay is another thing.
    let same: [(&str, &[&str]); 3] = [("example.org. A", &["192.0.2.10"]), sets[1], sets[2]];
    assert!(astray(&same, &away).await.is_empty());
    // A name that leads nowhere, or to neither side.
    let nowhere = &same[..1];
    assert_eq!(astray(nowhere, &away).await, ["www.example.org"]);
    let neither: [(&str, &[&str]); 2] = [same[0], ("www.example.org. A", &["203.0.113.9"])];
    assert_eq!(astray(&neither, &away).await, ["www.example.org. A"]);
}
