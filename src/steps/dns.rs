//! The kind `dns`: each record of some names that leads to the source will lead to the target.

mod beyond;
mod by_hand;
mod edits;
mod judge;
mod look;
mod unmoved;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};

use crate::dns::moves::{Beyond, Leads, Left, Moves, Swap, ZoneSets, moves};
use crate::dns::{Honesty, RecordKey, RecordSet};
use crate::event::{Answer, Cause, Unseen};
use crate::field::{Field, Fields, Form};
use crate::journal::Permit;
use crate::plan::{Edit, Place, Stay, Value};
use crate::problem::Problem;
use crate::site::{Aim, Host, Site, Zone};
use crate::step::{
    Blocks, Built, Change, Check, Defaults, Found, Given, Kind, OnFail, Survey, Work,
};

pub(super) static KIND: Kind = Kind {
    name: "dns",
    summary: "each record of these names that leads to the source will lead to the target",
    example: r#"[[step]]
id = "flip"
kind = "dns"
services = "all"
ttl = "60s"
"#,
    fields: &[
        Field::new("services", Form::Services, "the services whose names move").any_of(MOVED),
        Field::new("names", Form::Names, "further names that move").any_of(MOVED),
        Field::new(
            "records",
            Form::Choice(&["all"]),
            "`all` moves every A and AAAA record of the zones that leads to the source",
        )
        .any_of(MOVED)
        .not_with(&["services", "names"]),
        Field::new(
            "zones",
            Form::Names,
            "only these zones are written; default: every zone of the playbook",
        ),
        Field::new(
            "ttl",
            Form::Span,
            "the TTL of a record set from its move on; default: as it was",
        ),
        Field::new(
            "unmoved",
            Form::Choice(&["refuse", "warn"]),
            "whether a name of a service that leads to the source and does not move refuses a planned run \
             (the default) or is only told; with `warn` a set may also keep addresses of neither site beside those \
             that move, which else leaves the move unproven",
        ),
    ],
    defaults: Defaults {
        within: Duration::from_secs(60),
        every: Duration::from_secs(2),
        timeout: Duration::from_secs(30),
        blocks: Blocks::Always,
        on_fail: OnFail::Back,
    },
    build,
};

/// After its time-out a request may still wait in the far side's queue for this long.
const LANDING: Duration = Duration::from_secs(30);

const MOVED: &[&str] = &["services", "names", "records"];

fn build(fields: &Fields, given: &Given) -> Result<Built, Vec<Problem>> {
    let mut problems = Vec::new();
    let all = fields.has("records");
    let ttl = match fields.span("ttl").map(whole_seconds).transpose() {
        Ok(ttl) => ttl,
        Err(why) => {
            problems.push(
                Problem::error("bad-ttl", fields.span_of("ttl"), why)
                    .label("this TTL")
                    .hint("a TTL is a whole number of seconds: `ttl = \"60s\"`"),
            );
            None
        }
    };
    if !problems.is_empty() {
        return Err(problems);
    }
    let services = fields.texts("services").to_vec();
    let title = if all {
        "move every record that leads to the source".to_owned()
    } else if services.len() == given.services.len() && fields.texts("names").is_empty() {
        "move the names of every service".to_owned()
    } else {
        let what: Vec<&str> = (services.iter().chain(fields.texts("names")))
            .map(String::as_str)
            .collect();
        format!("move the names of {}", what.join(", "))
    };
    let work = Flip {
        step: given.id.to_owned(),
        scope: if all {
            Scope::All
        } else {
            Scope::Names {
                services,
                names: fields.texts("names").to_vec(),
            }
        },
        zones: fields
            .texts("zones")
            .iter()
            .map(|zone| plain(zone))
            .collect(),
        ttl,
        tells: fields.text("unmoved") == Some("warn"),
    };
    Ok(Built {
        title,
        work: Work::Change(Box::new(work)),
        probes_old_side: false,
        after_change: false,
        answers: None,
    })
}

fn whole_seconds(span: Duration) -> Result<u32, String> {
    let text = humantime::format_duration(span);
    match u32::try_from(span.as_secs()) {
        _ if span.subsec_nanos() > 0 => Err(format!("`{text}` is no whole number of seconds")),
        Ok(0) => Err("a TTL of zero asks the name servers for every single visit".into()),
        Ok(ttl) if ttl <= 604_800 => Ok(ttl),
        _ => Err(format!("`{text}` is longer than a week")),
    }
}

/// Lower case, without the last dot.
fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// The change: names that lead to the idle site will lead to the active one.
#[derive(Debug)]
struct Flip {
    step: String,
    scope: Scope,
    /// Only these; empty means every zone.
    zones: Vec<String>,
    ttl: Option<u32>,
    /// What stays at the source is told only.
    tells: bool,
}

#[derive(Debug)]
enum Scope {
    /// Every A and AAAA set of the zones.
    All,
    Names {
        services: Vec<String>,
        names: Vec<String>,
    },
}

/// What was seen of the zones of a step, and of what leads out of them.
struct Seen {
    stays: Vec<Stay>,
    zones: Vec<ZoneSets>,
    beyond: Vec<(Beyond, beyond::Told)>,
    /// What stays is told only.
    tells: bool,
}

