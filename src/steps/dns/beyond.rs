//! Where names lead of which no provider was asked: names in no zone, and what aliases end at.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use futures::StreamExt;
use futures::stream;

use crate::dns::moves::{Beyond, Leads, Left};
use crate::dns::{RecordKey, RecordType};
use crate::event::{Cause, Unseen};
use crate::plan::Stay;
use crate::site::{Aim, Site};
use crate::words::count;
use crate::world::names::{self, Asked};

/// How long one name is asked for, at most.
const PATIENCE: Duration = Duration::from_secs(3);

/// How many names are asked for, and how many of them at once: with dead resolvers all of it takes two patiences.
const MOST: usize = 64;
const AT_ONCE: usize = 32;

/// Asks for each name where it leads.
pub(super) async fn look(site: &Site, ends: Vec<Beyond>) -> Vec<(Beyond, Told)> {
    let mut askers: BTreeMap<String, Vec<Asked>> = BTreeMap::new();
    for end in &ends {
        (askers.entry(end.target.clone())).or_insert_with(|| askers_of(site, &end.what));
    }
    let not_asked = askers.keys().skip(MOST).map(|target| {
        let detail = format!("only {} are asked for", count(MOST, "name"));
        (target.clone(), Err(Unseen::new(Cause::Missing, detail)))
    });
    let not_asked: Vec<_> = not_asked.collect();
    let seen = stream::iter(askers.into_iter().take(MOST))
        .map(|(target, askers)| async move {
            let told = told(&target, &askers).await;
            (target, told)
        })
        .buffer_unordered(AT_ONCE);
    let seen: Vec<_> = seen.collect().await;
    let seen: BTreeMap<String, Told> = seen.into_iter().chain(not_asked).collect();
    let told = |end: Beyond| {
        let told = seen.get(&end.target)?.clone();
        Some((end, told))
    };
    ends.into_iter().filter_map(told).collect()
}

/// The addresses of a name, none at all among them.
pub(super) type Told = Result<Vec<IpAddr>, Unseen>;

/// Whoever may be asked: the resolvers of the zone that sends there, else those of this machine.
fn askers_of(site: &Site, what: &str) -> Vec<Asked> {
    let name = what.split(". ").next().unwrap_or(what);
    let resolvers = site.zone_of(name).and_then(|zone| zone.resolvers.as_ref());
    match resolvers {
        Some(resolvers) => resolvers.iter().copied().map(Asked::Resolver).collect(),
        None => vec![Asked::System],
    }
}

/// What the first of them says that says anything.
async fn told(name: &str, askers: &[Asked]) -> Told {
    let share = PATIENCE / u32::try_from(askers.len()).unwrap_or(u32::MAX).max(1);
    let mut last = Unseen::new(Cause::Missing, "the playbook names no resolver");
    for asked in askers {
        match names::addresses(name, asked, share).await {
            Ok(found) => return Ok(found.into_iter().map(|address| address.ip).collect()),
            Err(unseen) => last = unseen,
        }
    }
    Err(last)
}

