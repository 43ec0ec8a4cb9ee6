//! The judgement of `propagation`: pure, over what the looks brought back.

mod behind;
mod beside;
mod foresee;
mod rows;
mod state;
mod words;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value as Json;

use self::beside::alias_to;
pub(super) use self::foresee::foresee;
use self::rows::Rows;
use self::state::{State, States, Truth, state, truth};
pub(super) use self::words::spelled;
use self::words::{SILENT, clock_text, headline, listed, shown, too_few, unanswered, wavering};
use super::caches::versions as cached;
use super::outside::Outside;
use super::seen::{Asked, Role, Sides, Sighting};
use super::signatures::{lacked_before, lacking};
use crate::clock::Stamp;
use crate::dns::RecordKey;
use crate::dns::caches::{Expiry, Kept, Version, expiry};
use crate::event::{Fact, Finding, Unseen};
use crate::plan::Outcome;
use crate::site::Aim;
use crate::step::{Evidence, Known};

/// How the key of the look at this machine's resolvers ends.
pub(super) const SYSTEM: &str = "this machine's resolvers";

/// Tells whether the names lead to the active side everywhere.
pub(super) fn judge(aim: &Aim, evidence: &Evidence, floor: Duration) -> Finding {
    let mut rows = Rows::default();
    let mut sightings = Vec::new();
    for (key, known) in &evidence.items {
        match known {
            Known::Live(json) | Known::Recorded { fact: json, .. } => {
                match read(aim, key, json, &mut rows) {
                    Some(sighting) => sightings.push(sighting),
                    None => continue,
                }
            }
            Known::Unseen(unseen) => rows.facts.push(unseen_row(key, unseen)),
        }
    }
    let before: Vec<Sighting> = (evidence.baseline.iter())
        .filter_map(|(_, json)| serde_json::from_value(json.clone()).ok())
        .collect();
    let weigh = Weigh {
        aim,
        truth: truth(aim, &sightings),
        sightings: &sightings,
        lacked: lacked_before(&before),
    };
    for sighting in &sightings {
        for asked in &sighting.asked {
            rows.facts.push(match sighting.role {
                Role::Authoritative => weigh.server(sighting, asked),
                Role::Resolver | Role::SystemResolver => weigh.cache(sighting, asked),
            });
        }
        rows.facts.extend(delegation_rows(sighting));
    }
    rows.facts.extend(weigh.names(&sightings, &before));
    rows.facts.extend(weigh.strangers(&sightings, &before));
    rows.facts.extend(weigh.nothing_leads_there(&sightings));

    let (gone, untold) = weigh.aliases(&sightings, &before);
    rows.facts.extend(gone);
    rows.beyond.extend(untold);
    let outcome = rows.outcome().unwrap_or(Outcome::Unknown);
    let facts = rows.all();
    let caches = caches(aim, &sightings, &before, floor);
    let headline = headline(outcome, &sightings, &facts, caches.as_ref(), floor);
    let finding = Finding::new(outcome, headline).facts(facts);
    match by_hand(outcome, &weigh, &sightings) {
        Some(look) => finding.to_try(look),
        None => finding,
    }
}

/// What is odd about the delegation, and the servers whose addresses are not all known.
fn delegation_rows(sighting: &Sighting) -> impl Iterator<Item = Fact> {
    let notes = sighting.notes.iter().map(|note| Fact {
        outcome: Outcome::Warn,
        what: format!("delegation of {}", sighting.zone),
        expected: "parent and zone name the same servers".into(),
        actual: note.clone(),
    });
    notes.chain(sighting.unseen.iter().map(|(server, why)| Fact {
        outcome: Outcome::Unknown,
        what: format!("{} at {server}", sighting.zone),
        expected: "every address of this server".into(),
        actual: format!("not all of them can be told: {}", why.detail),
    }))
}

