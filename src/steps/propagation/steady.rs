//! One look is not a state: an address that shows new records for the first time is asked again, from fresh ports,
//! before that counts. Behind one address there may be several servers (anycast, a balancer, two instances), and one
//! of them may be stale.
//!
//! What is counted are answers in a row, over all looks: a look that begins anew each time would only have to be
//! lucky once. The figures of a server of which every n-th answer is old, while it is looked at:
//!
//! - one of 4: all of [`ENOUGH`] answers are new once in 1.7 million times;
//! - one of 10: once in 190 times. Otherwise it is seen to waver, and then [`AFTER_OLD`] answers in a row are new once
//!   in 310,000 times. In an hour there are some 3,000 such rows: together less than one of a hundred.
//!
//! An address is asked once for each name in every look, and [`ROUNDS`] times [`ROUND`] questions more at most, about
//! 25 in a second; once it counts as new, for [`SETTLED`] answers.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;

use super::Round;
use super::seen::{self, Asked, Role, Short, Sides, Told};
use crate::clock::Stamp;
use crate::dns::RecordKey;
use crate::event::Unseen;

/// How many answers in a row must be new before an address counts.
const ENOUGH: u32 = 50;

/// How many, where an answer was new and a later one was not.
const AFTER_OLD: u32 = 120;

/// How many answers each look takes from an address that counts as new already.
const SETTLED: u32 = 10;

/// How many questions are put at once, and how often in one look.
const ROUND: u32 = 10;
const ROUNDS: u32 = 5;

/// Between two rounds.
pub(super) const PAUSE: Duration = Duration::from_millis(400);

/// What the looks so far have seen at one address.
#[derive(Clone, Debug, Default)]
pub(super) struct Streak {
    /// The site that shall be active.
    active: String,
    /// How many answers in a row were new.
    good: u32,
    /// The sets that were new in them.
    new: BTreeSet<RecordKey>,
    /// An answer was new, and a later one was not: several servers answer here, in whichever direction.
    wavered: bool,
    /// Since when it counts as new.
    since: Option<Stamp>,
}

impl Streak {
    /// Of the other direction only the number of its servers is known.
    fn towards(&mut self, active: &str) {
        if self.active != active {
            *self = Streak {
                active: active.to_owned(),
                wavered: self.wavered,
                ..Streak::default()
            };
        }
    }

    fn needed(&self) -> u32 {
        match self.wavered {
            true => AFTER_OLD,
            false => ENOUGH,
        }
    }

    fn is_enough(&self) -> bool {
        self.good >= self.needed()
    }

    fn add(&mut self, good: u32) {
        self.good = self.good.saturating_add(good);
    }

    /// The first answers of a look: those that are new, or `None` where one of them is old, no answer of the zone's
    /// own, or not new any longer. Returns whether an answer before it was new.
    fn begin(&mut self, new: Option<&[RecordKey]>) -> bool {
        match new.filter(|new| self.new.iter().all(|key| new.contains(key))) {
            Some(new) => {
                self.new.extend(new.iter().cloned());
                self.add(u32::try_from(new.len()).unwrap_or(u32::MAX));
                false
            }
            None => self.break_off(),
        }
    }

    /// An answer that is not new. Returns whether one before it was.
    fn break_off(&mut self) -> bool {
        let wavers = self.good > 0;
        self.wavered |= wavers;
        self.good = 0;
        self.new.clear();
        self.since = None;
        wavers
    }

    /// What it lacks, where it does not count as new.
    fn short(&self) -> Option<Short> {
        self.since.is_none().then(|| Short {
            good: self.good,
            of: self.needed(),
            after_old: self.wavered,
        })
    }

    /// How many questions the next round of a look puts, after so many rounds and new answers in this look.
    fn next(&self, rounds: u32, taken: u32) -> u32 {
        let missing = match &self.since {
            Some(_) => SETTLED.saturating_sub(taken),
            None => self.needed().saturating_sub(self.good),
        };
        match rounds < ROUNDS {
            true => missing.min(ROUND),
            false => 0,
        }
    }
}

/// What one more round of questions brought.
#[derive(Default)]
struct More {
    /// New answers.
    good: u32,
    /// Questions that nobody answered.
    silent: u32,
    /// An answer that was not new.
    other: bool,
}

