//! Whether what a plan would write can be written: there, and back.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use futures::future::join_all;

use super::look::LISTING;
use super::zone_at;
use crate::dns::RecordKey;
use crate::event::Unseen;
use crate::plan::{Edit, Stay};
use crate::site::{Site, Zone};
use crate::step::Survey;
use crate::world::delegation;

/// How long one name server may take for one question.
const ONE_QUESTION: Duration = Duration::from_secs(4);

/// Asks the provider of each zone whether every edit can be written, there and back, and adds what speaks
/// against it to the survey.
pub(super) async fn judge(site: &Site, survey: &mut Survey) -> Result<(), Unseen> {
    let mut zones: BTreeMap<&str, (&Zone, Vec<&Edit>)> = BTreeMap::new();
    for edit in &survey.edits {
        if let Some(zone) = zone_at(site, &edit.place) {
            let (_, edits) = zones.entry(&zone.name).or_insert((zone, Vec::new()));
            edits.push(edit);
        }
    }
    let judged = (zones.into_values()).map(|(zone, edits)| judge_zone(zone, edits));
    let mut refusals = BTreeSet::new();
    for judged in join_all(judged).await {
        let judged = judged?;
        refusals.extend(judged.reasons);
        survey.doubts.extend(judged.doubts);
        survey.stays.extend(judged.notes);
        survey.ttls_untold |= judged.ttls_untold;
    }
    survey.refusals.extend(refusals);
    Ok(())
}

/// What speaks against the edits of one zone.
struct Judged {
    reasons: Vec<String>,
    /// A server that is asked afterwards will not show them.
    doubts: Vec<Stay>,
    /// What a person should know.
    notes: Vec<Stay>,
    ttls_untold: bool,
}

async fn judge_zone(zone: &Zone, edits: Vec<&Edit>) -> Result<Judged, Unseen> {
    let keys: BTreeSet<RecordKey> = (edits.iter())
        .flat_map(|edit| edit.before.0.keys().chain(edit.after.0.keys()))
        .filter_map(|key| key.parse().ok())
        .collect();
    let keys: Vec<RecordKey> = keys.into_iter().collect();
    let provider = &zone.provider;
    let grounds = provider
        .grounds(&zone.name, &keys)
        .await
        .map_err(|unseen| {
            let name = &zone.name;
            let detail = format!(
                "cannot tell whether `{name}` can be written: {}",
                unseen.detail
            );
            Unseen::new(unseen.cause, detail)
        })?;
    let mut reasons = Vec::new();
    for edit in edits {
        let judge = |from, to| {
            let judged = provider.judge(&zone.name, &grounds, from, to);
            judged.err().unwrap_or_default()
        };
        let there = judge(&edit.before, &edit.after);
        let back = judge(&edit.after, &edit.before).into_iter();
        let only_back = back.filter(|why| !there.contains(why));
        reasons.extend(only_back.map(|why| format!("there would be no way back: {why}")));
        reasons.extend(there);
    }
    let stays = |whys: Vec<String>| -> Vec<Stay> {
        let stay = |why| Stay {
            what: zone.name.clone(),
            why,
        };
        whys.into_iter().map(stay).collect()
    };
    // Whom the look after the change asks matters only where there is something that they would not show.
    let asked = match grounds.hidden.is_empty() && grounds.unfetched.is_empty() {
        true => Vec::new(),
        false => asked(zone).await,
    };
    let (mut doubts, mut notes) = (Vec::new(), stays(grounds.notes));
    let mut add = |stays: Vec<Stay>, stop: bool| match stop {
        true => doubts.extend(stays),
        false => notes.extend(stays),
    };
    let written = provider.written_at();
    add(stays(grounds.hidden), is_asked(&asked, written));
    add(stays(grounds.unfetched), are_several(&asked));
    Ok(Judged {
        reasons,
        doubts,
        notes,
        ttls_untold: grounds.ttls_untold,
    })
}

/// The servers that are asked after the change; none where they cannot be told now.
async fn asked(zone: &Zone) -> Vec<SocketAddr> {
    let resolvers = zone.resolvers.as_deref();
    let found = delegation::servers(&zone.name, &zone.servers, resolvers, ONE_QUESTION);
    let found = tokio::time::timeout(LISTING, found).await;
    found.ok().and_then(Result::ok).unwrap_or_default()
}

/// Whether the server that is written is among them: a primary that nobody else is to ask may show whatever it wants.
fn is_asked(asked: &[SocketAddr], written: Option<SocketAddr>) -> bool {
    written.is_some_and(|server| asked.contains(&server))
}

/// Whether one of them is a secondary, and is waited for behind the change: of two addresses of a family one is.
fn are_several(asked: &[SocketAddr]) -> bool {
    let of = |v4: bool| asked.iter().filter(|at| at.is_ipv4() == v4).count();
    of(true) > 1 || of(false) > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secondaries_are_asked_where_a_family_has_two_addresses() {
        let at = |text: &str| -> SocketAddr { text.parse().unwrap() };
        let [one, other, six] = ["192.0.2.1:53", "192.0.2.2:53", "[2001:db8::1]:53"].map(at);
        for (asked, several) in [
            (&[][..], false),
            (&[one], false),
            (&[one, six], false),
            (&[one, six, other], true),
        ] {
            assert_eq!(are_several(asked), several, "{asked:?}");
            assert_eq!(is_asked(asked, Some(other)), several, "{asked:?}");
            assert!(!is_asked(asked, None));
        }
    }
}