/// A sighting, or a row of its own for the looks that ask no server.
fn read(aim: &Aim, key: &str, json: &Json, rows: &mut Rows) -> Option<Sighting> {
    let facts = &mut rows.facts;
    match json {
        // The provider cannot tell, which is what its name servers are asked for.
        Json::Null => None,
        Json::Bool(_) => {
            facts.push(Fact {
                outcome: Outcome::Pass,
                what: key.to_owned(),
                expected: "published".into(),
                actual: "published".into(),
            });
            None
        }
        Json::String(why) => {
            facts.push(Fact {
                outcome: Outcome::Late,
                what: key.to_owned(),
                expected: "published".into(),
                actual: why.clone(),
            });
            None
        }
        // As earlier versions recorded names in no zone.
        Json::Array(names) => {
            let names: Vec<&str> = names.iter().filter_map(Json::as_str).collect();
            facts.push(Fact {
                outcome: Outcome::Warn,
                what: key.to_owned(),
                expected: "every name is in a zone of the playbook".into(),
                actual: names.join(", "),
            });
            None
        }
        other if other.get("told").is_some() => {
            let seen = serde_json::from_value::<Outside>(other.clone());
            (rows.beyond).extend(seen.map(|seen| seen.row(&aim.active, &aim.idle)));
            None
        }
        other => match serde_json::from_value(other.clone()) {
            Ok(sighting) => Some(sighting),
            Err(error) => {
                facts.push(Fact {
                    outcome: Outcome::Unknown,
                    what: key.to_owned(),
                    expected: "answers of name servers".into(),
                    actual: format!("a record of another form: {error}"),
                });
                None
            }
        },
    }
}

fn unseen_row(key: &str, unseen: &Unseen) -> Fact {
    Fact {
        // A cache that nobody chose may be out of order without saying anything about the names.
        outcome: match key.ends_with(SYSTEM) {
            true => Outcome::Warn,
            false => Outcome::Unknown,
        },
        what: key.to_owned(),
        expected: "an answer".into(),
        actual: unseen.detail.clone(),
    }
}

struct Weigh<'a> {
    aim: &'a Aim,
    truth: Truth,
    sightings: &'a [Sighting],
    /// What servers lacked for those who validate before the change, by zone and address.
    lacked: BTreeMap<(&'a str, SocketAddr), String>,
}

