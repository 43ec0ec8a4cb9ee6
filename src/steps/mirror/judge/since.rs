//! What is known of the target now, where the comparison of the trees is an earlier one: the source is dead, and the
//! target is not.

use std::cmp::Ordering;
use std::time::Duration;

use super::{Rows, Seen, seen, size};
use crate::clock::short;
use crate::plan::Outcome;
use crate::step::Evidence;
use crate::steps::mirror::changed::Holding;
use crate::steps::mirror::stats::Tree;
use crate::steps::mirror::totals::Total;
use crate::words::count_of;

/// Holds what the target holds now against what it held when the trees were compared, `age` ago.
pub(super) fn held(
    rows: &mut Rows,
    evidence: &Evidence,
    tree: &Tree,
    age: Duration,
    (source, target): (&str, &str),
) {
    let what = format!("what {target} holds");
    let expected = format!(
        "as much as {} ago, and nothing of it changed since",
        short(age)
    );
    let not_known = |why: String| {
        format!(
            "whether `{target}` still holds what it held {} ago is not known: {why}",
            short(age)
        )
    };
    let (outcome, actual) = match (tree.held, now(evidence, source, target)) {
        (None, _) => {
            let why = "how much that was, was not counted then".to_owned();
            (Outcome::Unknown, not_known(why))
        }
        (_, Err(why)) => (Outcome::Unknown, not_known(why)),
        (Some(then), Ok(now)) if then == now.total => {
            let much = format!("as much as then: {}", told(then));
            match changed(tree, &now) {
                None => (
                    Outcome::Pass,
                    format!("{much}, and nothing of it changed since"),
                ),
                Some(why) => (Outcome::Unknown, not_known(format!("{much}, {why}"))),
            }
        }
        (Some(then), Ok(Holding { total: now, .. })) => {
            let how = match now.cmp_size(then) {
                Ordering::Less => "less",
                Ordering::Equal => "something else",
                Ordering::Greater => "more",
            };
            let actual = format!(
                "`{target}` holds {how} than {} ago: {} then, {} now; whether it holds all of `{source}` is not known",
                short(age),
                told(then),
                told(now)
            );
            (Outcome::Unknown, actual)
        }
    };
    rows.row(outcome, &what, expected, actual);
}

/// Why as much as then need not be the same as then.
fn changed(tree: &Tree, now: &Holding) -> Option<String> {
    let Some(then) = &tree.moment else {
        return Some("and names were not compared".to_owned());
    };
    if then.folder != now.folder {
        return Some("and it is another folder".to_owned());
    }
    let (at, name) = now.newest.as_ref()?;
    (*at >= then.at).then(|| format!("and `{name}` was changed since"))
}

/// What the target holds now; or why nobody knows.
fn now(evidence: &Evidence, source: &str, target: &str) -> Result<Holding, String> {
    match seen::<Option<Holding>>(evidence, &format!("holds {source} -> {target}")) {
        Some(Seen::Yes(Some(total), None)) => Ok(total),
        Some(Seen::Yes(_, Some((_, why)))) | Some(Seen::No(why)) => Err(why.detail),
        Some(Seen::Yes(None, None)) | None => Err("it was not counted now".to_owned()),
    }
}

fn told(total: Total) -> String {
    format!(
        "{} ({})",
        count_of(
            total.entries.saturating_sub(1),
            "file, folder or link",
            "files, folders and links"
        ),
        size(total.bytes)
    )
}
