use super::*;
use crate::clock::Clock;

/// A small generator, so that each seed tells the same (Steele, Lea, Flood: SplitMix64).
struct Dice(u64);

impl Dice {
    fn one_of(&mut self, sides: u64) -> bool {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)).is_multiple_of(sides)
    }
}

fn www() -> RecordKey {
    "www.example.org. A".parse().unwrap()
}

/// Looks at an address of which one server of `of` never follows, once every two seconds; whether it counts as new
/// within so many looks.
fn passes(dice: &mut Dice, of: u64, looks: u32, active: &str, streak: &mut Streak) -> bool {
    for _ in 0..looks {
        streak.towards(active);
        let first = [www()];
        let is_old = dice.one_of(of);
        streak.begin((!is_old).then_some(&first[..]));
        let (mut rounds, mut taken, mut broken) = (0, 1, is_old);
        while !broken {
            let next = streak.next(rounds, taken);
            if next == 0 {
                break;
            }
            // All questions of a round are under way together, and all are put.
            broken = (0..next).filter(|_| dice.one_of(of)).count() > 0;
            match broken {
                true => {
                    streak.break_off();
                }
                false => streak.add(next),
            }
            (rounds, taken) = (rounds + 1, taken + next);
        }
        if streak.is_enough() {
            streak.since = Some(Clock::real().now());
            return true;
        }
    }
    false
}

#[test]
fn a_server_that_never_follows_is_not_passed_by_luck_there_or_back() {
    let lucky = |of, looks| {
        let mut lucky = 0;
        for seed in 0..250 {
            let mut dice = Dice(seed);
            let mut streak = Streak::default();
            for active in ["cloud", "dedicated"] {
                lucky += u32::from(passes(&mut dice, of, looks, active, &mut streak));
            }
        }
        lucky
    };
    // Half an hour each.
    assert_eq!(lucky(4, 900), 0);
    let of_ten = lucky(10, 900);
    assert!(of_ten < 5, "{of_ten} of 500");
}

#[test]
fn an_address_that_follows_counts_after_one_look_and_soon_after_it_wavered() {
    let mut dice = Dice(1);
    let mut streak = Streak::default();
    assert!(passes(&mut dice, u64::MAX, 1, "cloud", &mut streak));
    // Once it counts, few answers are taken.
    assert_eq!((streak.next(0, 1), streak.next(0, 10)), (9, 0));
    assert!(streak.break_off() && streak.wavered && streak.since.is_none());
    assert!(!passes(&mut dice, u64::MAX, 2, "cloud", &mut streak));
    assert!(passes(&mut dice, u64::MAX, 1, "cloud", &mut streak));
    // That there are several servers is known of the way back too.
    streak.towards("dedicated");
    assert_eq!((streak.good, streak.needed()), (0, AFTER_OLD));
    // An old answer before any new one is no wavering: it has not followed yet.
    let mut streak = Streak::default();
    assert!(!streak.begin(None) && !streak.wavered);
}

#[test]
fn a_set_that_was_new_and_is_no_longer_breaks_the_row() {
    let mut streak = Streak::default();
    let other: RecordKey = "www.example.org. AAAA".parse().unwrap();
    assert!(!streak.begin(Some(&[www(), other.clone()])));
    assert_eq!(streak.good, 2);
    assert!(streak.begin(Some(&[www()])));
    assert_eq!((streak.good, streak.wavered), (0, true));
}