impl Weigh<'_> {
    /// The row of one authoritative server.
    fn server(&self, sighting: &Sighting, asked: &Asked) -> Fact {
        let sides = Sides::new(&sighting.sites, self.aim);
        let mut old = Vec::new();
        let mut unknown = Vec::new();
        let mut any_new = false;
        let mut any_shared = false;
        let mut any_elsewhere = false;
        let mut alias = None;
        for (key, told) in &asked.answers {
            match state(&sides, told, true) {
                State::Old => old.push(shown(key, told)),
                State::Unknown(why) => unknown.push(why),
                State::New => any_new = true,
                State::Shared => any_shared = true,
                State::Elsewhere => any_elsewhere = true,
                State::Absent => {
                    alias = alias.or(told.as_ref().ok().and_then(|of| of.cname.as_ref()))
                }
            }
        }
        let mut tcp = None;
        if let (Some(told), Some((key, _))) = (&asked.over_tcp, asked.answers.first()) {
            match state(&sides, told, true) {
                State::Old => old.push(format!("{} (over tcp)", shown(key, told))),
                State::Unknown(why) => tcp = Some(format!("it does not answer over tcp: {why}")),
                State::New | State::Shared | State::Elsewhere | State::Absent => {}
            }
        }
        let (outcome, actual) = if !unknown.is_empty() {
            unknown.dedup();
            (
                Outcome::Unknown,
                format!("{}{}", spelled(&unknown), wavering(asked)),
            )
        } else if !old.is_empty() {
            let text = format!("still old: {}{}", spelled(&old), wavering(asked));
            (Outcome::Late, text)
        } else if let Some(few) = too_few(asked) {
            (Outcome::Late, few)
        } else if let Some(why) = lacking(self.sightings, sighting, asked) {
            let lost = "lost for those who validate (DNSSEC)";
            match self
                .lacked
                .contains_key(&(sighting.zone.as_str(), asked.at))
            {
                true => (
                    Outcome::Warn,
                    format!("{lost}, as before the change: {why}"),
                ),
                false => (Outcome::Fail, format!("new, and {lost}: {why}")),
            }
        } else if let Some(tcp) = tcp {
            (Outcome::Warn, tcp)
        } else if let Some(why) = &asked.unsigned_soa {
            let soa =
                "those who validate (DNSSEC) do not believe it where it says that there is nothing";
            (Outcome::Warn, format!("new, but {why}: {soa}"))
        } else if asked.silent >= SILENT {
            (Outcome::Warn, unanswered(asked))
        } else if any_new {
            (Outcome::Pass, "new".to_owned())
        } else if any_shared {
            let only = "records lead to a proxy of both sides only";
            (Outcome::Warn, only.to_owned())
        } else if let (Some(to), false) = (alias, any_elsewhere) {
            // Where that leads, a row of its own tells.
            (Outcome::Pass, format!("an alias of {to}"))
        } else {
            (Outcome::Warn, "no record leads to either site".to_owned())
        };
        Fact {
            outcome,
            what: format!("{} at {}", sighting.zone, asked.server),
            expected: format!("no record leads to {}", self.aim.idle),
            actual,
        }
    }

    /// The row of one cache.
    fn cache(&self, sighting: &Sighting, asked: &Asked) -> Fact {
        let sides = Sides::new(&sighting.sites, self.aim);
        let chosen = sighting.role == Role::Resolver;
        let unless_chosen = |outcome| if chosen { outcome } else { Outcome::Warn };
        let mut rows = Vec::new();
        for (key, told) in &asked.answers {
            match state(&sides, told, false) {
                State::Old => {
                    let left = told.as_ref().ok().and_then(|told| told.ttl).unwrap_or(0);
                    let until = asked.taken.plus(Duration::from_secs(left.into()));
                    let until = clock_text(&until, &asked.taken);
                    let text = format!("{}, until {until} at the latest", shown(key, told));
                    rows.push((Outcome::Late, format!("still old: {text}")));
                }
                State::Unknown(why) => rows.push((unless_chosen(Outcome::Unknown), why)),
                State::Absent | State::Elsewhere if self.is_new_everywhere(key, &sides) => {
                    let text = format!("{} instead of what its servers say", shown(key, told));
                    rows.push((unless_chosen(Outcome::Late), text));
                }
                State::New | State::Shared if self.holds_more(key, &sides, told) => {
                    let text = format!("{} instead of what its servers say", shown(key, told));
                    rows.push((unless_chosen(Outcome::Late), text));
                }
                State::New | State::Shared | State::Absent | State::Elsewhere => {}
            }
        }
        if let Some(few) = too_few(asked).filter(|_| rows.is_empty()) {
            rows.push((unless_chosen(Outcome::Late), few));
        }
        let outcome = rows
            .iter()
            .map(|(outcome, _)| *outcome)
            .max()
            .unwrap_or(Outcome::Pass);
        let mut texts: Vec<String> = (rows.into_iter())
            .filter(|(of, _)| *of == outcome)
            .map(|(_, text)| text)
            .collect();
        texts.dedup();
        Fact {
            outcome,
            what: format!("{} at resolver {}", sighting.zone, asked.server),
            expected: format!("no record leads to {}", self.aim.idle),
            actual: match texts.is_empty() {
                true => "new".into(),
                false => format!("{}{}", spelled(&texts), wavering(asked)),
            },
        }
    }

    /// Whether all authoritative answers for this set hold an address of the active side.
    fn is_new_everywhere(&self, key: &RecordKey, sides: &Sides) -> bool {
        let is_active = |text: &String| text.parse().is_ok_and(|ip| sides.active.contains(&ip));
        (self.truth.get(key)).is_some_and(|sets| sets.iter().all(|set| set.iter().any(is_active)))
    }

    /// A row for the case that servers answered and not one record leads to the active side.
    fn nothing_leads_there(&self, sightings: &[Sighting]) -> Option<Fact> {
        let states = States::of(self.aim, sightings);
        let asked = !states.0.is_empty();
        // Where an alias leads, a row of its own tells.
        let own = states.0.values().filter(|keys| alias_to(keys).is_none());
        let mut all = own.flat_map(BTreeMap::values).flatten().peekable();
        let known = |(state, _): &(State, _)| matches!(state, State::Absent | State::Elsewhere);
        let outcome = match asked {
            true if all.peek().is_some() && all.all(known) => gone(sightings),
            true => return None,
            false => Outcome::Unknown,
        };
        Some(Fact {
            outcome,
            what: "all names".into(),
            expected: format!("lead to {}", self.aim.active),
            actual: match asked {
                true => format!("no record leads to {}", self.aim.active),
                false => "no authoritative server told anything".into(),
            },
        })
    }

    /// Rows for names whose servers disagree, that vanished, or that lead to neither side.
    fn names(&self, sightings: &[Sighting], before: &[Sighting]) -> Vec<Fact> {
        let mut facts = Vec::new();
        for (key, sets) in &self.truth {
            if sets.len() > 1 {
                let sets: Vec<String> = sets.iter().map(|set| listed(set)).collect();
                facts.push(Fact {
                    outcome: Outcome::Late,
                    what: key.to_string(),
                    expected: "the same addresses at every server".into(),
                    actual: sets.join(" at one, at another "),
                });
            }
        }
        let states = States::of(self.aim, sightings);
        let earlier = States::of(self.aim, before);
        for (name, keys) in &states.0 {
            let is = |wanted: &[State]| {
                (keys.values().flatten()).all(|(state, _)| wanted.contains(state))
            };
            if alias_to(keys).is_some() {
                continue;
            }
            for (key, seen) in keys {
                let led = earlier.leads(name, key);
                let now = |wanted: &State| seen.iter().all(|(state, _)| state == wanted);
                let (outcome, actual) = if led && now(&State::Absent) {
                    (
                        gone(sightings),
                        "it is gone: no server has an address for it",
                    )
                } else if led && now(&State::Elsewhere) {
                    (gone(sightings), "it leads to neither site any more")
                } else if now(&State::Elsewhere) {
                    (Outcome::Warn, "it leads to neither site")
                } else if is(&[State::Absent]) {
                    (Outcome::Warn, "no server has an address for it")
                } else {
                    continue;
                };
                facts.push(Fact {
                    outcome,
                    what: key.to_string(),
                    expected: format!("leads to {}", self.aim.active),
                    actual: actual.into(),
                });
            }
        }
        facts
    }
}

