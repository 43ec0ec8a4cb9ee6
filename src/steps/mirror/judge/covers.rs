//! Whether the comparison covers what it seems to: where links lead, and which folder rsync reads.

use super::files::notes;
use super::{Rows, Seen, seen, size};
use crate::event::Advice;
use crate::plan::Outcome;
use crate::step::Evidence;
use crate::steps::mirror::Walk;
use crate::steps::mirror::ground::{Leads, is_identity};
use crate::steps::mirror::stamps::Stamps;
use crate::steps::mirror::stats::{EXAMPLES, Tree};
use crate::steps::mirror::totals::{Own, Total};
use crate::words::{count, count_of, verb_of};

/// How many links on the target do not lead into what is compared.
pub(super) fn uncovered(evidence: &Evidence, target: &str) -> u64 {
    match seen::<Walk>(evidence, &format!("links {target}")) {
        Some(Seen::Yes(walk, _)) => walk.links.outside.lines + walk.links.dangling,
        Some(Seen::No(_)) | None => 0,
    }
}

/// Whether the links on the target lead into what is compared.
pub(super) fn links(rows: &mut Rows, evidence: &Evidence, source: &str, target: &str) {
    let what = format!("links on {target}");
    let here = match seen::<Walk>(evidence, &format!("links {target}")) {
        None => return,
        Some(Seen::No(unseen)) => {
            rows.unseen(&what, "lead into what is compared", &unseen);
            return;
        }
        Some(Seen::Yes(walk, recorded)) => {
            rows.recorded(&what, recorded.as_ref());
            walk.links
        }
    };
    if here.outside.lines > 0 {
        let actual = format!(
            "{} on `{target}` {} out of what is compared, and what is there was not compared: {}; a step of its own can compare that",
            count(here.outside.lines, "link"),
            lead(here.outside.lines),
            notes(&here.outside)
        );
        rows.row(Outcome::Warn, &what, "lead into what is compared", actual);
    }
    if here.dangling > 0 {
        let there = match seen::<Walk>(evidence, &format!("readable {source}")) {
            Some(Seen::Yes(walk, None)) => here.lost(&walk.links),
            _ => None,
        };
        let first = here.names.iter().take(EXAMPLES);
        let first: Vec<&str> = first.map(String::as_str).collect();
        let all = count(here.dangling, "link");
        let (outcome, actual) = match there {
            Some((lost, first)) if lost > 0 => {
                let actual = format!(
                    "{} on `{target}` {} to what is not there, and on `{source}` it is: {}",
                    count(lost, "link"),
                    lead(lost),
                    first.join(", ")
                );
                (Outcome::Fail, actual)
            }
            Some(_) => {
                let actual = format!(
                    "{all} on `{target}` {} to what is on neither host: {}",
                    lead(here.dangling),
                    first.join(", ")
                );
                (Outcome::Warn, actual)
            }
            None => {
                let actual = format!(
                    "{all} {} to what is not there on `{target}`; whether it is on `{source}` was not seen: {}",
                    lead(here.dangling),
                    first.join(", ")
                );
                (Outcome::Warn, actual)
            }
        };
        rows.row(outcome, &what, "lead to what is there", actual);
    }
}

fn lead(links: u64) -> &'static str {
    verb_of(links, "leads", "lead")
}