impl Seen {
    /// What moves so that `aim` is reached, and what stays.
    fn moves(&self, site: &Site, swap: &Swap, aim: &Aim, ttl: Option<u32>) -> Moves {
        let mut found = moves(swap, &self.zones, ttl);
        if !self.tells {
            found.left.append(&mut found.shares);
        }
        for (end, told) in &self.beyond {
            let (stay, left) = beyond::judge(site, aim, &found.ours, end, told);
            let matters = |left: &Left| !end.unmoved || !matches!(left.leads, Leads::Neither(_));
            let left = left.filter(matters);
            found
                .stays
                .extend(Some(stay).filter(|_| !end.unmoved || left.is_some()));
            found.left.extend(left);
        }
        found
    }
}

/// The names of these services and the further ones, each once, in the order of their text.
pub(super) fn names_of(site: &Site, services: &[String], names: &[String]) -> BTreeSet<String> {
    (services.iter())
        .filter_map(|id| site.services.get(id))
        .flat_map(|service| &service.names)
        .chain(names)
        .map(|name| plain(name))
        .collect()
}

/// What gives way to what when `aim` is reached.
fn swap_of(site: &Site, aim: &Aim) -> Swap {
    let active = site.hosts_of(&aim.active).flat_map(Host::public);
    let pairs = site.pairs(&aim.active, &aim.idle);
    site.hosts_of(&aim.idle)
        .fold(Swap::new(&aim.active, &aim.idle, active), |swap, host| {
            let stand_ins: Vec<Vec<IpAddr>> = (pairs.iter())
                .filter(|(_, idle)| idle.name == host.name)
                .map(|(active, _)| active.public().collect())
                .collect();
            let stand_ins: Vec<&[IpAddr]> = stand_ins.iter().map(Vec::as_slice).collect();
            let own: Vec<IpAddr> = host.public().collect();
            swap.host(&host.name, &own, &stand_ins)
        })
}

impl Flip {
    /// The zones to be read, each with the names that shall move in it. The others stay, and those that are in no
    /// zone are to be asked for.
    fn targets<'a>(
        &self,
        site: &'a Site,
        stays: &mut Vec<Stay>,
        outside: &mut Vec<String>,
    ) -> Vec<(&'a Zone, Option<Vec<String>>)> {
        let is_meant = |zone: &Zone| self.zones.is_empty() || self.zones.contains(&zone.name);
        let (services, names) = match &self.scope {
            Scope::All => {
                let zones = site.zones.values().filter(|zone| is_meant(zone));
                let services: Vec<String> = site.services.keys().cloned().collect();
                let names = names_of(site, &services, &[]).into_iter();
                outside.extend(names.filter(|name| site.zone_of(name).is_none()));
                return zones.map(|zone| (zone, None)).collect();
            }
            Scope::Names { services, names } => (services, names),
        };
        let mut targets: BTreeMap<&str, (&Zone, Vec<String>)> = BTreeMap::new();
        for name in names_of(site, services, names) {
            match site.zone_of(&name) {
                Some(zone) if is_meant(zone) => {
                    let (_, names) = targets.entry(&zone.name).or_insert((zone, Vec::new()));
                    names.push(name);
                }
                Some(zone) => stays.push(Stay {
                    what: name,
                    why: format!(
                        "it is in the zone `{}`, which this step does not write",
                        zone.name
                    ),
                }),
                None => outside.push(name),
            }
        }
        (targets.into_values())
            .map(|(zone, names)| (zone, Some(names)))
            .collect()
    }

    /// Reads the zones, and asks where it ends what leads out of them.
    async fn see(&self, site: &Site, swap: &Swap) -> Result<Seen, Unseen> {
        let (mut stays, mut outside) = (Vec::new(), Vec::new());
        let targets = self.targets(site, &mut stays, &mut outside);
        let reads = (targets.iter()).map(|(zone, names)| look::zone(site, zone, names.as_deref()));
        let zones: Result<Vec<_>, _> = join_all(reads).await.into_iter().collect();
        let mut zones = zones?;
        let unmoved = unmoved::look(site, &mut zones, &outside).await;
        let outside = (outside.into_iter().map(|name| (name, false)))
            .chain(unmoved.into_iter().map(|name| (name, true)))
            .map(|(name, unmoved)| Beyond {
                what: name.clone(),
                target: name,
                unmoved,
            });
        // What leads out of them is the same whichever way is meant.
        let ends = outside.chain(moves(swap, &zones, None).beyond);
        let beyond = beyond::look(site, ends.collect()).await;
        Ok(Seen {
            stays,
            zones,
            beyond,
            tells: self.tells,
        })
    }

    fn survey_of(&self, site: &Site, found: Moves, stays: Vec<Stay>) -> Survey {
        let mut survey = Survey {
            stays,
            refusals: found.refusals,
            locks: found.ours.iter().map(RecordKey::to_string).collect(),
            left: (found.left.into_iter())
                .map(|left| Left {
                    hint: left.hint || self.tells,
                    ..left
                })
                .collect(),
            ..Survey::default()
        };
        survey.stays.extend(found.stays);
        for zone in &self.zones {
            if !site.zones.contains_key(zone) {
                let why = format!(
                    "`{}` names the zone `{zone}`, which the playbook does not",
                    self.step
                );
                survey.refusals.push(why);
            }
        }
        let mut promises: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (name, sets) in &found.zones {
            let Some(zone) = site.zones.get(name) else {
                continue;
            };
            let least = zone.provider.limits().smallest_ttl;
            if let Some(ttl) = self.ttl.filter(|ttl| *ttl < least) {
                survey.refusals.push(format!(
                    "a TTL of {ttl}s is less than `{}` stores for `{name}`: write `ttl = \"{least}s\"` or more",
                    zone.provider_name
                ));
            }
            let edits = edits::of(&self.step, zone, sets);
            survey.blind |= zone.provider.limits().honesty == Honesty::CompareAndSwap;
            promises.entry(edits.promise).or_default().push(name);
            survey.edits.extend(edits.all);
        }
        survey.found = (found.there.iter())
            .map(|(zone, sets)| Found {
                of: zone.clone(),
                edit: Edit {
                    place: Place {
                        step: self.step.clone(),
                        name: zone.clone(),
                    },
                    before: RecordSet::value_of(sets),
                    after: RecordSet::value_of(sets),
                },
            })
            .collect();
        survey.promise = match promises.len() {
            0 | 1 => promises.into_keys().collect(),
            _ => (promises.into_iter())
                .map(|(promise, zones)| format!("{}: {promise}", zones.join(", ")))
                .collect::<Vec<_>>()
                .join("; "),
        };
        survey
    }
}

