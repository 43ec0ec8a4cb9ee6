//! What the looks before the change say of the looks after it: a server that cannot tell now will not tell then.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::rows::Rows;
use super::state::{State, Truth, state, texts};
use super::words::{clock_text, listed, shown, spelled};
use super::{Weigh, behind, mend_of, read, unseen_row};
use crate::clock::short;
use crate::dns::RecordKey;
use crate::event::{Fact, Finding};
use crate::plan::Outcome;
use crate::site::Aim;
use crate::step::{Evidence, Known};
use crate::steps::propagation::caches;
use crate::steps::propagation::seen::{Asked, Role, Sides, Sighting, Told, is_told};
use crate::steps::propagation::signatures::lacking;
use crate::words::count;
use crate::world::dns::plain_ttl;

/// Tells whether the change can be seen at every server that will be asked, whatever its records say now.
///
/// A cache that holds the old records for longer than the look after the change waits (`within`) would only hold up a
/// run that has written.
pub(in crate::steps::propagation) fn foresee(
    aim: &Aim,
    evidence: &Evidence,
    within: Duration,
) -> Finding {
    let mut rows = Rows::default();
    let mut sightings = Vec::new();
    for (key, known) in &evidence.items {
        match known {
            Known::Live(json) | Known::Recorded { fact: json, .. } => {
                sightings.extend(read(aim, key, json, &mut rows));
            }
            Known::Unseen(unseen) => rows.facts.push(unseen_row(key, unseen)),
        }
    }
    // A provider that has not published yet may have by then.
    for fact in &mut rows.facts {
        if fact.outcome == Outcome::Late {
            fact.outcome = Outcome::Warn;
        }
    }
    let said = said(&sightings);
    let is_odd = |of: &Sighting, asked: &Asked| {
        of.role == Role::Authoritative && other_than(aim, &said, of, asked).is_some()
    };
    let mut servers = BTreeSet::new();
    for sighting in &sightings {
        if sighting.role == Role::Authoritative {
            servers.extend(sighting.asked.iter().map(|asked| asked.at));
        }
        rows.facts
            .extend(sighting.asked.iter().map(|asked| row(aim, sighting, asked)));
        rows.facts.extend(super::delegation_rows(sighting));
        let caches = sighting.asked.iter();
        let served = longest_served(aim, sighting, &sightings);
        rows.facts.extend(caches.filter_map(|asked| {
            too_long(aim, sighting, asked, within)
                .or_else(|| may_be_too_long(sighting, asked, served, within))
        }));
        rows.facts
            .extend((sighting.asked.iter()).filter_map(|asked| {
                other_than(aim, &said, sighting, asked)
                    .or_else(|| behind::leads_elsewhere(aim, sighting, asked, &sightings))
            }));
    }
    let behind = behind::behind(&sightings);
    rows.facts.extend(behind.iter().cloned());
    rows.facts.extend(lost(&sightings));
    let weigh = Weigh {
        aim,
        truth: Truth::new(),
        sightings: &sightings,
        lacked: BTreeMap::new(),
    };
    let (_, untold) = weigh.aliases(&sightings, &[]);
    rows.beyond.extend(untold);
    // One that lags will do so after the change too; how long is seen then.
    for (key, sets) in &said {
        if sets.len() > 1 {
            let sets: Vec<String> = sets.iter().map(|set| listed(set)).collect();
            rows.facts.push(Fact {
                outcome: Outcome::Warn,
                what: key.to_string(),
                expected: "the same addresses at every server".into(),
                actual: sets.join(" at one, at another "),
            });
        }
    }
    // Where nobody was asked, nothing was told.
    let outcome = rows.outcome().unwrap_or(Outcome::Unknown);
    let facts = rows.all();
    let of_worst = |fact: &&Fact| match outcome {
        Outcome::Warn => fact.outcome >= outcome,
        _ => fact.outcome == outcome,
    };
    let addresses = count(servers.len(), "server address");
    let headline = match (outcome, facts.iter().find(of_worst)) {
        (Outcome::Pass, _) => format!("{addresses} can tell of the change"),
        (_, None) => "there was nothing to ask".to_owned(),
        (_, Some(first)) => {
            let more = match facts.iter().filter(of_worst).count() {
                0 | 1 => String::new(),
                many => format!(" (and {} more)", many - 1),
            };
            let then = match outcome {
                Outcome::Unknown => ", so the change cannot be seen there",
                _ => "",
            };
            format!("{}: {}{then}{more}", first.what, first.actual)
        }
    };
    let finding = Finding::new(outcome, headline).facts(facts);
    let mut asked = sightings
        .iter()
        .flat_map(|of| of.asked.iter().map(move |asked| (of, asked)));
    if outcome == Outcome::Late {
        if !lost(&sightings).is_empty() {
            return finding.mend(UNSIGNED).is_final();
        }
        let mut all = asked.clone();
        if let Some(held) = all.find_map(|(of, asked)| held_too_long(aim, of, asked, within)) {
            let mend = mend_of_held(&held, served(&sightings, held.key), within);
            return finding.mend(mend).is_final();
        }
        let filled = asked.clone().find_map(|(of, asked)| {
            let served = longest_served(aim, of, &sightings);
            may_be_too_long(of, asked, served, within).and(served)
        });
        if let Some((key, ttl)) = filled {
            return finding.mend(mend_of_ttl(key, ttl, within)).is_final();
        }
        if let Some((of, asked)) = asked.clone().find(|(of, asked)| is_odd(of, asked)) {
            // What it says does not run out by waiting, as what a cache holds does.
            let finding = finding.mend(ODD).is_final();
            return match mend_of(of, asked) {
                Some(look) => finding.to_try(look),
                None => finding,
            };
        }
        let leads = |(of, asked): &(&Sighting, &Asked)| {
            behind::leads_elsewhere(aim, of, asked, &sightings).is_some()
        };
        let apart = asked.clone().find(leads);
        if apart.is_some() || behind.iter().any(|fact| fact.outcome == Outcome::Late) {
            let finding = finding.mend(behind::FOLLOW);
            return match apart.and_then(|(of, asked)| mend_of(of, asked)) {
                Some(look) => finding.to_try(look),
                None => finding,
            };
        }
        let other = asked.find(|(of, asked)| other_than(aim, &said, of, asked).is_some());
        let finding = finding.mend(OTHER);
        return match other.and_then(|(of, asked)| mend_of(of, asked)) {
            Some(look) => finding.to_try(look),
            None => finding,
        };
    }
    let unclear = asked.find(|(of, asked)| row(aim, of, asked).outcome == Outcome::Unknown);
    match unclear.and_then(|(of, asked)| mend_of(of, asked)) {
        Some(mend) if outcome == Outcome::Unknown => finding.to_try(mend),
        _ => finding,
    }
}

