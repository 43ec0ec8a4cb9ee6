use super::*;
use crate::dns::{RecordKey, RecordSet, RecordType};

fn view(views: &Views, serial: u32, address: &str) -> View {
    let key = RecordKey::new("www.example.org", RecordType::A);
    View {
        zone: Arc::new(Listing {
            sets: vec![RecordSet::new(key, 60, [address]).unwrap()],
            ..Listing::default()
        }),
        serial,
        seen: views.now(),
        began: Stamp::at(100),
        updates: *views.updates(),
    }
}

#[test]
fn a_view_is_good_for_a_moment() {
    let views = Views::default();
    let view = view(&views, 1, "192.0.2.1");
    assert!(views.may_serve(&view, &Stamp::at(100)));
    assert!(!views.may_serve(&view, &Stamp::at(101)));
}

/// What was seen before a write of this run, or while it was on its way, answers no read after it.
#[test]
fn what_was_seen_before_an_update_shows_nothing_after_it() {
    let (views, now) = (Views::default(), Stamp::at(100));
    let before = view(&views, 1, "192.0.2.1");
    views.sends();
    let meanwhile = view(&views, 1, "192.0.2.1");
    assert!(!views.may_serve(&before, &now));
    assert!(!views.may_serve(&meanwhile, &now));
    views.was_answered();
    let after = view(&views, 2, "192.0.2.2");
    assert!(!views.may_serve(&before, &now));
    assert!(!views.may_serve(&meanwhile, &now));
    assert!(views.may_serve(&after, &now));
}

/// One whose answer is missing may land whenever it likes.
#[test]
fn once_an_answer_is_missing_every_read_is_a_look_of_its_own() {
    let (views, now) = (Views::default(), Stamp::at(100));
    views.sends();
    assert!(!views.may_serve(&view(&views, 1, "192.0.2.1"), &now));
    views.sends();
    views.was_answered();
    assert!(!views.may_serve(&view(&views, 2, "192.0.2.1"), &now));
}

#[test]
fn a_serial_that_stands_still_while_the_zone_changes_says_nothing() {
    let (views, now) = (Views::default(), Stamp::at(100));
    let [first, second] = [view(&views, 1, "192.0.2.1"), view(&views, 2, "192.0.2.2")];
    views.compare(&first, &second);
    views.compare(&first, &first);
    assert!(views.may_serve(&second, &now));
    views.compare(&second, &view(&views, 2, "192.0.2.3"));
    assert!(!views.may_serve(&second, &now));
}