/// How bad it is that no answer leads to the active side: where one did a moment ago, another may.
fn gone(sightings: &[Sighting]) -> Outcome {
    let mut asked = sightings.iter().flat_map(|of| &of.asked);
    match asked.any(|asked| asked.short.is_some_and(|short| short.after_old)) {
        true => Outcome::Late,
        false => Outcome::Fail,
    }
}

/// Until when caches may hold the old records; `None` while some server is not seen to be new.
fn caches(aim: &Aim, now: &[Sighting], before: &[Sighting], floor: Duration) -> Option<Expiry> {
    let is_authoritative = |s: &&Sighting| s.role == Role::Authoritative;
    let mut last: Option<&Stamp> = None;
    for asked in now.iter().filter(is_authoritative).flat_map(|s| &s.asked) {
        let since = asked.new_since.as_ref()?;
        last = Some(last.map_or(since, |last| {
            if since.since(last).is_zero() {
                last
            } else {
                since
            }
        }));
    }
    let seen_before = before.iter().filter(is_authoritative).flat_map(|sighting| {
        let sides = Sides::new(&sighting.sites, aim);
        let told = sighting.asked.iter().flat_map(|asked| asked.told());
        told.filter(move |told| sides.is_old(told))
            .filter_map(|told| told.ttl)
    });
    let seen_since = now.iter().filter_map(|sighting| sighting.old_ttl);
    let last_served = last?;
    // Each TTL is a version of its own: what counts is the longest hold, which is not that of the highest number.
    let mut versions: Vec<Version> = (seen_before.chain(seen_since))
        .map(|ttl| Version {
            kept: Kept::Set { ttl },
            last_served: last_served.clone(),
        })
        .collect();
    // One that was filled when a TTL was longer says so itself.
    versions.extend(cached(aim, before));
    versions.extend(cached(aim, now));
    expiry(&versions, floor)
}

/// What a person would type to see it.
fn by_hand(outcome: Outcome, weigh: &Weigh<'_>, sightings: &[Sighting]) -> Option<String> {
    if !matches!(outcome, Outcome::Late | Outcome::Unknown) {
        return None;
    }
    let authoritative = sightings.iter().filter(|s| s.role == Role::Authoritative);
    let (asked, sighting) = authoritative
        .flat_map(|sighting| sighting.asked.iter().map(move |asked| (asked, sighting)))
        .find(|(asked, sighting)| weigh.server(sighting, asked).outcome == outcome)?;
    mend_of(sighting, asked)
}

/// The question to one server, as a person would type it.
fn mend_of(sighting: &Sighting, asked: &Asked) -> Option<String> {
    let key = &asked.answers.first()?.0;
    let recursion = match sighting.role {
        Role::Authoritative => "+norecurse ",
        Role::Resolver | Role::SystemResolver => "",
    };
    let (ip, port) = (asked.at.ip(), asked.at.port());
    Some(format!(
        "dig {recursion}-p {port} @{ip} {}. {}",
        key.name, key.rtype
    ))
}

#[cfg(test)]
mod tests;