impl Round<'_> {
    /// Asks again where everything is new, until that was so often enough, or is not so.
    pub(super) async fn steadily(&self, asked: &mut Asked, role: Role) {
        let sites = self.addresses_of_sites();
        let sides = Sides::new(&sites, self.aim);
        let server = match role {
            Role::Authoritative => asked.server.clone(),
            Role::Resolver | Role::SystemResolver => format!("resolver {}", asked.server),
        };
        let with = |change: &mut dyn FnMut(&mut Streak)| {
            let mut memory = self.check.memory();
            let of = (self.zone.name.clone(), server.clone());
            let streak = memory.streaks.entry(of).or_default();
            streak.towards(&self.aim.active);
            change(streak);
            streak.clone()
        };
        let is_new = |told: &Result<Told, Unseen>| {
            seen::is_told(told, role) && told.as_ref().is_ok_and(|told| sides.is_new(told))
        };
        let is_other = |told: &Told| sides.is_old(told) || !told.counts(role);
        let keys: Vec<RecordKey> = (asked.answers.iter().filter(|(_, told)| is_new(told)))
            .map(|(key, _)| key.clone())
            .collect();
        // Where some did not answer, the others are no less new, and prove no more.
        let is_silent = asked.answers.iter().any(|(_, told)| told.is_err());
        let others = asked.told().any(is_other);
        let mut streak = with(&mut |streak| match is_silent && !others {
            true => {}
            false => asked.wavers = streak.begin((!others).then_some(keys.as_slice())),
        });
        if others || is_silent || asked.wavers || keys.is_empty() {
            // Where no set leads to the active side, nothing is claimed.
            let claims_nothing = keys.is_empty() && asked.all_told(role) && !streak.wavered;
            asked.new_since = match claims_nothing {
                true => Some(asked.taken.clone()),
                false => streak.since.clone(),
            };
            asked.short = streak.short().filter(|short| short.after_old);
            return;
        }
        let mut taken = u32::try_from(keys.len()).unwrap_or(u32::MAX);
        let clock = &self.site.clock;
        let mut rounds = 0;
        loop {
            let next = streak.next(rounds, taken);
            if next == 0 || clock.now().since(&asked.taken) >= self.check.budget {
                break;
            }
            clock.sleep(self.check.pause).await;
            let questions: Vec<&RecordKey> = keys
                .iter()
                .cycle()
                .skip((rounds * ROUND) as usize)
                .take(next as usize)
                .collect();
            let more = self.again(asked, &questions, role, &is_new).await;
            if more.other {
                with(&mut |streak| asked.wavers = streak.break_off());
                break;
            }
            asked.silent += more.silent;
            taken = taken.saturating_add(more.good);
            streak = with(&mut |streak| streak.add(more.good));
            rounds += 1;
        }
        let streak = with(&mut |streak| {
            if streak.since.is_none() && streak.is_enough() {
                streak.since = Some(asked.taken.clone());
            }
        });
        asked.new_since = streak.since.clone();
        asked.short = streak.short();
    }

    /// Puts these questions once more; an answer that is old or none of the zone's own takes the place of the one before.
    async fn again(
        &self,
        asked: &mut Asked,
        questions: &[&RecordKey],
        role: Role,
        is_new: &(dyn Fn(&Result<Told, Unseen>) -> bool + Sync),
    ) -> More {
        let rd = role != Role::Authoritative;
        let at = asked.at;
        let over_udp = join_all(questions.iter().map(|key| self.ask(at, key, rd)));
        let over_tcp = async {
            match (role, asked.answers.first()) {
                (Role::Authoritative, Some((key, _))) => self.ask_tcp(at, key).await.ok(),
                _ => None,
            }
        };
        let (over_udp, over_tcp) = futures::join!(over_udp, over_tcp);
        let sides = Sides::new(&self.addresses_of_sites(), self.aim);
        let mut more = More::default();
        for (key, told) in questions.iter().zip(over_udp) {
            match &told {
                told if is_new(told) => more.good += 1,
                // A limit on equal answers, or one of several servers that is dead.
                Err(_) => more.silent += 1,
                // A set that is missing in one answer is not gone.
                Ok(one) => {
                    more.other = true;
                    if (sides.is_old(one) || !one.counts(role))
                        && let Some(slot) = asked.answers.iter_mut().find(|(of, _)| of == *key)
                    {
                        slot.1 = told;
                    }
                }
            }
        }
        // Where TCP does not answer at all, the first look said so.
        if let Some(told) = over_tcp.filter(|told| sides.is_old(told)) {
            more.other = true;
            asked.over_tcp = Some(Ok(told));
        }
        more
    }
}

#[cfg(test)]
mod tests;
