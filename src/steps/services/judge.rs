//! What the probes of services come to.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::Shown;
use super::often::{Answer, Slowly};
use crate::clock;
use crate::event::{Cause, Fact, Finding, Unseen};
use crate::plan::Outcome;
use crate::site::Aim;
use crate::step::{Evidence, Known};
use crate::steps::lacks::Lacks;
use crate::steps::probe::{Family, Reply, Spot, Tally};
use crate::words::count;

/// The address family of a look that showed nothing: its key ends with where it asked.
fn family_of(key: &str) -> Option<Family> {
    key.split_whitespace()
        .rev()
        .find_map(|word| word.parse::<SocketAddr>().ok())
        .map(|at| Family::of(at.ip()))
}

fn unseen_fact(key: &str, unseen: &Unseen) -> Fact {
    Fact {
        outcome: Outcome::Unknown,
        what: key.to_owned(),
        expected: "an answer".into(),
        actual: unseen.detail.clone(),
    }
}

fn garbled(key: &str) -> Fact {
    let unseen = Unseen::new(Cause::Garbled, "the recorded sight cannot be read");
    unseen_fact(key, &unseen)
}

/// The judgement of the worst answer of a probe, and whether it was better before.
fn fact_of(spot: &Spot, answer: &Answer) -> Fact {
    let mut fact = spot.fact(&answer.reply);
    if answer.better > 0 {
        let better = count(answer.better, "answer");
        fact.actual += &format!(" (after {better} that passed)");
    }
    fact.actual += &match &answer.slowly {
        None => String::new(),
        Some(Slowly::Passed(said)) => format!(", asked slowly; when asked quickly, {said}"),
        Some(Slowly::Failed) => ", asked slowly too".into(),
        Some(Slowly::Later(seconds)) => {
            let wait = clock::short(Duration::from_secs(*seconds));
            format!(", to be asked again after {wait}, as it says")
        }
        Some(Slowly::NoTime) => {
            "; there was no time to ask all slowly, which a longer `timeout` gives".into()
        }
    };
    fact
}

/// The probes that passed only when they were asked alone, with pauses.
#[derive(Default)]
struct Slowed {
    probes: usize,
    /// What the first of them said before.
    said: Option<String>,
}

impl Slowed {
    fn take(&mut self, answer: &Answer) {
        if let Some(Slowly::Passed(said)) = &answer.slowly {
            self.probes += 1;
            self.said.get_or_insert_with(|| said.clone());
        }
    }

    /// Says so behind the sum: a limit looks like that, and seldom a server of several that is not well.
    fn told(self, mut finding: Finding) -> Finding {
        if let Some(said) = self.said {
            let probes = count(self.probes, "probe");
            let slowly = format!("; {probes} asked slowly: when asked quickly, {said}");
            finding.headline += &slowly;
        }
        finding
    }
}

/// The judgement over probes at known addresses.
pub(super) fn judge_direct(at_source: bool, evidence: &Evidence) -> Finding {
    let mut facts = Vec::new();
    let mut tally = Tally::default();
    let mut by_hand = None;
    let mut lacks = Lacks::default();
    let mut slowed = Slowed::default();
    for (key, item) in &evidence.items {
        let (fact, recorded) = match item {
            Known::Unseen(unseen) => {
                lacks.take(unseen, family_of(key));
                if let Some(family) = family_of(key) {
                    tally.add(family, Outcome::Unknown);
                }
                facts.push(unseen_fact(key, unseen));
                continue;
            }
            Known::Live(fact) => (fact, None),
            Known::Recorded { fact, age, why } => (fact, Some((age, why))),
        };
        let Ok(shown) = serde_json::from_value::<Shown>(fact.clone()) else {
            facts.push(garbled(key));
            continue;
        };
        match shown {
            Shown::Probe { spot, answer } => {
                slowed.take(&answer);
                let mut fact = fact_of(&spot, &answer);
                if let Some((age, why)) = recorded {
                    // An old answer of the side that is given up is worth a word; of the side that shall
                    // serve it proves nothing.
                    fact.outcome = if at_source && fact.outcome <= Outcome::Warn {
                        Outcome::Warn
                    } else {
                        Outcome::Unknown
                    };
                    fact.actual = format!(
                        "now: {}; {} ago: {}",
                        why.detail,
                        clock::short(*age),
                        fact.actual
                    );
                }
                tally.add(Family::of(spot.address), fact.outcome);
                if fact.outcome == Outcome::Fail {
                    by_hand.get_or_insert_with(|| spot.by_hand());
                }
                facts.push(fact);
            }
            Shown::Lacks {
                service,
                family,
                here,
                there,
            } => facts.push(Fact {
                outcome: Outcome::Warn,
                what: format!("{service} over {family} at {here}"),
                expected: format!("an {family} address, as {there} has"),
                actual: "no host there has one".into(),
            }),
            Shown::Public { .. } => facts.push(garbled(key)),
        }
    }
    let finding = slowed.told(conclude(facts, &tally, None, by_hand));
    lacks.told(finding, "blocks = \"never\"")
}

