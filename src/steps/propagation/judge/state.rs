//! What each answer shows: the old side, the new one, both, neither, or nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::dns::RecordKey;
use crate::event::Unseen;
use crate::site::Aim;
use crate::steps::propagation::seen::{Role, Sides, Sighting, Told};

/// What one answer shows.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    Old,
    New,
    /// A proxy of both sides.
    Shared,
    /// Addresses of neither side.
    Elsewhere,
    /// No address.
    Absent,
    Unknown(String),
}

pub(super) fn state(sides: &Sides, told: &Result<Told, Unseen>, needs_authority: bool) -> State {
    match told {
        Err(unseen) => State::Unknown(unseen.detail.clone()),
        Ok(told) if !told.is_telling => State::Unknown(format!("it answered {}", told.rcode)),
        Ok(told) if needs_authority && !told.authoritative => {
            State::Unknown(match &told.referral {
                Some(of) => {
                    format!("it does not answer itself, but refers to the servers of `{of}`")
                }
                None => "it answers without authority (lame)".into(),
            })
        }
        Ok(told) if sides.is_old(told) => State::Old,
        Ok(told) if sides.is_new(told) => State::New,
        Ok(told) if sides.is_shared(told) => State::Shared,
        Ok(told) if told.addresses.is_empty() => State::Absent,
        Ok(_) => State::Elsewhere,
    }
}

/// The sets of addresses that authoritative servers gave for a record set, old ones left out.
pub(super) type Truth = BTreeMap<RecordKey, BTreeSet<Vec<String>>>;

pub(super) fn truth(aim: &Aim, sightings: &[Sighting]) -> Truth {
    let mut truth = Truth::new();
    for sighting in sightings.iter().filter(|s| s.role == Role::Authoritative) {
        let sides = Sides::new(&sighting.sites, aim);
        for (key, told) in sighting.asked.iter().flat_map(|asked| &asked.answers) {
            let state = state(&sides, told, true);
            if let (State::New | State::Shared | State::Elsewhere | State::Absent, Ok(told)) =
                (state, told)
            {
                truth.entry(key.clone()).or_default().insert(texts(told));
            }
        }
    }
    truth
}

pub(super) fn texts(told: &Told) -> Vec<String> {
    told.addresses.iter().map(ToString::to_string).collect()
}

/// What each authoritative server shows of one record set, and where an alias leads instead.
pub(super) type Shown = Vec<(State, Option<String>)>;

/// What the authoritative servers say of each name and each of its record sets.
pub(super) struct States(pub(super) BTreeMap<String, BTreeMap<RecordKey, Shown>>);

impl States {
    pub(super) fn of(aim: &Aim, sightings: &[Sighting]) -> States {
        let mut states = States(BTreeMap::new());
        for sighting in sightings.iter().filter(|s| s.role == Role::Authoritative) {
            let sides = Sides::new(&sighting.sites, aim);
            for (key, told) in sighting.asked.iter().flat_map(|asked| &asked.answers) {
                let cname = told.as_ref().ok().and_then(|told| told.cname.clone());
                let of_name = states.0.entry(key.name.clone()).or_default();
                let of_key = of_name.entry(key.clone()).or_default();
                of_key.push((state(&sides, told, true), cname));
            }
        }
        states
    }

    /// Whether any server said that the record set leads to one of the two sides.
    pub(super) fn leads(&self, name: &str, key: &RecordKey) -> bool {
        let seen = self.0.get(name).and_then(|keys| keys.get(key));
        seen.is_some_and(|seen| {
            (seen.iter()).any(|(state, _)| matches!(state, State::Old | State::New))
        })
    }
}
