//! Name servers with another copy of the zone than the one that is written to, before anything changes: what is written
//! does not reach them.

use std::collections::HashMap;

use super::words::shown;
use crate::dns::RecordKey;
use crate::event::{Fact, Unseen};
use crate::plan::Outcome;
use crate::site::Aim;
use crate::steps::propagation::memory::is_older;
use crate::steps::propagation::seen::{Asked, Role, Sides, Sighting, Told, is_told};

/// What may be done about one. It may be following just now.
pub(super) const FOLLOW: &str = "look again when that server has followed the one that is written to; where it does not follow, \
                                 mend it first, or take it out of the delegation (or the zone's `servers`)";

const NOT_REACHED: &str = "while it does not follow, what is written does not reach it";

/// Every server of a zone that was asked, and whether it takes the writes.
fn servers<'a>(
    sightings: &'a [Sighting],
    zone: &'a str,
) -> impl Iterator<Item = (&'a Asked, bool)> + Clone {
    let of_zone = move |of: &&Sighting| of.role == Role::Authoritative && of.zone == zone;
    let asked = |of: &'a Sighting| {
        let written = move |asked: &Asked| of.written_at == Some(asked.at);
        of.asked.iter().map(move |asked| (asked, written(asked)))
    };
    sightings.iter().filter(of_zone).flat_map(asked)
}

/// Rows for servers whose serial is not that of the server that is written to; where that one is not among them, for
/// those with an older one than another.
///
/// A serial is a measure for copies of one zone only: not where the SOA differs otherwise (two providers), nor where one
/// signs and the other does not. One whose serial rises while it is looked at follows: of a zone that is always
/// written to no copy is ever as new as the zone.
pub(super) fn behind(sightings: &[Sighting]) -> Vec<Fact> {
    let all = sightings.iter().filter(|of| of.role == Role::Authoritative);
    let asked = all.flat_map(|of| of.asked.iter().map(move |asked| (of.zone.as_str(), asked)));
    let rows = asked.filter_map(|(zone, asked)| {
        let own = asked.soa.as_ref()?;
        let mut of_zone = servers(sightings, zone);
        let written = of_zone.clone().find(|(_, written)| *written);
        let newer = |other: &Asked| {
            let soa = other.soa.as_ref();
            soa.is_some_and(|soa| is_older(own.serial, soa.serial))
        };
        let (first, follows) = match written {
            Some((first, _)) => (first, ", which is written to,"),
            None => (of_zone.find(|(other, _)| newer(other))?.0, ""),
        };
        let other = first.soa.as_ref().filter(|soa| soa.serial != own.serial)?;
        let copies = own.rest == other.rest && asked.signers.is_empty() == first.signers.is_empty();
        let (outcome, so) = match (copies, own.rises) {
            (true, true) => (Outcome::Pass, "it follows, some time behind"),
            (true, false) => (Outcome::Late, NOT_REACHED),
            (false, _) => (Outcome::Warn, NOT_REACHED),
        };
        Some(Fact {
            outcome,
            what: format!("{zone} at {}", asked.server),
            expected: "the zone that is written to".into(),
            actual: format!(
                "its serial is {}, and that of {}{follows} is {}: {so}",
                own.serial, first.server, other.serial
            ),
        })
    });
    rows.collect()
}

/// A row for a server that leads to one side while the server that is written to, or else another one, leads to the other:
/// it would be waited for, there or on the way back.
pub(super) fn leads_elsewhere(
    aim: &Aim,
    sighting: &Sighting,
    asked: &Asked,
    sightings: &[Sighting],
) -> Option<Fact> {
    if sighting.role != Role::Authoritative || sighting.written_at == Some(asked.at) {
        return None;
    }
    let sides = Sides::new(&sighting.sites, aim);
    let counts = |told: &&Told| told.counts(Role::Authoritative);
    // Each answer is looked up by its question: there may be thousands.
    let others: Vec<(&Asked, bool, HashMap<_, _>)> = (servers(sightings, &sighting.zone))
        .filter(|(first, _)| first.at != asked.at)
        .map(|(first, written)| {
            // Where a question was put twice, the first answer counts.
            let answers = first.answers.iter().rev();
            let answers = answers.map(|(key, told)| (key, told)).collect();
            (first, written, answers)
        })
        .collect();
    let written = others.iter().find(|(_, written, _)| *written);
    let (key, told, first, other) = asked.answers.iter().find_map(|(key, told)| {
        let own = told.as_ref().ok().filter(counts)?;
        let apart = |answers: &HashMap<&RecordKey, &Result<Told, Unseen>>, written: bool| {
            let told = *answers.get(key)?;
            let theirs = (told.as_ref().ok()).filter(|_| is_told(told, Role::Authoritative))?;
            let apart = sides.is_new(own) && sides.is_old(theirs)
                || written && sides.is_old(own) && sides.is_new(theirs);
            apart.then(|| theirs.clone())
        };
        let (first, theirs) = match written {
            Some((first, _, answers)) => (*first, apart(answers, true)?),
            None => (others.iter())
                .find_map(|(first, _, answers)| Some((*first, apart(answers, false)?)))?,
        };
        Some((key, told, first, theirs))
    })?;
    Some(Fact {
        outcome: Outcome::Late,
        what: format!("{} at {}", sighting.zone, asked.server),
        expected: "what the servers of the zone say".into(),
        actual: format!(
            "it says {}, and {} says {}",
            shown(key, told),
            first.server,
            shown(key, &Ok(other))
        ),
    })
}
