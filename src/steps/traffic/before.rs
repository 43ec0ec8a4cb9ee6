//! What is known before the change: whether looks after it can tell anything, and what they are compared with.

use std::collections::BTreeMap;

use super::count::Log;
use super::judge::Judging;
use super::side::Side;
use super::{BelowFloor, Seen, Traffic};
use crate::event::Finding;
use crate::plan::Outcome;
use crate::site::Aim;
use crate::step::Evidence;
use crate::words::part_of;

/// Tells from the looks before the change whether those after it can tell anything.
pub(super) fn foresee(traffic: &Traffic, aim: &Aim, evidence: &Evidence) -> Finding {
    let mut judging = Judging::new(traffic);
    let target = judging.side(&aim.active, evidence, 1.0);
    let source = judging.side(&aim.idle, evidence, 1.0);
    let (Some(target), Some(source)) = (target, source) else {
        let unseen = judging.unseen.join(" and ");
        return judging.finding(format!("not seen: {unseen}"));
    };
    judging.names(&aim.idle, &source);
    judging.names(&aim.active, &target);
    judging.errors_before(&aim.active, &target);
    judging.errors_before(&aim.idle, &source);
    let too_little = source.too_little(traffic);
    let too_much = target.too_much_for(&source);
    let why = too_little.clone().or(too_much.clone());
    let grave = match traffic.below_floor {
        BelowFloor::Refuse => Outcome::Unknown,
        BelowFloor::Note => Outcome::Warn,
    };
    let outcome = |why: &Option<String>| match why {
        Some(_) => grave,
        None => Outcome::Pass,
    };
    let advice = match traffic.below_floor {
        BelowFloor::Refuse => {
            "; a longer `interval` counts more, and `below-floor = \"note\"` in the step goes on all the same"
        }
        BelowFloor::Note => "; a longer `interval` counts more",
    };
    let tell = |side: &Side, why: &Option<String>| match why {
        Some(why) => format!("{side}, {why}"),
        None => side.to_string(),
    };
    judging.row(
        outcome(&too_little),
        format!("rate at {} before the change", aim.idle),
        format!("{}/s or more", traffic.floor),
        tell(&source, &too_little),
    );
    judging.row(
        outcome(&too_much),
        format!("its own rate at {} before the change", aim.active),
        "far less than what varies with what moves",
        tell(&target, &too_much),
    );
    // Another look in a moment would see the same.
    judging.final_ |= why.is_some();
    let headline = match why {
        Some(why) => format!("nothing can be told after the change: {why}{advice}"),
        None => format!(
            "{}{:.1}/s at {}, {}{:.1}/s at {}",
            source.least(),
            source.rate(),
            aim.idle,
            target.least(),
            target.rate(),
            aim.active
        ),
    };
    judging.finding(headline)
}

/// The rates before the change, by site, and which site served.
pub(super) struct Before {
    pub(super) sides: BTreeMap<String, Side>,
    served: String,
}

impl Before {
    pub(super) fn get(&self, site: &str) -> Option<&Side> {
        // What the site that served had is what was to move, not its own.
        self.sides.get(site).filter(|_| site != self.served)
    }
}

impl Judging<'_> {
    /// The rates from before the first write; none where a host of the site that served was not seen.
    pub(super) fn before(&mut self, evidence: &Evidence) -> Option<Before> {
        let seen: Vec<Seen> = evidence
            .baseline
            .iter()
            .filter_map(|(_, fact)| serde_json::from_value(fact.clone()).ok())
            .collect();
        let served = seen.iter().find(|seen| seen.served);
        let Some(served) = served.map(|seen| seen.site.clone()) else {
            let (expected, actual) = (
                format!("{}/s or more", self.traffic.floor),
                "no measurement",
            );
            self.row(Outcome::Unknown, "rate before the change", expected, actual);
            return None;
        };
        let mut sides: BTreeMap<String, (Side, usize, usize)> = BTreeMap::new();
        for one in &seen {
            let (side, hosts, of) = sides.entry(one.site.clone()).or_default();
            side.add(&one.host, &one.count, &|_, _| None);
            (*hosts, *of) = (*hosts + 1, one.of);
        }
        let mut whole = BTreeMap::new();
        for (site, (side, hosts, of)) in sides {
            let not_seen = match side.unsure.clone() {
                None if hosts < of => Some(format!("seen on {}", part_of(hosts, of, "host"))),
                unsure => unsure,
            };
            if let Some(actual) = not_seen {
                let what = format!("rate at {site} before the change");
                self.row(Outcome::Unknown, what, "all of its hosts", actual);
            } else {
                whole.insert(site, side);
            }
        }
        Some(Before {
            sides: whole,
            served,
        })
    }

    /// By how much the times in a log were off before the change, where that was seen.
    pub(super) fn off_before(evidence: &Evidence, host: &str, log: &Log) -> Option<i64> {
        let seen = evidence.baseline.iter();
        seen.filter_map(|(_, fact)| serde_json::from_value::<Seen>(fact.clone()).ok())
            .filter(|seen| seen.host == host)
            .flat_map(|seen| seen.count.logs)
            .find(|former| former.path == log.path && former.either.is_none())
            .map(|former| former.off)
    }

    /// The rate that shall move; none where it is too little to compare with.
    pub(super) fn base(&mut self, before: &Before) -> Option<Side> {
        let side = before.sides.get(&before.served)?.clone();
        let (what, expected) = (
            "rate before the change",
            format!("{}/s or more", self.traffic.floor),
        );
        if let Some(why) = side.too_little(self.traffic) {
            self.never(format!("{why} at {} before the change", before.served));
            self.row(Outcome::Unknown, what, expected, why);
            return None;
        }
        self.row(Outcome::Pass, what, expected, side.to_string());
        Some(side)
    }

    /// What was before the change stays as it was: no later look tells more.
    fn never(&mut self, why: String) {
        self.doubt = Some(format!("whether the traffic moved cannot be told: {why}"));
        self.final_ = true;
    }

    /// The rate that a site had of its own before the change; none where nobody knows.
    pub(super) fn own(&mut self, name: &str, before: &Before, base: &Side) -> Option<Side> {
        if name == before.served {
            return Some(Side::default());
        }
        let what = format!("its own rate at {name} before the change");
        let Some(own) = before.get(name) else {
            self.row(Outcome::Unknown, what, "known", "no measurement");
            return None;
        };
        if let Some(why) = own.too_much_for(base) {
            self.never(format!("{why} at {name}"));
            self.row(Outcome::Unknown, what, "less than what moves", why);
            return None;
        }
        Some(own.clone())
    }
}
