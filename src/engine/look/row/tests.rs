use super::*;

const SHORT: Duration = Duration::from_millis(20);

fn found(good: bool) -> Finding {
    match good {
        true => Finding::new(Outcome::Pass, "1 of 1 probe passes"),
        false => Finding::new(Outcome::Fail, "0 of 1 probe passes"),
    }
}

/// Takes looks until one ends: how many, and what they come to.
fn until(once: bool, took: Duration, mut looks: impl Iterator<Item = bool>) -> (usize, Finding) {
    let mut row = Row::new(once);
    let mut taken = 0;
    loop {
        let Some(good) = looks.next() else {
            return (taken, row.ends(found(false)));
        };
        taken += 1;
        row.take(&found(good), took);
        if row.passes() {
            return (taken, row.ends(found(good)));
        }
    }
}

#[test]
fn what_passes_at_once_is_looked_at_once() {
    let (looks, found) = until(false, SHORT, [true].into_iter());
    assert_eq!((looks, &*found.headline), (1, "1 of 1 probe passes"));
}

#[test]
fn what_failed_passes_after_five_good_looks_in_a_row() {
    let looks = [false, false, false, true, true, true, true, true];
    let (taken, found) = until(false, SHORT, looks.into_iter());
    assert_eq!((taken, found.outcome), (8, Outcome::Pass));
    assert_eq!(
        found.headline,
        "1 of 1 probe passes, after 3 looks that did not pass; 5 good ones in a row"
    );
}

#[test]
fn what_wavers_needs_more_each_time() {
    // Five good ones no longer count.
    let four = [false, true, true, true, true].into_iter();
    let looks = four.chain([false]).chain([true; 9]);
    assert_eq!(until(false, SHORT, looks.clone()).1.outcome, Outcome::Fail);
    let (taken, found) = until(false, SHORT, looks.chain([true]));
    assert_eq!((taken, found.outcome), (16, Outcome::Pass));
}

#[test]
fn however_often_it_wavers_there_is_an_end() {
    let often = [false, true].into_iter().cycle().take(200);
    let (taken, found) = until(false, SHORT, often.chain([false]).chain([true; 40]));
    assert_eq!((taken, found.outcome), (241, Outcome::Pass));
}

#[test]
fn what_says_much_by_itself_passes_at_the_first_good_look() {
    let (taken, found) = until(true, SHORT, [false, false, true].into_iter());
    assert_eq!((taken, &*found.headline), (3, "1 of 1 probe passes"));
}

#[test]
fn of_looks_that_take_long_two_count() {
    let long = Duration::from_secs(11);
    let (taken, _) = until(false, long, [false, false, true, true].into_iter());
    assert_eq!(taken, 4);
}

/// A server that hangs makes bad looks long: that is no reason to be content with fewer good ones.
#[test]
fn what_hangs_between_good_looks_makes_no_row_shorter() {
    let long = Duration::from_secs(11);
    let mut row = Row::new(false);
    let mut looks = |good: bool, n: u32| {
        let took = if good { SHORT } else { long };
        (0..n).for_each(|_| row.take(&found(good), took));
        row.passes()
    };
    assert!(!looks(false, 1));
    assert!(!looks(true, 4));
    assert!(!looks(false, 1));
    assert!(!looks(true, 9));
    assert!(!looks(false, 1));
    assert!(!looks(true, 19));
    assert!(looks(true, 1));
    // Of good ones that take long twice as many count each time, too.
    let mut row = Row::new(false);
    for (good, passes) in [(false, false), (true, false), (false, false), (true, false)] {
        row.take(&found(good), long);
        assert_eq!(row.passes(), passes);
    }
    row.take(&found(true), long);
    row.take(&found(true), long);
    assert!(!row.passes());
    row.take(&found(true), long);
    assert!(row.passes());
}

#[test]
fn that_names_took_time_to_move_is_no_news() {
    let mut row = Row::new(false);
    row.take(&Finding::new(Outcome::Late, "it still leads there"), SHORT);
    for _ in 0..5 {
        row.take(&found(true), SHORT);
    }
    assert!(row.passes());
    assert_eq!(row.ends(found(true)).headline, "1 of 1 probe passes");
}

/// The time may be up in the middle of a row.
#[test]
fn only_the_first_row_is_looked_at_to_its_end_and_too_few_good_looks_are_no_pass() {
    let mut row = Row::new(false);
    row.take(&found(false), SHORT);
    assert!(!row.may_end() && !row.is_good());
    row.take(&found(true), SHORT);
    assert!(row.may_end() && row.is_good() && !row.passes());
    assert_eq!(
        row.note(&found(true)),
        "1 of 1 probe passes: 1 of 5 looks in a row"
    );
    row.take(&found(false), SHORT);
    assert_eq!(row.note(&found(false)), "0 of 1 probe passes");
    row.take(&found(true), SHORT);
    assert!(row.is_good() && !row.may_end());
    let found = row.ends(found(true));
    assert_eq!(found.outcome, Outcome::Fail);
    assert_eq!(
        found.headline,
        "0 of 1 probe passes; then 1 look in a row passed, and 10 count"
    );
}

/// Where seven answers of ten are bad, luck does not come however often it is tried; nor where one of ten is. A look
/// asks five times.
#[test]
fn trying_again_until_the_deadline_is_not_trying_ones_luck() {
    let mut seed: u64 = 7;
    let mut answers = |bad: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % 10 >= bad
    };
    for bad in [7, 5, 2, 1] {
        let mut passes = 0;
        for _ in 0..200 {
            // The first look failed, or it would have passed by itself; six minutes with a look each second.
            let looks: Vec<bool> = (0..360)
                .map(|look| look > 0 && (0..5).all(|_| answers(bad)))
                .collect();
            passes += u32::from(until(false, SHORT, looks.into_iter()).1.outcome == Outcome::Pass);
        }
        assert!(
            passes <= 200 / 5,
            "{bad} of ten are bad: {passes} of 200 pass"
        );
        if bad > 1 {
            assert!(passes <= 4, "{bad} of ten are bad: {passes} of 200 pass");
        }
    }
}

/// What takes exactly as long as is borne costs no more than the rest; and of a row each must have taken long.
#[test]
fn only_where_each_good_look_took_longer_than_is_borne_two_of_them_count() {
    let good_ones = |took: &[Duration]| {
        let mut row = Row::new(false);
        row.take(&found(false), SHORT);
        let mut taken = 0;
        for took in took {
            row.take(&found(true), *took);
            taken += 1;
            if row.passes() {
                break;
            }
        }
        (taken, row.passes())
    };
    let longer = LONG + Duration::from_millis(1);
    assert_eq!(good_ones(&[longer; 9]), (2, true));
    assert_eq!(good_ones(&[LONG; 9]), (5, true));
    assert_eq!(good_ones(&[longer, SHORT, longer, longer]), (4, false));
    assert_eq!(good_ones(&[SHORT, longer, longer, longer]), (4, false));
}