/// The zone that a place is, or lies in.
fn zone_at<'a>(site: &'a Site, place: &Place) -> Option<&'a Zone> {
    match place.name.parse::<RecordKey>() {
        Ok(key) => site.zone_of(&key.name),
        Err(_) => {
            let group = place.name.split_once('#');
            site.zones
                .get(group.map_or(place.name.as_str(), |(zone, _)| zone))
        }
    }
}

fn no_zone(place: &Place) -> String {
    format!("`{place}` is in no zone of the playbook")
}

impl Change for Flip {
    fn survey<'a>(&'a self, site: &'a Site, aim: &'a Aim) -> BoxFuture<'a, Result<Survey, Unseen>> {
        async move {
            let swap = swap_of(site, aim);
            let seen = self.see(site, &swap).await?;
            let found = seen.moves(site, &swap, aim, self.ttl);
            let stays = (seen.zones.iter()).flat_map(|zone| look::unnamed(zone, &swap, &aim.idle));
            let stays = seen.stays.iter().cloned().chain(stays).collect();
            let astray = seen.astray(site, aim, &found);
            let mut survey = Survey {
                astray,
                ..self.survey_of(site, found, stays)
            };
            if survey.edits.is_empty() && survey.locks.is_empty() {
                let (idle, active) = (&aim.idle, &aim.active);
                survey.nothing = Some(format!(
                    "no record set that it names leads to `{idle}` or `{active}`, so nothing would move"
                ));
            }
            judge::judge(site, &mut survey).await?;
            Ok(survey)
        }
        .boxed()
    }

    fn read<'a>(
        &'a self,
        site: &'a Site,
        place: &'a Place,
        parts: &'a [String],
    ) -> BoxFuture<'a, Result<Value, Unseen>> {
        async move {
            let zone =
                zone_at(site, place).ok_or_else(|| Unseen::new(Cause::Missing, no_zone(place)))?;
            let keys: Vec<RecordKey> = (parts.iter())
                .map(|part| part.parse())
                .collect::<Result<_, String>>()
                .map_err(|why| Unseen::new(Cause::Garbled, why))?;
            let sets = zone.provider.read(&zone.name, &keys).await?;
            let asked: HashSet<&RecordKey> = keys.iter().collect();
            Ok(RecordSet::value_of(
                sets.iter().filter(|set| asked.contains(&set.key)),
            ))
        }
        .boxed()
    }

    fn write<'a>(&'a self, site: &'a Site, permit: Permit<'a>) -> BoxFuture<'a, Answer> {
        async move {
            match zone_at(site, permit.place()) {
                Some(zone) => zone.provider.write(&zone.name, permit).await,
                None => Answer::Refused {
                    why: no_zone(permit.place()),
                },
            }
        }
        .boxed()
    }

    fn landing(&self) -> Duration {
        LANDING
    }

    fn by_hand(&self) -> Option<&dyn Check> {
        Some(self)
    }

    fn commands(&self, site: &Site, place: &Place, from: &Value, to: &Value) -> Vec<String> {
        zone_at(site, place).map_or_else(Vec::new, |zone| {
            zone.provider.commands(&zone.name, from, to)
        })
    }

    fn describe(&self, value: &Value) -> Vec<String> {
        match RecordSet::sets_of(value) {
            Ok(sets) => sets.iter().flat_map(RecordSet::zone_lines).collect(),
            Err(why) => vec![why],
        }
    }
}

#[cfg(test)]
mod tests;
