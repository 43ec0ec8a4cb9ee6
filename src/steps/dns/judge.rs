//! Whether what a plan would write can be written: there, and back.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;

use super::zone_at;
use crate::dns::RecordKey;
use crate::event::Unseen;
use crate::plan::{Edit, Stay};
use crate::site::{Site, Zone};
use crate::step::Survey;

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
    let (mut doubts, mut notes) = (stays(grounds.hidden), stays(grounds.notes));
    // A primary that nobody else is to ask may show them whatever it wants.
    let is_asked = |server| zone.servers.contains(&server);
    if !provider.written_at().is_some_and(is_asked) {
        notes.append(&mut doubts);
    }
    // Of two addresses of a family one at least is a secondary's, and is waited for behind the change.
    let several = |v4| {
        let mut family = zone.servers.iter().filter(|at| at.is_ipv4() == v4);
        family.nth(1).is_some()
    };
    let unfetched = stays(grounds.unfetched);
    match several(true) || several(false) {
        true => doubts.extend(unfetched),
        false => notes.extend(unfetched),
    }
    Ok(Judged {
        reasons,
        doubts,
        notes,
    })
}