/// Rows for servers whose records are lost for those who validate before anything changes: the new ones would be too, and
/// nothing would show whether they are signed.
fn lost(sightings: &[Sighting]) -> Vec<Fact> {
    let servers = sightings.iter().filter(|of| of.role == Role::Authoritative);
    let asked = servers.flat_map(|of| of.asked.iter().map(move |asked| (of, asked)));
    let rows = asked.filter_map(|(of, asked)| {
        let why = lacking(sightings, of, asked)?;
        Some(Fact {
            outcome: Outcome::Late,
            what: format!("{} at {}", of.zone, asked.server),
            expected: "signatures that cover what it says".into(),
            actual: format!("what it says is lost for those who validate (DNSSEC): {why}"),
        })
    });
    rows.collect()
}

/// What may be done about it.
const UNSIGNED: &str = "mend the signatures of that server first, or take it out of the delegation (or the zone's `servers`)";

/// What may be done about a cache that holds an old set for too long. Whoever asks a cache fills it again, and these
/// looks ask it too: waiting mends that only where its servers hand out a shorter TTL by now.
fn mend_of_held(held: &caches::Held<'_>, served: Option<u32>, within: Duration) -> String {
    match served.filter(|ttl| Duration::from_secs((*ttl).into()) > within) {
        None => "wait until then, or give this step a longer `within`; next time lower the TTLs that long before".into(),
        Some(ttl) => mend_of_ttl(held.key, ttl, within),
    }
}

/// The same where a cache may be filled for too long.
fn mend_of_ttl(key: &RecordKey, ttl: u32, within: Duration) -> String {
    let (ttl, longest) = (short(Duration::from_secs(ttl.into())), short(within));
    format!(
        "its servers hand it out for {ttl}, so whoever asks fills the cache again: lower the TTL of {key} to {longest} or \
         less, wait {ttl}, and look again; or give this step a `within` of more than {ttl}"
    )
}

