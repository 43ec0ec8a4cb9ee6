use serde_json::json;

use super::*;
use crate::fake::edit_of;

fn value(parts: &[(&str, &str)]) -> Value {
    let parts = parts.iter();
    Value(
        parts
            .map(|(key, part)| ((*key).to_owned(), (*part).into()))
            .collect(),
    )
}

#[test]
fn what_a_part_holds_is_told_and_never_at_length() {
    let told = |text: &str| held(Some(&text.into()));
    assert_eq!(held(None), "nothing");
    assert_eq!(told("new"), "`new`");
    let sixty = "é".repeat(60);
    assert_eq!(told(&sixty), format!("`{sixty}`"));
    assert_eq!(told(&format!("{sixty}é")), format!("`{sixty}…`"));
    // Records are told as records.
    let set = RecordSet::new("www.example.org. A".parse().unwrap(), 300, ["192.0.2.10"]);
    let part = Part::of(&set.unwrap());
    assert_eq!(held(Some(&part)), "`192.0.2.10` (TTL 300)");
}

#[test]
fn three_are_told_and_the_rest_is_counted() {
    let told = |n: usize| first((0..n).map(|i| i.to_string()).collect());
    assert_eq!(told(0), "");
    assert_eq!(told(1), "0");
    assert_eq!(told(3), "0; 1; 2");
    assert_eq!(told(4), "0; 1; 2; and 1 more");
    assert_eq!(told(9), "0; 1; 2; and 6 more");
}

#[test]
fn what_somebody_else_wrote_is_told_beside_what_was_expected() {
    let edit = edit_of("c1");
    let seen = value(&[("one", "else"), ("two", "old")]);
    let one = "`one` holds `else` instead of";
    assert_eq!(foreign(&edit, &edit.after, &seen), [format!("{one} `new`")]);
    assert_eq!(
        foreign(&edit, &edit.before, &seen),
        [format!("{one} `old`")]
    );
    let gone = value(&[("two", "old")]);
    assert_eq!(
        foreign(&edit, &edit.after, &gone),
        ["`one` holds nothing instead of `new`"]
    );
    assert!(foreign(&edit, &edit.after, &edit.before).is_empty());
    for (side, expected, words) in [
        (
            Side::Foreign,
            Side::After,
            Some(format!("somebody else wrote here: {one} `new`")),
        ),
        (
            Side::Foreign,
            Side::Before,
            Some(format!("somebody else wrote here: {one} `old`")),
        ),
        (
            Side::Mixed,
            Side::After,
            Some("a part of the change is there, the rest is not".into()),
        ),
        (Side::Before, Side::After, None),
        (Side::After, Side::Before, None),
    ] {
        assert_eq!(
            describe(side, &edit, expected, &seen, false),
            words,
            "{side:?}"
        );
    }
}

#[test]
fn what_is_left_to_somebody_else_is_named() {
    let edit = edit_of("c1");
    let told = |one: &str, two: &str| others(&edit, &value(&[("one", one), ("two", two)]));
    assert_eq!(told("else", "old"), "`one`, which somebody else wrote");
    assert_eq!(
        told("else", "else"),
        "`one` and 1 more, which somebody else wrote"
    );
    assert_eq!(told("old", "new"), "what somebody else wrote");
}

#[test]
fn a_ttl_that_was_stored_instead_of_another_is_told_once() {
    let of = |ttls: &[(&str, Option<u64>)]| {
        let part = |ttl: Option<u64>| match ttl {
            Some(ttl) => Part::of(&json!({ "ttl": ttl })),
            None => Part::of(&json!({})),
        };
        let parts = ttls.iter();
        Value(
            parts
                .map(|(key, ttl)| ((*key).to_owned(), part(*ttl)))
                .collect(),
        )
    };
    let written = of(&[
        ("a", Some(60)),
        ("b", Some(60)),
        ("c", Some(300)),
        ("d", None),
    ]);
    let stored = of(&[
        ("a", Some(120)),
        ("b", Some(120)),
        ("c", Some(120)),
        ("d", Some(120)),
    ]);
    assert_eq!(
        told(&written, &stored, true),
        "the server stored TTL 120 instead of none for `d`; the server stored TTL 120 instead of 60 \
         for 2 record sets; the server stored TTL 120 instead of 300 for `c`"
    );
}