/// The judgement over names.
pub(super) fn judge_public(aim: &Aim, evidence: &Evidence) -> Finding {
    let mut facts = Vec::new();
    let mut tally = Tally::default();
    let mut by_hand = None;
    let mut lacks = Lacks::default();
    let mut slowed = Slowed::default();
    let mut old = BTreeSet::new();
    let mut either = BTreeSet::new();
    for (key, item) in &evidence.items {
        let fact = match item {
            Known::Live(fact) => fact,
            Known::Recorded { why: unseen, .. } | Known::Unseen(unseen) => {
                lacks.take(unseen, family_of(key));
                facts.push(unseen_fact(key, unseen));
                continue;
            }
        };
        let Ok(Shown::Public {
            service,
            name,
            asked,
            leads,
        }) = serde_json::from_value(fact.clone())
        else {
            facts.push(garbled(key));
            continue;
        };
        let row = |outcome, actual: String| Fact {
            outcome,
            what: format!("{service} {name} by {asked}"),
            expected: format!("leads to {}", aim.active),
            actual,
        };
        if leads.is_empty() {
            facts.push(row(Outcome::Fail, "the name has no address".into()));
        }
        let ours = leads.iter().any(|lead| lead.site.is_some() || lead.shared);
        let told = (leads.iter()).any(|lead| lead.site.as_deref() == Some(&aim.active));
        for lead in leads {
            let ip: IpAddr = lead.address.ip;
            match lead.site.as_deref() {
                Some(site) if site == aim.idle && aim.moved => {
                    let kept = match lead.address.ttl {
                        0 => String::new(),
                        ttl => {
                            let left = clock::short(Duration::from_secs(ttl.into()));
                            format!(", which may be kept for {left} more")
                        }
                    };
                    old.insert(name.clone());
                    facts.push(row(Outcome::Late, format!("{ip} of {site}{kept}")));
                }
                Some(_) => {}
                // Beside an address that moved it says nothing more; alone it does not show that the name moved.
                None if lead.shared && aim.moved && !told => {
                    either.insert(name.clone());
                    facts.push(row(
                        Outcome::Warn,
                        format!("{ip}, a proxy of both sides: either of them may have answered"),
                    ));
                }
                None if lead.shared => {}
                // Addresses of others may stand beside ours and stay there; alone they are a wrong turn.
                None => facts.push(row(
                    if ours { Outcome::Warn } else { Outcome::Fail },
                    format!("{ip}, which belongs to neither side"),
                )),
            }
            for (spot, answer) in lead.probes {
                slowed.take(&answer);
                let fact = fact_of(&spot, &answer);
                if let Reply::None(unseen) = &answer.reply {
                    lacks.take(unseen, Some(Family::of(spot.address)));
                }
                tally.add(Family::of(spot.address), fact.outcome);
                if fact.outcome == Outcome::Fail {
                    by_hand.get_or_insert_with(|| spot.by_hand());
                }
                facts.push(fact);
            }
        }
    }
    let some = |names: &BTreeSet<String>, one: &str, many: &str| match names.len() {
        0 => None,
        1 => names.first().map(|name| format!("`{name}` {one}")),
        n => Some(format!("{} {many}", count(n, "name"))),
    };
    let idle = &aim.idle;
    let still = some(
        &old,
        &format!("still leads to {idle}"),
        &format!("still lead to {idle}"),
    );
    let mut finding = conclude(facts, &tally, still, by_hand);
    let shared = "only to a proxy of both sides";
    if let Some(either) = some(
        &either,
        &format!("leads {shared}"),
        &format!("lead {shared}"),
    ) {
        finding.headline += &format!("; {either}");
    }
    lacks.told(slowed.told(finding), "on-fail = \"warn\"")
}

/// The worst row decides; and where no probe was asked at all, nothing was shown.
fn conclude(
    facts: Vec<Fact>,
    tally: &Tally,
    still: Option<String>,
    by_hand: Option<String>,
) -> Finding {
    let worst = facts.iter().map(|fact| fact.outcome).max();
    let outcome = match worst {
        Some(worst) if tally.all() > 0 => worst,
        Some(worst) => worst.max(if still.is_some() {
            Outcome::Late
        } else {
            Outcome::Unknown
        }),
        None => Outcome::Unknown,
    };
    let why = facts
        .iter()
        .find(|fact| Some(fact.outcome) == worst && still.is_none());
    let mut headline = match why {
        _ if tally.all() > 0 => tally.to_string(),
        Some(fact) => format!("no probe was asked: {}: {}", fact.what, fact.actual),
        None => "no probe was asked".to_owned(),
    };
    // A card that has room for one clause shows the first: what the outcome is for.
    headline = match still {
        Some(still) if outcome == Outcome::Late => format!("{still}; {headline}"),
        Some(still) => format!("{headline}; {still}"),
        None => headline,
    };
    let finding = Finding::new(outcome, headline).facts(facts);
    match by_hand {
        Some(look) => finding.to_try(look),
        None => finding,
    }
}