/// The longest TTL with which name servers hand out a record set, in seconds.
fn served(sightings: &[Sighting], key: &RecordKey) -> Option<u32> {
    let servers = (sightings.iter()).filter(|of| of.role == Role::Authoritative);
    let answers = servers
        .flat_map(|of| &of.asked)
        .flat_map(|asked| &asked.answers);
    let of_key = answers.filter(|(of, _)| of == key);
    of_key.filter_map(|(_, told)| told.as_ref().ok()?.ttl).max()
}

/// What may be done about a cache that says something else than the name servers.
const OTHER: &str = "name a resolver in the zone's `resolvers` that knows the zone, or none (`resolvers = []`); where this \
                     one holds an older record, look again when it has let that go";

/// The same about a name server of the zone.
const ODD: &str = "mend that server first, or take it out of the delegation (or the zone's `servers`): it would be waited \
                   for after the change, and is not moved by it";

/// A row for a watched cache that says something else than the name servers, and for a name server that says something
/// else than the others of its zone and leads to neither site by it, before anything changes: it would do so after the
/// change, and be waited for.
fn other_than(aim: &Aim, said: &Truth, sighting: &Sighting, asked: &Asked) -> Option<Fact> {
    let is_server = sighting.role == Role::Authoritative;
    let outcome = match sighting.role {
        Role::Authoritative | Role::Resolver => Outcome::Late,
        Role::SystemResolver => Outcome::Warn,
    };
    let sides = Sides::new(&sighting.sites, aim);
    let is_other = |key: &RecordKey, told: &Told| {
        let Some(sets) = said.get(key) else {
            return false;
        };
        // What it says itself is no measure for it.
        let own = is_server.then(|| texts(told));
        let sets: Vec<&Vec<String>> = (sets.iter())
            .filter(|set| own.as_ref() != Some(set))
            .collect();
        let is_ours = |text: &String| text.parse().is_ok_and(|ip| sides.holds(&ip));
        let strangers = sides.strangers(told).into_iter();
        let mut unheard = strangers.map(ToString::to_string);
        let mut leads = sets.iter().map(|set| set.iter().any(is_ours));
        // Of several servers more than one may be odd.
        let are_ours = match is_server {
            true => leads.any(|ours| ours),
            false => !sets.is_empty() && leads.all(|ours| ours),
        };
        are_ours
            && (!sides.is_of_either(told)
                || unheard.any(|ip| !sets.iter().any(|set| set.contains(&ip))))
    };
    let (key, told) = (asked.answers.iter())
        .filter(|(_, told)| is_told(told, sighting.role))
        .find(|(key, told)| told.as_ref().is_ok_and(|told| is_other(key, told)))?;
    let own = told.as_ref().ok().filter(|_| is_server).map(texts);
    let sets: Vec<String> = (said.get(key).into_iter().flatten())
        .filter(|set| own.as_ref() != Some(set))
        .map(|set| listed(set))
        .collect();
    let (at, others) = match is_server {
        true => ("at", "the other servers"),
        false => ("at resolver", "its servers"),
    };
    let no_name = told.as_ref().is_ok_and(|told| told.rcode == "NXDOMAIN");
    Some(Fact {
        outcome,
        what: format!("{} {at} {}", sighting.zone, asked.server),
        expected: "what the servers of the zone say".into(),
        actual: format!(
            "it says {}{}, and {others} say {}",
            shown(key, told),
            if no_name { " (no such name)" } else { "" },
            sets.join(" or ")
        ),
    })
}

/// What a cache holds of the old side for longer than the look after the change.
fn held_too_long<'a>(
    aim: &Aim,
    sighting: &'a Sighting,
    asked: &'a Asked,
    within: Duration,
) -> Option<caches::Held<'a>> {
    let held = caches::held(aim, sighting, asked).max_by_key(|held| held.left)?;
    (Duration::from_secs(held.left.into()) > within).then_some(held)
}

/// A row for a cache in which an old set outlives the look after the change.
fn too_long(aim: &Aim, sighting: &Sighting, asked: &Asked, within: Duration) -> Option<Fact> {
    let held = held_too_long(aim, sighting, asked, within)?;
    let left = Duration::from_secs(held.left.into());
    Some(Fact {
        outcome: Outcome::Late,
        what: format!("{} at resolver {}", sighting.zone, asked.server),
        expected: format!(
            "old records for {} at most, as `within` says",
            short(within)
        ),
        actual: format!(
            "it holds {} for {} more, until {}, and after the change it would be waited for {} only",
            held.key,
            short(left),
            clock_text(&held.until(), &asked.taken),
            short(within)
        ),
    })
}

