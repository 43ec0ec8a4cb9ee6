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
        (askers.entry(end.target.clone())).or_insert_with(|| askers_of(site, end));
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

/// The addresses of a name, none at all among them, each with the name at which its record stands.
pub(super) type Told = Result<Vec<(String, IpAddr)>, Unseen>;

/// Whoever may be asked: the resolvers of the zone that sends there, else those of this machine; and where none of them
/// tells, the servers of the zone of the playbook in which that lies.
fn askers_of(site: &Site, end: &Beyond) -> Vec<Asked> {
    let name = end.what.split(". ").next().unwrap_or(&end.what);
    let resolvers = site.zone_of(name).and_then(|zone| zone.resolvers.as_ref());
    let caches: Vec<Asked> = match resolvers {
        Some(resolvers) => resolvers.iter().copied().map(Asked::Resolver).collect(),
        None => vec![Asked::System],
    };
    let own = site.zone_of(&end.target).map(|zone| zone.servers.clone());
    let own = own.filter(|servers| !servers.is_empty());
    caches
        .into_iter()
        .chain(own.map(Asked::Authoritative))
        .collect()
}

/// What the first of them says that says anything.
async fn told(name: &str, askers: &[Asked]) -> Told {
    let share = PATIENCE / u32::try_from(askers.len()).unwrap_or(u32::MAX).max(1);
    let mut last = None;
    for asked in askers {
        match names::ends(name, asked, share).await {
            // A server follows an alias no further than its own zones reach.
            Ok(found) if found.is_empty() && matches!(asked, Asked::Authoritative(_)) => {
                let detail = format!("{asked} give no address for `{name}`");
                last.get_or_insert(Unseen::new(Cause::Missing, detail));
            }
            Ok(found) => {
                let found = found.into_iter().map(|(end, address)| (end, address.ip));
                return Ok(found.collect());
            }
            // Why the caches did not tell comes first.
            Err(unseen) => {
                last.get_or_insert(unseen);
            }
        }
    }
    let none = || Unseen::new(Cause::Missing, "the playbook names no resolver");
    Err(last.unwrap_or_else(none))
}

