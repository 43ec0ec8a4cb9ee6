//! What leads to neither side or out of the zones: addresses beside those of the sites, and aliases.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use super::Weigh;
use super::state::{Shown, State, States};
use crate::dns::RecordKey;
use crate::event::{Fact, Unseen};
use crate::plan::Outcome;
use crate::steps::propagation::seen::{Asked, Role, Sides, Sighting, Told};

impl Weigh<'_> {
    /// Whether a cache gives out an address of neither side that no server of the zone gives.
    pub(super) fn holds_more(
        &self,
        key: &RecordKey,
        sides: &Sides,
        told: &Result<Told, Unseen>,
    ) -> bool {
        let of_servers = |ip: &IpAddr| {
            let mut sets = self.truth.get(key).into_iter().flatten();
            sets.any(|set| set.contains(&ip.to_string()))
        };
        let strangers = told.iter().flat_map(|told| sides.strangers(told));
        self.truth.contains_key(key) && strangers.into_iter().any(|ip| !of_servers(ip))
    }

    /// Rows for sets that lead to the active side and hold addresses of neither beside: whoever gets one of those
    /// is not served by it.
    pub(super) fn strangers(&self, sightings: &[Sighting], before: &[Sighting]) -> Vec<Fact> {
        let beside = |sightings: &[Sighting]| {
            let mut beside: BTreeMap<RecordKey, BTreeSet<IpAddr>> = BTreeMap::new();
            for sighting in sightings.iter().filter(|s| s.role == Role::Authoritative) {
                let sides = Sides::new(&sighting.sites, self.aim);
                let with_tcp = (sighting.asked.iter()).flat_map(Asked::told_of);
                for (key, told) in with_tcp.filter(|(_, told)| sides.is_of_either(told)) {
                    let strangers = sides.strangers(told).into_iter().copied();
                    beside.entry(key.clone()).or_default().extend(strangers);
                }
            }
            beside
        };
        let earlier = beside(before);
        let now = beside(sightings).into_iter();
        now.filter(|(_, ips)| !ips.is_empty())
            .map(|(key, ips)| {
                let stood = earlier.get(&key).is_some_and(|of| ips.is_subset(of));
                let texts: Vec<String> = ips.iter().map(ToString::to_string).collect();
                let since = match (stood, before.is_empty()) {
                    (true, _) => ", as before the change",
                    (false, false) => ", and was not there before the change",
                    (false, true) => "",
                };
                Fact {
                    outcome: Outcome::Warn,
                    what: key.to_string(),
                    expected: format!("leads to {} only", self.aim.active),
                    actual: format!(
                        "it also holds {}, of neither site{since}",
                        texts.join(" and ")
                    ),
                }
            })
            .collect()
    }

    /// Rows for names whose servers tell of an alias and of no address: those that caches saw lead to a side before and to
    /// none now, and those of which it is not known where they lead. Where a cache knows it, its own row says the rest.
    pub(super) fn aliases(
        &self,
        sightings: &[Sighting],
        before: &[Sighting],
    ) -> (Vec<Fact>, Vec<Fact>) {
        let states = States::of(self.aim, sightings);
        let ends = (states.0.iter()).filter_map(|(name, keys)| Some((name, alias_to(keys)?)));
        // Where the run asks about the other name too, its own servers tell.
        let told = |to: &String| {
            let end = states.0.get(to.trim_end_matches('.')).into_iter().flatten();
            let mut seen = end.flat_map(|(_, shown)| shown);
            seen.any(|(state, _)| !matches!(state, State::Absent | State::Unknown(_)))
        };
        let earlier = States::of(self.aim, before);
        let led_itself = |name: &String| {
            let mut keys = earlier.0.get(name).into_iter().flatten();
            keys.any(|(key, _)| earlier.leads(name, key))
        };
        let (now, then) = (self.in_caches(sightings), self.in_caches(before));
        let (mut gone, mut untold) = (Vec::new(), Vec::new());
        for (name, cname) in ends.filter(|(_, to)| !told(to)) {
            let InCaches { told, astray } = now.get(name.as_str()).cloned().unwrap_or_default();
            let at: Vec<String> = astray.iter().map(ToString::to_string).collect();
            let at = at.join(" and ");
            let led = then.get(name.as_str()).is_some_and(|of| of.told) && !astray.is_empty();
            let (rows, outcome) = match !told && (led || led_itself(name)) {
                true => (&mut gone, super::gone(sightings)),
                false => (&mut untold, Outcome::Unknown),
            };
            let leads = match (told, astray.is_empty()) {
                (true, true) => continue,
                (false, true) => "and no cache that was asked tells where that leads".to_owned(),
                (false, false) if led => format!("which leads to neither site any more ({at})"),
                (false, false) => format!("which leads to neither site ({at})"),
                (true, false) => {
                    format!("which leads to neither site by what some caches say ({at})")
                }
            };
            rows.push(Fact {
                outcome,
                what: name.clone(),
                expected: format!("leads to {}", self.aim.active),
                actual: format!("it is an alias of {cname}, {leads}"),
            });
        }
        (gone, untold)
    }

    /// Each answer of a cache is looked at once: there may be thousands, and as many aliases.
    fn in_caches<'s>(&self, sightings: &'s [Sighting]) -> HashMap<&'s str, InCaches> {
        let mut names: HashMap<&str, InCaches> = HashMap::new();
        for sighting in sightings.iter().filter(|s| s.role != Role::Authoritative) {
            let sides = Sides::new(&sighting.sites, self.aim);
            for (key, told) in sighting.asked.iter().flat_map(Asked::told_of) {
                let of_name = names.entry(&key.name).or_default();
                if sides.is_of_either(told) {
                    of_name.told = true;
                } else if told.is_telling {
                    of_name.astray.extend(&told.addresses);
                }
            }
        }
        names
    }
}

/// What caches gave for one name.
#[derive(Clone, Default)]
struct InCaches {
    /// An address of a side; where that is the old one, its own row says so.
    told: bool,
    /// The addresses of neither side, and no address of a side beside them.
    astray: BTreeSet<IpAddr>,
}

/// The name that a name without addresses is an alias of.
pub(super) fn alias_to(keys: &BTreeMap<RecordKey, Shown>) -> Option<String> {
    let mut seen = keys.values().flatten();
    let absent = seen.all(|(state, _)| *state == State::Absent);
    let mut named = keys
        .values()
        .flatten()
        .filter_map(|(_, cname)| cname.clone());
    named.next().filter(|_| absent)
}