#[test]
fn who_looks_on_is_told_what_is_waited_for_and_until_when() {
    let plan = crate::fake::plan(crate::plan::Mode::Failover, "c");
    let until = Stamp::at(0);
    let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = std::sync::Arc::clone(&told);
    let pulses = Pulses::new(move |pulse| {
        heard.lock().unwrap().push((pulse.entry, pulse.until));
    });
    let settling = Settling {
        entry: &plan.entries[0],
        edit: &edit_of("c0"),
        way: Way::There,
        leaves_parts: false,
        torn: false,
        no_stored_ttl: false,
        said_done: true,
        said_no: false,
        until: &until,
    };
    settling.announce(0, &pulses);
    assert_eq!(*told.lock().unwrap(), [(Some(0), Some(until.clone()))]);
}

#[tokio::test(start_paused = true)]
async fn another_ttl_is_the_servers_once_and_somebody_elses_later() {
    let mut plan = crate::fake::plan(crate::plan::Mode::Failover, "c");
    let part = |data: &str, ttl: u32| {
        let part = Part::from(serde_json::json!({ "data": data, "ttl": ttl }));
        Value([("www A".to_owned(), part)].into())
    };
    let entry = &mut plan.entries[0];
    let crate::plan::Nature::Change(edit) = &mut entry.nature else {
        panic!("no change");
    };
    (edit.before, edit.after) = (part("old", 300), part("new", 5));
    let edit = edit.clone();
    let clock = crate::clock::Clock::following_tokio("2026-11-22T03:05:00Z".parse().unwrap());
    let world = crate::fake::FakeWorld::new(&plan, clock.clone());
    world.somebody_writes(&edit.place, part("new", 60));
    let (_switch, stop) = crate::engine::stop::StopSwitch::new();
    for (no_stored_ttl, side, stored) in [(false, Side::After, 1), (true, Side::Foreign, 0)] {
        let settling = Settling {
            entry: &plan.entries[0],
            edit: &edit,
            way: Way::There,
            leaves_parts: false,
            torn: false,
            no_stored_ttl,
            said_done: true,
            said_no: false,
            until: &clock.now(),
        };
        let settled = settle(&world, &settling, &stop, &Pulses::none()).await;
        let settled = settled.unwrap();
        assert_eq!(settled.side, Some(side), "{no_stored_ttl}");
        assert_eq!(settled.stored.0.len(), stored, "{no_stored_ttl}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_a_write_said_nothing_one_odd_ttl_of_many_is_somebody_elses() {
    let mut plan = crate::fake::plan(crate::plan::Mode::Failover, "c");
    let value = |data: &str, ttls: [u32; 2]| {
        let part = |ttl| Part::from(serde_json::json!({ "data": data, "ttl": ttl }));
        let [www, web] = ttls.map(part);
        Value([("www A".to_owned(), www), ("web A".to_owned(), web)].into())
    };
    let crate::plan::Nature::Change(edit) = &mut plan.entries[0].nature else {
        panic!("no change");
    };
    (edit.before, edit.after) = (value("old", [300, 300]), value("new", [5, 5]));
    let edit = edit.clone();
    let clock = crate::clock::Clock::following_tokio("2026-11-22T03:05:00Z".parse().unwrap());
    let world = crate::fake::FakeWorld::new(&plan, clock.clone());
    let (_switch, stop) = crate::engine::stop::StopSwitch::new();
    // A server that knows no shorter TTL makes all of them longer.
    for (ttls, said_done, side, stored) in [
        ([60, 60], false, Side::After, 2),
        ([5, 60], false, Side::Foreign, 0),
        ([60, 90], false, Side::Foreign, 0),
        ([5, 60], true, Side::After, 1),
        ([5, 5], false, Side::After, 0),
    ] {
        world.somebody_writes(&edit.place, value("new", ttls));
        let settling = Settling {
            entry: &plan.entries[0],
            edit: &edit,
            way: Way::There,
            leaves_parts: false,
            torn: false,
            no_stored_ttl: false,
            said_done,
            said_no: false,
            until: &clock.now(),
        };
        let settled = settle(&world, &settling, &stop, &Pulses::none()).await;
        let settled = settled.unwrap();
        assert_eq!(settled.side, Some(side), "{ttls:?} {said_done}");
        assert_eq!(settled.stored.0.len(), stored, "{ttls:?} {said_done}");
        if stored > 0 {
            let told = settled.detail.unwrap_or_default();
            assert_eq!(
                told.contains("or somebody gave it since"),
                !said_done,
                "{told}"
            );
        }
    }
}
