use serde_json::json;

use super::*;
use crate::plan::Mode;

/// A run with one change of two parts, and what its place holds now.
fn told(www: &str, web: &str, lands: Option<Duration>) -> Places {
    parts_of(www, web, lands).told()
}

fn parts_of(www: &str, web: &str, lands: Option<Duration>) -> Parts {
    let (plan, seen) = seen_of(www, web);
    parts(&plan, &[0], &[(0, Ok(seen))], |_, _| None, lands)
}

fn seen_of(www: &str, web: &str) -> (Plan, Value) {
    let mut plan = crate::fake::plan(Mode::Failover, "c");
    let value = |www: &str, web: &str| {
        let parts = [("www", www), ("web", web)];
        let parts = parts.into_iter().filter(|(_, value)| !value.is_empty());
        Value(
            parts
                .map(|(key, value)| (key.to_owned(), json!(value).into()))
                .collect(),
        )
    };
    let Nature::Change(edit) = &mut plan.entries[0].nature else {
        panic!("it changes something");
    };
    edit.before = value("old", "old");
    edit.after = value("new", "new");
    (plan, value(www, web))
}

#[test]
fn a_run_is_settled_where_each_record_set_is_as_before_and_nothing_can_land() {
    let second = Some(Duration::from_secs(1));
    let cases = [
        ("old", "old", None, (false, false)),
        ("old", "old", second, (true, false)),
        ("new", "new", None, (true, true)),
        ("new", "old", None, (true, false)),
        // Somebody deleted one, or gave one another TTL.
        ("", "new", None, (true, false)),
        ("", "old", None, (true, false)),
        ("other", "other", None, (true, false)),
    ];
    for (www, web, lands, (stands, one_side)) in cases {
        let places = told(www, web, lands);
        assert_eq!(
            (places.stands, places.one_side),
            (stands, one_side),
            "{www} {web} {places:?}"
        );
    }
    let places = told("", "new", None);
    assert_eq!(
        places.what,
        "not all is as it was before: `web`: as the run wrote it, `www`: as somebody else wrote it"
    );
    let unseen = parts(
        &crate::fake::plan(Mode::Failover, "c"),
        &[0],
        &[],
        |_, _| None,
        None,
    )
    .told();
    assert!(unseen.stands && !unseen.one_side, "{unseen:?}");
}

/// What led there already is no less a part of what a site serves than what was moved there.
#[test]
fn what_was_so_already_and_is_something_else_now_is_named_and_no_site_is_active() {
    let mut plan = crate::fake::plan(Mode::Failover, "ck");
    let value = |to: &str| Value([("www".to_owned(), json!(to).into())].into());
    let Nature::Change(edit) = &mut plan.entries[0].nature else {
        panic!("it changes something");
    };
    (edit.before, edit.after) = (value("old"), value("new"));
    let so = |to: &str| Value([("web".to_owned(), json!(to).into())].into());
    plan.entries[1].holds = Some(crate::plan::Edit {
        before: so("new"),
        after: so("new"),
        ..crate::plan::Edit::default()
    });
    assert_eq!(found_so(&plan).collect::<Vec<_>>(), [1]);
    let told = |www: &str, web: Result<&str, &str>| {
        let seen = [(0, Ok(value(www))), (1, web.map(so).map_err(str::to_owned))];
        parts(&plan, &[0, 1], &seen, |_, _| None, None).told()
    };
    assert_eq!(told("new", Ok("new")), Places::as_recorded());
    assert_eq!(told("old", Ok("new")), Places::as_before());
    for (web, what, unread) in [
        (
            Ok("other"),
            "`web`: was so already, and is something else now",
            false,
        ),
        (
            Err("no answer"),
            "`k1`: was so already, and cannot be read",
            true,
        ),
    ] {
        let there = told("new", web);
        assert!(there.stands && there.ours && !there.one_side, "{there:?}");
        assert!(there.what.ends_with(what), "{there:?}");
        let back = told("old", web);
        assert!(!back.stands && !back.one_side, "{back:?}");
        assert!(back.what.ends_with(what), "{back:?}");
        assert_eq!((there.unread, back.unread), (unread, unread));
    }
    // The plan that holds such things tells them also where nobody could look.
    let unseen = parts(&plan, &[0, 1], &[], |_, _| None, None).told();
    assert!(unseen.unread && !unseen.one_side, "{unseen:?}");
}

#[test]
fn what_was_put_back_and_holds_again_what_the_run_wrote_is_no_rest() {
    for (www, web, stands) in [
        ("old", "old", false),
        // What somebody else wrote is theirs.
        ("other", "old", false),
        ("new", "old", true),
        ("new", "new", true),
    ] {
        let places = parts_of(www, web, None).put_back();
        assert_eq!(places.stands, stands, "{places:?}");
        assert!(!places.one_side, "{places:?}");
    }
    let what = parts_of("new", "old", None).put_back().what;
    assert_eq!(
        what,
        "all was put back, and `www`: as the run wrote it, now"
    );
}

