//! What stands at the end of a run, change by change, and who serves as far as it was seen.

use super::super::numbers::{count, list};
use super::super::tally::{Serves, Standing, Tally};
use super::super::text::{Line, Role, Style};
use super::made::Made;
use super::{LABEL, label};
use crate::event::{Ending, Round};
use crate::plan::{Mode, Outcome, Plan, Way};

/// When a place was read that nobody has read since its run was resumed.
const BEFORE: &str = "when it was last read, before it was resumed";

pub(super) fn now(tally: &Tally, plan: &Plan, style: &Style) -> Vec<Line> {
    let source = plan.home();
    let target = plan.direction.target.as_str();
    let standing = |which: fn(Standing) -> bool| {
        (plan.entries.iter().enumerate())
            .filter(|(i, entry)| entry.writes() && entry.there && which(tally.standing(*i)))
            .count()
    };
    let changes = (plan.entries.iter())
        .filter(|entry| entry.writes() && entry.there)
        .count();
    let back = standing(|s| s == Standing::PutBack);
    let all = count(changes, "change");
    // What was so already was made by nobody here.
    let already = standing(|s| s == Standing::Already);
    let made = Made::of(
        (plan.entries.iter().enumerate())
            .filter(|(_, entry)| entry.writes() && entry.there)
            .map(|(i, _)| tally.standing(i)),
    );
    let so = match already {
        0 => String::new(),
        already => format!(", {already} was so already"),
    };
    let others = standing(|s| s == Standing::Foreign);
    let stand = || standing(|s| matches!(s, Standing::Stands | Standing::Already));
    // Who serves is said only of what a check saw after the last write.
    let side = tally.seen_serving().map(|(way, all)| match way {
        Way::There => (target, all),
        Way::Back => (source, all),
    });
    // Where the names led to both sides before the run, back is to both.
    let apart = match tally.seen_serving() {
        Some((Way::Back, _)) => &plan.apart[..],
        _ => &[],
    };
    let served = |again: &str| match side {
        Some((_, true)) if !apart.is_empty() => {
            let each: Vec<String> = apart.iter().map(ToString::to_string).collect();
            format!(
                "each name was seen to lead where it led before: {}; ",
                list(&each)
            )
        }
        Some((side, true)) => format!("{side} serves{again}; "),
        _ => String::new(),
    };
    let unseen = match side {
        Some((_, true)) if tally.is_undone_unseen() => "; not everything was seen".to_owned(),
        Some((_, true)) => String::new(),
        Some((_, false)) if !apart.is_empty() => {
            "; not every name was seen to lead where it led before".to_owned()
        }
        Some((side, false)) => format!("; not everything was seen to lead to {side}"),
        None => match &tally.seen_not_serving()[..] {
            [] => "; no check has seen since which side serves".to_owned(),
            saw => format!("; no side is seen to serve: {}", saw.join(", ")),
        },
    };
    let unproven = match &side {
        Some((_, false)) => unseen.as_str(),
        _ => "; not everything was seen",
    };
    // What was read before the run was resumed may be long ago.
    let old = (plan.entries.iter().enumerate())
        .filter(|(i, entry)| entry.writes() && entry.there && tally.is_from_before(*i))
        .count();
    let (stand_s, stand_p, once) = match old {
        0 => ("stands", "stand", String::new()),
        old if old == changes => ("stood", "stood", format!(" {BEFORE}")),
        old => {
            let once = format!(" when they were last read, {old} of them before it was resumed");
            ("stood", "stood", once)
        }
    };
    let text = match (tally.ending(), plan.mode) {
        (Some(Ending::Done | Ending::DoneUnproven), Mode::Plan) if changes == 0 => {
            "nothing was changed, and there is nothing to change".to_owned()
        }
        (Some(Ending::Refused), _) if plan.led_there && !tally.ever_wrote() => {
            format!("nothing was changed: the names lead to {target} already")
        }
        (_, Mode::Check | Mode::Plan) => "nothing was changed".to_owned(),
        (Some(Ending::Done | Ending::DoneUnproven), Mode::Drill) if tally.remains() => {
            format!(
                "{}{}{so}, and none put back{unseen}",
                served(""),
                made.told()
            )
        }
        (Some(Ending::Done), Mode::Drill) if tally.anything_stands() => {
            let left = standing(|s| {
                !matches!(
                    s,
                    Standing::Untouched | Standing::Already | Standing::PutBack
                )
            });
            let again = served(" again");
            format!("{again}{back} of {all} put back, {left} left standing{unseen}")
        }
        (Some(Ending::Done), Mode::Drill) => {
            let (again, made) = (served(" again"), made.and_back());
            format!("{again}{made} made, seen, and put back{unseen}")
        }
        (Some(Ending::DoneUnproven), Mode::Drill) => {
            let (again, made) = (served(" again"), made.and_back());
            // One that only said that it was done may never have been made.
            format!("{again}{made} put back{unproven}")
        }
        (Some(Ending::Done | Ending::DoneUnproven), _) if !tally.ever_wrote() => {
            format!(
                "{}no change was needed, and none was made{unseen}",
                served("")
            )
        }
        (Some(Ending::Done), _) => {
            format!("{}{} and seen{so}{unseen}", served(""), made.told())
        }
        (Some(Ending::DoneUnproven), _) => {
            format!("{}{}{so}{unproven}", served(""), made.told())
        }
        (Some(Ending::Refused | Ending::Stale), _) => "nothing was changed".to_owned(),
        (Some(Ending::Undone), _) if tally.old_side_is_sick() => {
            let back = match back {
                0 => "no change took effect".to_owned(),
                back => format!("{} put back, as before", count(back, "change")),
            };
            format!("{back}{}", sick(tally, plan))
        }
        (Some(Ending::Undone), _) if back == 0 => {
            format!("{}no change took effect{unseen}", served(", as before"))
        }
        (Some(Ending::Undone), _) => {
            let back = count(back, "change");
            format!("{}{back} put back{unseen}", served(", as before"))
        }
        (Some(Ending::Held), _) if tally.is_left_to_others() => {
            let parts = [
                (back, "put back"),
                (
                    others,
                    "of which nothing is left but what somebody else wrote",
                ),
                (tally.left_as_accepted(), "left as accepted"),
                (tally.never_written(), "never made, and left as it is"),
            ];
            let parts = parts.into_iter().filter(|(n, _)| *n > 0);
            let mut parts: Vec<String> = parts
                .map(|(n, how)| format!("{} {how}", count(n, "change")))
                .collect();
            if others + tally.left_as_accepted() + tally.never_written() == 0 {
                parts.push("not all is as it was before, as was accepted".to_owned());
            }
            let sick = sick(tally, plan);
            format!("{}{unseen}{sick}", parts.join(", "))
        }
        (Some(Ending::Held), _) if others > 0 && !tally.can_go_back() => {
            let parts = [
                (back, "put back"),
                (others, "changed by somebody else since"),
            ];
            let parts = parts.into_iter().filter(|(n, _)| *n > 0);
            let parts: Vec<String> = parts
                .map(|(n, how)| format!("{} {how}", count(n, "change")))
                .collect();
            format!(
                "no change of this run {stand_s}{once}; {}{unseen}",
                parts.join(", ")
            )
        }
        (Some(Ending::Held | Ending::Stopped) | None, _) => match tally.serves() {
            Serves::Source if back > 0 => {
                format!(
                    "no change {stand_s}{once}; {} put back{unseen}",
                    count(back, "change")
                )
            }
            Serves::Source => "nothing was changed".to_owned(),
            Serves::Target if changes == 1 => format!("the change {stand_s}{once}{unseen}"),
            Serves::Target => format!("all of {all} {stand_p}{once}{unseen}"),
            Serves::Unsure if stand() + back == 0 => format!("not known: {all} may stand, or not"),
            Serves::Unsure => format!(
                "between the sites: {} of {all} seen to stand{once}",
                stand()
            ),
        },
    };
    let mut lines = label("Now").text(text).wrap(style.width, LABEL);
    if tally.ever_wrote() {
        let room = style.width.saturating_sub(LABEL + 2 + 24).max(12);
        let id_width = (plan.entries.iter())
            .filter(|entry| entry.writes() && entry.there)
            .map(|entry| entry.id.chars().count())
            .max()
            .unwrap_or(0)
            .min(room);
        for (i, entry) in plan.entries.iter().enumerate() {
            if !entry.writes() || !entry.there {
                continue;
            }
            let (role, word) = match tally.standing(i) {
                Standing::Untouched if is_astray(tally, i) => match has_side(tally, i) {
                    true => (Role::Bad, "not changed by this run, and not as before"),
                    false => (
                        Role::Unclear,
                        "not changed by this run, and could not be read at the end",
                    ),
                },
                Standing::Untouched if tally.is_left(i) => {
                    (Role::Bad, "not changed by this run, and left as it is")
                }
                Standing::Untouched => (Role::Dim, "not changed"),
                Standing::Stands => (Role::Strong, "stands"),
                Standing::Already => (Role::Dim, "was so already"),
                Standing::PutBack if entry.ttls_untold => (Role::Unclear, "data as before"),
                Standing::PutBack if entry.blind => (Role::Good, "data and TTLs as before"),
                Standing::PutBack => (Role::Good, "as before"),
                Standing::Half => (Role::Bad, "only part of it stands"),
                Standing::Foreign => (Role::Bad, "changed by somebody else"),
                Standing::Torn => (
                    Role::Bad,
                    "holds neither value, perhaps by a write of this run",
                ),
                Standing::Unclear => (Role::Unclear, "begun, and not seen since"),
                Standing::Contradicted => (Role::Unclear, tally.contradicted(i)),
            };
            let (role, word) = match tally.is_from_before(i) {
                true => (
                    Role::Unclear,
                    format!("{} {BEFORE}", was(tally.standing(i), word)),
                ),
                false => (role, word.to_owned()),
            };
            let id = Line::new().and(Role::Plain, &entry.id).cut(id_width, style);
            lines.push(
                Line::new()
                    .text(" ".repeat(LABEL))
                    .line(id)
                    .pad_to(LABEL + id_width + 2)
                    .and(role, word),
            );
        }
    }
    if let Some(by) = tally.accepted_by() {
        let text = format!("{by} let it go on with what was not proven");
        lines.extend(label("").and(Role::Dim, text).wrap(style.width, LABEL));
    }
    lines
}

/// How a place was once, where this is how it is.
fn was(standing: Standing, is: &'static str) -> &'static str {
    match standing {
        Standing::Stands => "stood",
        Standing::Half => "only part of it stood",
        Standing::Torn => "held neither value, perhaps by a write of this run,",
        _ => is,
    }
}

/// Whether the place of a change that this run never wrote was seen not to be as before.
fn is_astray(tally: &Tally, entry: usize) -> bool {
    let seen = tally.finding(Round::Verify, entry);
    seen.is_some_and(|seen| seen.outcome > Outcome::Warn)
}

/// Whether that place could be read then.
fn has_side(tally: &Tally, entry: usize) -> bool {
    let seen = tally.finding(Round::Verify, entry);
    seen.is_some_and(|seen| seen.side.is_some())
}

/// That the places lead to a side that was not seen to serve, and why.
fn sick(tally: &Tally, plan: &Plan) -> String {
    let Some((entry, finding)) = tally.old_side_sick() else {
        return String::new();
    };
    let (source, id) = (plan.home(), &plan.entries[entry].id);
    format!(
        "; {source} was not seen to serve: {id} {}: {}",
        finding.outcome, finding.headline
    )
}