/// The set of the idle side with the highest TTL that the servers of a zone hand out, in seconds.
fn longest_served<'a>(
    aim: &Aim,
    sighting: &Sighting,
    sightings: &'a [Sighting],
) -> Option<(&'a RecordKey, u32)> {
    let of_zone = |of: &&Sighting| of.role == Role::Authoritative && of.zone == sighting.zone;
    let served = sightings.iter().filter(of_zone).flat_map(|of| {
        let sides = Sides::new(&of.sites, aim);
        let told = of.asked.iter().flat_map(Asked::told_of);
        told.filter(move |(_, told)| told.authoritative && sides.is_old(told))
            .filter_map(|(key, told)| Some((key, plain_ttl(told.ttl?))))
    });
    // Caches are waited for where they are asked.
    let asked = sighting.asked.iter().flat_map(|asked| &asked.answers);
    let asked: BTreeSet<&RecordKey> = asked.map(|(key, _)| key).collect();
    served
        .filter(|(key, _)| asked.contains(key))
        .max_by_key(|(_, ttl)| *ttl)
}

/// A row for a cache that is not known to hold an old set for too long, and that anybody fills for so long who asks it
/// before the change.
fn may_be_too_long(
    sighting: &Sighting,
    asked: &Asked,
    served: Option<(&RecordKey, u32)>,
    within: Duration,
) -> Option<Fact> {
    let is_cache = sighting.role != Role::Authoritative
        && asked
            .told()
            .any(|told| told.is_telling && !told.authoritative);
    let (key, ttl) = served.filter(|_| is_cache)?;
    let ttl = Duration::from_secs(ttl.into());
    (ttl > within).then(|| Fact {
        outcome: Outcome::Late,
        what: format!("{} at resolver {}", sighting.zone, asked.server),
        expected: format!("old records for {} at most, as `within` says", short(within)),
        actual: format!(
            "{key} is served with a TTL of {}: whoever asks this cache just before the change makes it hold the old \
             one for so long, and after the change it would be waited for {} only",
            short(ttl),
            short(within)
        ),
    })
}

/// The sets of addresses that name servers give for each record set.
fn said(sightings: &[Sighting]) -> Truth {
    let mut said = Truth::new();
    let with_authority = |sighting: &&Sighting| sighting.role == Role::Authoritative;
    for asked in sightings
        .iter()
        .filter(with_authority)
        .flat_map(|of| &of.asked)
    {
        for (key, told) in &asked.answers {
            if is_told(told, Role::Authoritative)
                && let Ok(told) = told
            {
                said.entry(key.clone()).or_default().insert(texts(told));
            }
        }
    }
    said
}

/// Whether one server can tell anything of the names.
fn row(aim: &Aim, sighting: &Sighting, asked: &Asked) -> Fact {
    let sides = Sides::new(&sighting.sites, aim);
    let with_authority = sighting.role == Role::Authoritative;
    let mut unknown: Vec<String> = (asked.answers.iter())
        .filter_map(|(_, told)| match state(&sides, told, with_authority) {
            State::Unknown(why) => Some(why),
            _ => None,
        })
        .collect();
    unknown.dedup();
    let over_tcp = (asked.over_tcp.as_ref()).map(|told| state(&sides, told, with_authority));
    let (outcome, actual) = match (unknown.is_empty(), over_tcp) {
        (false, _) if sighting.role == Role::SystemResolver => (Outcome::Warn, spelled(&unknown)),
        (false, _) => (Outcome::Unknown, spelled(&unknown)),
        (true, Some(State::Unknown(why))) => {
            let text = format!("it does not answer over tcp: {why}");
            (Outcome::Warn, text)
        }
        (true, _) => (Outcome::Pass, "it does".to_owned()),
    };
    let at = match sighting.role {
        Role::Authoritative => "at",
        Role::Resolver | Role::SystemResolver => "at resolver",
    };
    Fact {
        outcome,
        what: format!("{} {at} {}", sighting.zone, asked.server),
        expected: "answers for these names".into(),
        actual,
    }
}