/// A plan with one change of one part, and the value of that part.
fn one_part() -> (Plan, fn(&str) -> Value) {
    let mut plan = crate::fake::plan(Mode::Failover, "c");
    let value = |to: &str| Value([("www".to_owned(), json!(to).into())].into());
    let Nature::Change(edit) = &mut plan.entries[0].nature else {
        panic!("it changes something");
    };
    (edit.before, edit.after) = (value("old"), value("new"));
    (plan, value)
}

#[test]
fn what_was_put_back_and_cannot_be_read_now_may_stand() {
    let (plan, value) = one_part();
    let unread: &[&[_]] = &[
        &[(0, Err("connection refused".to_owned()))],
        // Its playbook cannot be read any more.
        &[],
    ];
    for seen in unread {
        let places = parts(&plan, &[0], seen, |_, _| None, None).put_back();
        assert!(places.stands && places.ours && places.unread, "{places:?}");
        assert!(!places.one_side, "{places:?}");
        assert_eq!(
            places.what,
            "all was put back, and `c0`: cannot be read now"
        );
    }
    let seen = [(0, Ok(value("old")))];
    let places = parts(&plan, &[0], &seen, |_, _| None, None).put_back();
    assert_eq!(places, Places::nothing_stands());
    // Nothing was put back that could be read.
    let places = parts(&plan, &[], &[], |_, _| None, None).put_back();
    assert_eq!(places, Places::nothing_stands());
}

#[test]
fn a_rollback_is_told_of_what_somebody_else_wrote_as_it_is_seen() {
    for (www, web, foreign) in [
        ("new", "new", false),
        ("new", "old", false),
        ("new", "other", true),
        ("", "old", true),
    ] {
        assert_eq!(told(www, web, None).foreign, foreign, "{www} {web}");
    }
}

#[test]
fn what_an_accepted_write_left_is_told_as_it_is_read() {
    let why = "not known: it reads as before";
    let doubted = |www, web| {
        let (plan, seen) = seen_of(www, web);
        parts(
            &plan,
            &[0],
            &[(0, Ok(seen))],
            |_, side| (side == Side::Before).then_some(why),
            None,
        )
        .doubted()
    };
    assert_eq!(doubted("new", "new"), None);
    for (www, web, what, foreign) in [
        (
            "old",
            "old",
            "`web` `www`: not known: it reads as before",
            false,
        ),
        (
            "new",
            "old",
            "`www`: as the run wrote it, `web`: not known: it reads as before",
            false,
        ),
        (
            "new",
            "other",
            "`www`: as the run wrote it, `web`: as somebody else wrote it",
            true,
        ),
    ] {
        let told = Doubted {
            what: format!("not all that it wrote is seen there: {what}"),
            foreign,
            unread: false,
        };
        assert_eq!(doubted(www, web), Some(told));
    }
    let (plan, _) = seen_of("new", "new");
    let unseen = parts(
        &plan,
        &[0],
        &[],
        |_, side| (side == Side::Before).then_some(why),
        None,
    )
    .doubted();
    let unseen = unseen.expect("it is told");
    assert!(unseen.unread && !unseen.foreign, "{unseen:?}");
    assert!(unseen.what.ends_with("`c0`: cannot be read"), "{unseen:?}");
}

#[test]
fn what_differs_in_its_ttl_only_leads_where_the_run_led_it() {
    let mut plan = crate::fake::plan(Mode::Failover, "c");
    let Nature::Change(edit) = &mut plan.entries[0].nature else {
        panic!("it changes something");
    };
    let value = |to: &str, ttl: u32| {
        let part = json!({"data": [to], "ttl": ttl});
        Value([("www".to_owned(), part.into())].into())
    };
    (edit.before, edit.after) = (value("old", 300), value("new", 60));
    for (seen, ours, what) in [
        (value("new", 60), true, "changes stand"),
        (
            value("new", 300),
            true,
            "not all is as it was before: `www`: as the run wrote it, with another TTL that somebody gave it",
        ),
        (
            value("other", 60),
            false,
            "not all is as it was before: `www`: as somebody else wrote it",
        ),
    ] {
        let places = parts(&plan, &[0], &[(0, Ok(seen))], |_, _| None, None).told();
        assert_eq!((places.ours, places.what.as_str()), (ours, what));
        assert!(places.stands);
    }
}

#[test]
fn what_was_answered_with_done_is_not_settled_by_reading_the_same_place_again() {
    let mut plan = crate::fake::plan(Mode::Failover, "c");
    let Nature::Change(edit) = &mut plan.entries[0].nature else {
        panic!("it changes something");
    };
    let value = |to: &str| Value([("www".to_owned(), json!(to).into())].into());
    (edit.before, edit.after) = (value("old"), value("new"));
    let seen = [(0, Ok(value("old")))];
    let why = "not known: it was answered with done";
    let doubted = parts(
        &plan,
        &[0],
        &seen,
        |_, side| (side == Side::Before).then_some(why),
        None,
    )
    .told();
    assert!(doubted.stands && !doubted.one_side, "{doubted:?}");
    assert!(doubted.what.contains("`www`: not known"), "{doubted:?}");
    assert!(!parts(&plan, &[0], &seen, |_, _| None, None).told().stands);
}