/// What stays, and whether that does not lead to the active site. `ours` are the sets that lead to either site and are
/// moved where they do not lead to the active one: whoever comes back to one of them goes with it.
pub(super) fn judge(
    site: &Site,
    aim: &Aim,
    ours: &BTreeSet<RecordKey>,
    end: &Beyond,
    told: &Told,
) -> (Stay, Option<Left>) {
    let Beyond { what, target, .. } = end.clone();
    let (idle, active) = (&aim.idle, &aim.active);
    let ips: BTreeSet<IpAddr> = told.iter().flatten().map(|(_, ip)| *ip).collect();
    // Where a record stands in a zone of the playbook, a step may move it.
    let by: BTreeSet<RecordKey> = (told.iter().flatten())
        .filter(|(_, ip)| site.leading_to(idle).contains(ip))
        .map(|(end, ip)| {
            let rtype = if ip.is_ipv4() {
                RecordType::A
            } else {
                RecordType::Aaaa
            };
            RecordKey::new(end, rtype)
        })
        .collect();
    let here = |key: &RecordKey| site.zone_of(&key.name).is_some();
    if let Some(first) = by.first()
        && by.is_subset(ours)
    {
        let why = match first.name == target {
            true => format!("it leads to `{target}` and goes with it"),
            false => {
                let back = &first.name;
                format!("it leads to `{target}`, which leads back to `{back}`, and goes with that")
            }
        };
        return (Stay { what, why }, None);
    }
    let by = match by.iter().all(here) {
        true => by,
        false => BTreeSet::new(),
    };
    let there: BTreeSet<IpAddr> = (ips.iter().copied())
        .filter(|ip| site.leading_to(idle).contains(ip))
        .collect();
    let texts = |ips: &mut dyn Iterator<Item = &IpAddr>| {
        let texts: Vec<String> = ips.map(ToString::to_string).collect();
        texts.join(" and ")
    };
    let leads_on = |ip: &IpAddr| site.leading_to(active).contains(ip);
    let moves = there.is_empty() && ips.iter().any(leads_on);
    let leads = match told {
        _ if !there.is_empty() => format!("leads to `{idle}` ({})", texts(&mut there.iter())),
        Err(unseen) => format!("where that leads could not be told: {}", unseen.detail),
        Ok(_) if ips.is_empty() => "has no address".to_owned(),
        Ok(_) if moves => format!("leads to `{active}`"),
        Ok(_) => format!("leads to neither site ({})", texts(&mut ips.iter())),
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
    use crate::world::dns::tests::{Scripted, a, anywhere, reply};

    /// Without a resolver the servers of the zone tell, as far as that zone reaches.
    #[tokio::test]
    async fn what_an_alias_leads_to_in_a_zone_of_the_playbook_is_asked_of_its_servers() {
        let server = Scripted::start(anywhere(), |query, _| {
            let mut out = reply(query);
            let asked = &query.queries[0];
            let is_there = asked.name().to_ascii() == "www.example.net.";
            if is_there && asked.query_type() == crate::world::dns::RecordType::A {
                out.add_answer(a("www.example.net", 60, "192.0.2.10"));
            }
            vec![out.to_vec().unwrap()]
        })
        .await;
        let mut site = site(Book::new(Honesty::Atomic, &[]));
        let zone = site.zones.get_mut("example.org").unwrap();
        zone.resolvers = Some(Vec::new());
        let mut other = zone.clone();
        (other.name, other.servers) = ("example.net".into(), vec![server.at]);
        site.zones.insert("example.net".into(), other);
        let ends = ["www.example.net", "on.example.net", "www.elsewhere.test"];
        let ends = ends.map(|target| Beyond {
            what: "www.example.org".into(),
            target: target.into(),
            unmoved: false,
        });
        let seen = look(&site, ends.to_vec()).await;
        let seen: Vec<Told> = seen.into_iter().map(|(_, told)| told).collect();
        let there = ("www.example.net".to_owned(), "192.0.2.10".parse().unwrap());
        assert_eq!(seen[0], Ok(vec![there]));
        let why = |told: &Told| told.as_ref().unwrap_err().detail.clone();
        assert!(
            why(&seen[1]).contains("`on.example.net`"),
            "{}",
            why(&seen[1])
        );
        assert_eq!(why(&seen[2]), "the playbook names no resolver");
    }

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
        let ips = |texts: &[&str]| -> Result<Vec<IpAddr>, Unseen> {
            Ok(texts.iter().map(|ip| ip.parse().unwrap()).collect())
        };
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
                unmoved: false,
            };
            let told = told.map(|ips| ips.into_iter().map(|ip| (target.into(), ip)).collect());
            let (stay, left) = judge(&site, aim, &BTreeSet::new(), &end, &told);
            assert_eq!((stay.what.as_str(), stay.why.as_str()), (what, why));
            let by = left.map(|left| (left.why, left.hint, left.by.len()));
            let moved_elsewhere = usize::from(target == "web.example.org");
            // What does not lead to the source stops no run.
            let hint = !why.contains(&format!("leads to `{}`", aim.idle));
            assert_eq!(by, is_left.then(|| (why.into(), hint, moved_elsewhere)));
        }
    }

    /// A name of the playbook's zones, an alias that somebody else keeps, and back into them.
    #[test]
    fn a_chain_that_comes_back_goes_with_the_set_that_moves() {
        let site = site(Book::new(Honesty::Atomic, &[]));
        let aim = |active: &str, idle: &str| Aim {
            active: active.into(),
            idle: idle.into(),
            moved: false,
        };
        let there = aim("cloud", "dedicated");
        let end = Beyond {
            what: "api.example.org".into(),
            target: "hop.elsewhere.test".into(),
            unmoved: false,
        };
        let key = |text: &str| text.parse::<RecordKey>().unwrap();
        let (a, aaaa) = ("web.example.org. A", "web.example.org. AAAA");
        let web = |ip: &str| ("web.example.org".to_owned(), ip.parse().unwrap());
        let both = vec![web("192.0.2.10"), web("2001:db8::10")];
        for (ours, told, by) in [
            (&[a, aaaa][..], both.clone(), None),
            // One of them is not this step's: another step may move it.
            (&[a], both.clone(), Some(2)),
            (&[], both.clone(), Some(2)),
            // One stands where nobody moves it.
            (
                &[a, aaaa],
                [
                    both,
                    vec![("hop.elsewhere.test".into(), "192.0.2.10".parse().unwrap())],
                ]
                .concat(),
                Some(0),
            ),
            // It moved already.
            (&[a, aaaa], vec![web("198.51.100.20")], None),
        ] {
            let ours = ours.iter().map(|text| key(text)).collect();
            let (stay, left) = judge(&site, &there, &ours, &end, &Ok(told));
            assert_eq!(left.map(|left| left.by.len()), by, "{}", stay.why);
            let follows = "it leads to `hop.elsewhere.test`, which leads ";
            assert!(stay.why.starts_with(follows), "{}", stay.why);
        }
        let ours = [key(a)].into();
        let back = aim("dedicated", "cloud");
        let (stay, left) = judge(&site, &back, &ours, &end, &Ok(vec![web("198.51.100.20")]));
        assert_eq!(left, None);
        assert!(
            stay.why
                .ends_with("leads back to `web.example.org`, and goes with that"),
            "{}",
            stay.why
        );
    }
}