/// Whether rsync reads the source, and not the target's own folder once more.
pub(super) fn way(rows: &mut Rows, evidence: &Evidence, source: &str, target: &str) {
    let what = format!("the way from {target} to {source}");
    let expected = format!("leads to {source}");
    let leads = match seen::<Leads>(evidence, &format!("way {source} -> {target}")) {
        None | Some(Seen::Yes(_, Some(_))) => return,
        Some(Seen::No(unseen)) => return rows.unseen(&what, &expected, &unseen),
        Some(Seen::Yes(leads, None)) => leads,
    };
    let looked_at = match seen::<Stamps>(evidence, &format!("stamps {source}")) {
        Some(Seen::Yes(stamps, None)) => Some(stamps.folder).filter(|at| is_identity(at)),
        _ => None,
    };
    let itself = leads
        .there
        .as_ref()
        .is_some_and(|there| *there == leads.here);
    if itself {
        let actual = format!(
            "`{target}` would be compared with itself: `{}` leads back to its own folder",
            leads.way
        );
        rows.row(Outcome::Fail, &what, expected, actual);
    } else if let (None, Some(own)) = (&leads.there, &leads.own) {
        let actual = format!(
            "`{target}` would be compared with itself: `{}` leads to `{own}`, which is its own address",
            leads.way
        );
        rows.row(Outcome::Fail, &what, expected, actual);
    } else if leads.back() == Some(true) {
        let actual = format!(
            "`{target}` would be compared with itself: `{}` leads to its own loopback",
            leads.way
        );
        rows.row(Outcome::Fail, &what, expected, actual);
    } else if let (Some(there), Some(looked_at)) = (&leads.there, &looked_at)
        && there != looked_at
    {
        let actual = format!(
            "`{}` leads `{target}` to another folder than the one that `{source}` itself shows",
            leads.way
        );
        return rows.row(Outcome::Unknown, &what, expected, actual);
    } else {
        let tree = match seen::<Tree>(evidence, &format!("tree {source} -> {target}")) {
            Some(Seen::Yes(tree, None)) => tree,
            _ => return,
        };
        return shown(rows, &leads, &tree, &what, expected);
    }
    rows.lasting = true;
    rows.advice = vec![Advice::Mend(format!(
        "give the address of `{source}` as `{target}` reaches it: `from = {{ {source} = \"…\" }}`"
    ))];
}

/// Whether what the way shows is what the source itself shows.
fn shown(rows: &mut Rows, leads: &Leads, tree: &Tree, what: &str, expected: String) {
    let (way, source, target) = (&leads.way, &tree.source, &tree.target);
    let proven = leads.there.is_some();
    let led_back = leads.daemon && leads.serves && !leads.loopback && tree.nothing_differs();
    // With itself nothing could differ.
    let unseen = leads.back().is_none() && tree.nothing_differs();
    let (outcome, actual) = match &tree.own {
        Some(Own::Same | Own::Unseen(_)) | None if unseen => (
            Outcome::Unknown,
            format!(
                "`{way}` leads to the loopback of `{target}` itself, and nothing at all differs: whether a tunnel listens \
                 there or its own daemon was not seen; root sees it, with `ss` (iproute2), and over ssh it is seen"
            ),
        ),
        Some(Own::Same | Own::Unseen(_)) | None if led_back => (
            Outcome::Warn,
            format!(
                "`{target}` serves rsync itself, and nothing at all differs: whether `{way}` leads to another machine \
                 cannot be told over a daemon; over ssh it can: `from = {{ {source} = \"HOST:/path\" }}`"
            ),
        ),
        Some(Own::Other(own)) => (
            Outcome::Unknown,
            format!(
                "`{way}` shows {}, and `{source}` itself {}: it leads to another folder or host, or hides files",
                amount(&Total::of(tree)),
                amount(own)
            ),
        ),
        Some(Own::Moving) => (
            Outcome::Warn,
            format!(
                "`{source}` changed while it was counted, so whether `{way}` leads there was not seen"
            ),
        ),
        Some(Own::Same) if leads.loopback => (
            Outcome::Warn,
            format!(
                "`{way}` leads over the loopback of `{target}`; there and on `{source}` are {}, which a tunnel to it would \
                 show, and its own folder might too",
                amount(&Total::of(tree))
            ),
        ),
        Some(Own::Unseen(why)) if leads.loopback && !proven => (
            Outcome::Unknown,
            format!(
                "`{way}` leads over the loopback of `{target}`, and `{source}` itself was not counted: {why}"
            ),
        ),
        None if leads.loopback && tree.daemon && !proven => (
            Outcome::Warn,
            format!(
                "`{way}` leads over the loopback of `{target}`: whether to `{source}` was not seen"
            ),
        ),
        Some(Own::Unseen(why)) => (
            Outcome::Pass,
            format!("`{source}` itself was not counted: {why}"),
        ),
        Some(Own::Same) | None => return,
    };
    if outcome == Outcome::Unknown {
        rows.advice.push(Advice::Try(format!(
            "on `{target}`: rsync {way}/ and compare with the folder on `{source}`"
        )));
    }
    rows.row(outcome, what, expected, actual);
}

/// `11 files, folders and links (1.5 GiB)`.
fn amount(total: &Total) -> String {
    let entries = total.entries.saturating_sub(1);
    let entries = count_of(entries, "file, folder or link", "files, folders and links");
    format!("{entries} ({})", size(total.bytes))
}