/// What stays, and whether that does not lead to the active site.
pub(super) fn judge(site: &Site, aim: &Aim, end: &Beyond, told: &Told) -> (Stay, Option<Left>) {
    let Beyond { what, target } = end.clone();
    let (idle, active) = (&aim.idle, &aim.active);
    let there: BTreeSet<IpAddr> = (told.iter().flatten().copied())
        .filter(|ip| site.leading_to(idle).contains(ip))
        .collect();
    let texts = |ips: &mut dyn Iterator<Item = &IpAddr>| {
        let texts: Vec<String> = ips.map(ToString::to_string).collect();
        texts.join(" and ")
    };
    let leads_on = |ip: &IpAddr| site.leading_to(active).contains(ip);
    let moves = there.is_empty() && told.iter().flatten().any(leads_on);
    let leads = match told {
        _ if !there.is_empty() => format!("leads to `{idle}` ({})", texts(&mut there.iter())),
        Err(unseen) => format!("where that leads could not be told: {}", unseen.detail),
        Ok(ips) if ips.is_empty() => "has no address".to_owned(),
        Ok(_) if moves => format!("leads to `{active}`"),
        Ok(ips) => format!("leads to neither site ({})", texts(&mut ips.iter())),
    };
    let zone = site.zone_of(&target);
    let and = if told.is_err() { "and" } else { "which" };
    let why = match (what == target, zone) {
        (true, None) => format!("it is in no zone of the playbook, and {leads}"),
        (true, Some(zone)) => format!(
            "another zone than `{}` answers for it, as its NS records say, and {leads}: name that zone in the playbook \
             where it shall move",
            zone.name
        ),
        (false, None) => {
            format!("it leads to `{target}`, {and} {leads}; that is in no zone of the playbook")
        }
        (false, Some(_)) => {
            format!("it leads to `{target}`, {and} {leads}; this step does not move that")
        }
    };
    // Another step may move what is in a zone of the playbook.
    let by = (there.iter().filter(|_| zone.is_some()))
        .map(|ip| {
            RecordKey::new(
                &target,
                if ip.is_ipv4() {
                    RecordType::A
                } else {
                    RecordType::Aaaa
                },
            )
        })
        .collect();
    let left = (!moves).then(|| Left {
        what: what.clone(),
        why: why.clone(),
        leads: match told {
            Err(_) => Leads::Unseen,
            Ok(_) if there.is_empty() => Leads::Neither(None),
            Ok(_) => Leads::To(idle.clone()),
        },
        by,
        hint: there.is_empty(),
    });
    (Stay { what, why }, left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::Honesty;
    use crate::steps::testing::{Book, site};

    #[test]
    fn what_leads_to_the_source_by_a_name_that_nobody_moves_is_left() {
        let site = site(Book::new(Honesty::Atomic, &[]));
        let aim = Aim {
            active: "cloud".into(),
            idle: "dedicated".into(),
            moved: false,
        };
        let back = Aim {
            active: "dedicated".into(),
            idle: "cloud".into(),
            moved: false,
        };
        let ips = |texts: &[&str]| Ok(texts.iter().map(|ip| ip.parse().unwrap()).collect());
        let silent = || Err(Unseen::new(Cause::TimedOut, "nobody answered"));
        let outside = ("www.elsewhere.test", "www.elsewhere.test");
        let alias = ("www.example.org", "primary.hosting.test");
        let other = ("www.example.org. HTTPS", "web.example.org");
        let cases = [
            (
                &aim,
                outside,
                ips(&["192.0.2.10"]),
                "it is in no zone of the playbook, and leads to `dedicated` (192.0.2.10)",
                true,
            ),
            (
                &aim,
                alias,
                ips(&["203.0.113.9", "2001:db8::10"]),
                "it leads to `primary.hosting.test`, which leads to `dedicated` (2001:db8::10); that is in no \
                 zone of the playbook",
                true,
            ),
            (
                &aim,
                other,
                ips(&["192.0.2.10"]),
                "it leads to `web.example.org`, which leads to `dedicated` (192.0.2.10); this step does not move \
                 that",
                true,
            ),
            (
                &back,
                alias,
                ips(&["192.0.2.10"]),
                "it leads to `primary.hosting.test`, which leads to `dedicated`; that is in no zone of the playbook",
                false,
            ),
            (
                &back,
                outside,
                ips(&["198.51.100.20"]),
                "it is in no zone of the playbook, and leads to `cloud` (198.51.100.20)",
                true,
            ),
            (
                &aim,
                outside,
                silent(),
                "it is in no zone of the playbook, and where that leads could not be told: nobody answered",
                true,
            ),
            (
                &aim,
                alias,
                ips(&[]),
                "it leads to `primary.hosting.test`, which has no address; that is in no zone of the playbook",
                true,
            ),
            (
                &aim,
                outside,
                ips(&["203.0.113.9"]),
                "it is in no zone of the playbook, and leads to neither site (203.0.113.9)",
                true,
            ),
        ];
        for (aim, (what, target), told, why, is_left) in cases {
            let end = Beyond {
                what: what.into(),
                target: target.into(),
            };
            let (stay, left) = judge(&site, aim, &end, &told);
            assert_eq!((stay.what.as_str(), stay.why.as_str()), (what, why));
            let by = left.map(|left| (left.why, left.hint, left.by.len()));
            let moved_elsewhere = usize::from(target == "web.example.org");
            // What does not lead to the source stops no run.
            let hint = !why.contains(&format!("leads to `{}`", aim.idle));
            assert_eq!(by, is_left.then(|| (why.into(), hint, moved_elsewhere)));
        }
    }
}
