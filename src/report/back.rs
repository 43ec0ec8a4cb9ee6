//! What a rollback puts back, as a person reviews it, and what that would lose.

use super::numbers::{count, date_time, time_of_day};
use super::plan::Commands;
use super::tally::{Standing, Tally};
use super::text::{Line, Role, Style};
use super::zone::difference;
use crate::clock::Stamp;
use crate::event::{Fact, Finding, Round};
use crate::machine::Hold;
use crate::plan::{Edit, Nature, Outcome, Side};

/// How the places were seen just now, and what the looks at the old side found.
#[derive(Clone, Copy, Debug)]
pub struct SeenNow<'a> {
    pub places: &'a [SeenPlace<'a>],
    pub gates: &'a [(usize, Finding)],
    /// A place that the run put back is not as before.
    pub led_again: bool,
    /// What a person moved, and has to move back.
    pub by_hand: &'a [&'a Fact],
}

/// How the place of an entry was seen just now.
#[derive(Clone, Copy, Debug)]
pub struct SeenPlace<'a> {
    pub entry: usize,
    /// Or why it cannot be read.
    pub side: &'a Result<Side, String>,
    /// Each part that somebody else wrote, in words.
    pub foreign: &'a [String],
    /// A write of the run itself may have left it with neither value.
    pub torn: bool,
    /// What it shows tells nothing, and why.
    pub doubt: Option<&'static str>,
    /// Until when a write of the run may still land there.
    pub lands: Option<&'a Stamp>,
}

/// So many parts that somebody else wrote are told of each place.
const PARTS: usize = 20;

const INDENT: usize = 7;

/// The edit that puts another one back.
pub(super) fn inverse(edit: &Edit) -> Edit {
    Edit {
        place: edit.place.clone(),
        before: edit.after.clone(),
        after: edit.before.clone(),
    }
}

impl Tally {
    /// The entries of the changes and acts that stand or may stand, the last one first.
    pub fn standing_entries(&self) -> Vec<usize> {
        let stands = |entry: &usize| {
            use Standing::{Already, PutBack, Untouched};
            !matches!(self.standing(*entry), Untouched | Already | PutBack)
        };
        self.changes.keys().rev().copied().filter(stands).collect()
    }

    /// Those of them that a rollback puts back: what a person left as it is stays, and what was put back already and
    /// changed by somebody else since is not written again.
    pub fn entries_to_put_back(&self) -> Vec<usize> {
        let standing = self.standing_entries().into_iter();
        let goes_back = |entry: &usize| !self.is_left(*entry) && !self.is_put_back(*entry);
        standing.filter(goes_back).collect()
    }

    /// What a rollback would leave as it is, as far as the run saw: it is refused until it is told so with `--anyway`.
    /// Whoever proposes a rollback asks here.
    pub fn rollback_leaves(&self) -> Option<&'static str> {
        let entries = self.plan().map_or(0, |plan| plan.entries.len());
        if self.somebody_wrote() {
            Some("what somebody else wrote")
        } else if (0..entries).any(|entry| self.is_torn(entry)) {
            Some("what holds neither value")
        } else if (0..entries).any(|entry| self.is_refused_and_so(entry)) {
            Some("what may be somebody else's")
        } else if self.is_held_at_what_others_wrote() {
            Some("what somebody else wrote")
        } else if self.is_held_for_what_was_so() {
            Some("what was so already, and is not any more")
        } else if !self.entries_left_there().is_empty() {
            Some("what was left as it is")
        } else {
            None
        }
    }

    /// Whether it is held before its first write to a place that somebody else wrote: what it wrote there itself is told
    /// by where that change is.
    fn is_held_at_what_others_wrote(&self) -> bool {
        let plan = self
            .plan()
            .filter(|_| self.held_for() == Some(Hold::Foreign));
        let at = plan.and_then(|plan| Some((self.held_at()?, plan)));
        at.is_some_and(|(at, plan)| {
            let entry = plan.entries.get(at);
            entry.is_some_and(|entry| matches!(entry.nature, Nature::Change(_)))
                && self.standing(at) == Standing::Untouched
        })
    }

    /// Whether it is held for what was so already when it began. It may be held for a place of its own as well, of which
    /// somebody took a part away: that goes back.
    fn is_held_for_what_was_so(&self) -> bool {
        let is_not = |outcome| matches!(outcome, Outcome::Late | Outcome::Fail);
        self.held_for() == Some(Hold::Foreign) && self.looks_at_what_was_so().any(is_not)
    }

    /// How the last looks at what was so already when it began came out.
    pub fn looks_at_what_was_so(&self) -> impl Iterator<Item = Outcome> {
        let entries = self.plan().map_or(&[][..], |plan| &plan.entries);
        let so =
            (entries.iter().enumerate()).filter(|(_, entry)| entry.there && entry.holds.is_some());
        so.filter_map(|(i, _)| Some(self.finding(Round::There, i)?.outcome))
    }

    /// The changes that a rollback does not put back and speaks of all the same, each with the value that it must hold
    /// then: what was put back already, what was never begun, and what was so before. So is what the plan found so.
    pub fn entries_to_read(&self) -> Vec<(usize, Side)> {
        let entries = self.plan().map_or(&[][..], |plan| &plan.entries);
        let goes_back = self.entries_to_put_back();
        (entries.iter().enumerate())
            .filter(|(_, entry)| entry.there && entry.has_place())
            .filter(|(i, _)| !goes_back.contains(i) && !self.is_left(*i))
            .map(|(i, entry)| match self.standing(i) {
                _ if entry.holds.is_some() => (i, Side::After),
                Standing::Already => (i, Side::After),
                _ => (i, Side::Before),
            })
            .collect()
    }

    /// Those that a person left as they are on the way there: a rollback puts back the rest, and leads nobody back.
    pub fn entries_left_there(&self) -> Vec<usize> {
        let there = self.goes_on_with().is_some_and(|phase| !phase.undoes());
        let standing = self.standing_entries().into_iter();
        standing
            .filter(|entry| there && self.is_left(*entry))
            .collect()
    }

    /// What the plan found as it should be, and a person left to others since: a rollback does not look at it, and ends
    /// held for its sake.
    pub fn entries_left_to_others(&self) -> Vec<usize> {
        let entries = self.plan().map_or(&[][..], |plan| &plan.entries);
        (entries.iter().enumerate())
            .filter(|(i, entry)| entry.there && entry.holds.is_some() && self.is_left(*i))
            .map(|(i, _)| i)
            .collect()
    }
}

/// The changes that go back, in the order in which they do, and what is lost.
pub fn rollback(run: &str, tally: &Tally, seen: SeenNow<'_>, style: &Style) -> Vec<Line> {
    let Some(plan) = tally.plan() else {
        return Vec::new();
    };
    let entries = tally.entries_to_put_back();
    let began = tally.started().map_or_else(String::new, date_time);
    let mut lines = Line::new()
        .and(Role::Strong, format!("rollback of run {run}"))
        .text(format!(
            ": {} of {}, {} -> {}, begun {began}; {} to put back, the last one first",
            plan.mode,
            plan.playbook,
            plan.direction.source,
            plan.direction.target,
            count(entries.len(), "change"),
        ))
        .wrap(style.width, 2);
    for index in &entries {
        let entry = &plan.entries[*index];
        lines.push(Line::new());
        let head = Line::new().text("  ").and(Role::Strong, &entry.id);
        lines.extend(head.text("  ").text(&entry.title).wrap(style.width, 4));
        match &entry.nature {
            Nature::Change(edit) => {
                lines.extend(difference(&inverse(edit), INDENT));
                let now = seen.places.iter().find(|place| place.entry == *index);
                lines.extend(now.into_iter().flat_map(|place| place.lines(style)));
            }
            Nature::Act(act) => {
                let line = Line::new().text(" ".repeat(INDENT));
                lines.push(match &act.undo {
                    Some(undo) => line.and(Role::Dim, "runs: ").and(Role::Command, undo),
                    None => line.and(Role::Bad, "cannot be undone, and stays as it is"),
                });
            }
            Nature::Check | Nature::Ask { .. } | Nature::Wait { .. } => {}
        }
    }
    let left = (tally.entries_left_there().into_iter()).map(|entry| {
        (
            entry,
            "was left as it is, as a person accepted: it is not put back",
        )
    });
    let to_others = (tally.entries_left_to_others().into_iter()).map(|entry| {
        (
            entry,
            "was so already, and was left to others: the run ends with 6",
        )
    });
    for (index, text) in left.chain(to_others) {
        let entry = &plan.entries[index];
        lines.push(Line::new());
        let head = Line::new().text("  ").and(Role::Strong, &entry.id);
        lines.extend(head.text("  ").text(&entry.title).wrap(style.width, 4));
        lines.push((Line::new().text(" ".repeat(INDENT))).and(Role::Bad, text));
    }
    lines.push(Line::new());
    let (source, target) = (&plan.direction.source, &plan.direction.target);
    let names = || (plan.entries.iter().enumerate()).filter(|(_, entry)| entry.moves_names());
    let none_moved = names().next().is_some() && !names().any(|(i, _)| entries.contains(&i));
    let lost = match plan.led_there {
        true => format!("nothing: the names led to {target} before the run, too"),
        false if none_moved && !seen.led_again => format!(
            "nothing, unless something else than names led users to {target}: none of the names stands moved by this run"
        ),
        false => format!(
            "what was written on {target} since {began} and is not on {source}: a rollback copies no data"
        ),
    };
    let line = Line::new().and(Role::Strong, "Would be lost").text("  ");
    lines.extend(line.text(lost).wrap(style.width, 2));
    for fact in seen.by_hand {
        let line = Line::new().and(Role::Strong, "Stays").text(format!(
            "  {}: {}; move it back by hand",
            fact.what, fact.actual
        ));
        lines.extend(line.wrap(style.width, 2));
    }
    for (index, finding) in seen.gates {
        let role = match finding.outcome {
            Outcome::Pass => Role::Good,
            Outcome::Warn => Role::Caution,
            Outcome::Late => Role::Waiting,
            Outcome::Unknown => Role::Unclear,
            Outcome::Fail => Role::Bad,
        };
        let entry = &plan.entries[*index];
        let line = Line::new()
            .text(format!(
                "  {}: {} ",
                match plan.led_there {
                    true => "active side",
                    false => "old side",
                },
                entry.id
            ))
            .and(role, finding.outcome.to_string())
            .text(format!(": {}", finding.headline));
        lines.extend(line.wrap(style.width, 4));
    }
    lines
}

/// The changes that stand, each with what puts it back, for when the journal was lost under its run. `commands` are
/// what a person would type; `rollback` puts all of it back where the journal is found all the same.
pub fn by_hand(
    tally: &Tally,
    commands: &[Commands],
    rollback: Option<&str>,
    style: &Style,
) -> Vec<Line> {
    let entries = tally.standing_entries();
    let Some(plan) = tally.plan() else {
        return Vec::new();
    };
    if entries.is_empty() {
        return vec![Line::new().text("Nothing of this run stands.")];
    }
    let changes = count(entries.len(), "change");
    let text = match rollback {
        Some(rollback) => format!(
            "{changes} of this run may stand. Its journal can be read now: {rollback} puts everything back. Keep this \
             text all the same. What does it by hand, the last one first:"
        ),
        None => format!(
            "{changes} of this run may stand, and its journal cannot be found or read now. Keep this text. What puts \
             everything back, the last one first:"
        ),
    };
    let mut lines = Line::new().and(Role::Strong, text).wrap(style.width, 0);
    for index in entries {
        let entry = &plan.entries[index];
        lines.push(Line::new());
        lines.push(Line::new().text("  ").and(Role::Strong, &entry.id));
        match &entry.nature {
            Nature::Change(edit) => lines.extend(difference(&inverse(edit), INDENT)),
            Nature::Act(act) if act.undo.is_none() => {
                let line = Line::new().text(" ".repeat(INDENT));
                lines.push(line.and(Role::Bad, "cannot be undone"));
            }
            _ => {}
        }
        let back = commands.iter().filter(|one| one.entry == entry.id);
        for text in back.flat_map(|one| &one.back).flat_map(|text| text.lines()) {
            lines.push(Line::new().and(Role::Command, text));
        }
    }
    lines
}

impl SeenPlace<'_> {
    fn lines(&self, style: &Style) -> Vec<Line> {
        let (role, text) = self.now_holds();
        let line = Line::new().text(" ".repeat(INDENT)).and(Role::Dim, "now: ");
        let mut lines = line.and(role, text).wrap(style.width, INDENT + 2);
        for part in self.foreign.iter().take(PARTS) {
            let line = Line::new().text(" ".repeat(INDENT + 2)).text(part);
            lines.extend(line.wrap(style.width, INDENT + 4));
        }
        if let Some(more @ 1..) = self.foreign.len().checked_sub(PARTS) {
            let text = format!("and {}", count(more, "more part"));
            lines.push(Line::new().text(" ".repeat(INDENT + 2)).text(text));
        }
        lines
    }

    fn now_holds(&self) -> (Role, String) {
        let (role, mut text) = match self.side {
            Ok(_) if self.doubt.is_some() => {
                (Role::Unclear, self.doubt.unwrap_or_default().to_owned())
            }
            Ok(Side::After) => (Role::Plain, "as the run left it".to_owned()),
            Ok(Side::Before) if self.lands.is_some() => {
                (Role::Caution, "as it was before the run".to_owned())
            }
            Ok(Side::Before) => (Role::Plain, "already as it was before the run".to_owned()),
            Ok(Side::Mixed) => (Role::Caution, "a part of the change is there".to_owned()),
            Ok(Side::Foreign) if self.torn => {
                let text = "neither value is there, which a write of this run may have left so; it is not overwritten: \
                            set it by hand";
                (Role::Bad, text.to_owned())
            }
            Ok(Side::Foreign) => {
                let text = "somebody else wrote here since; that is not overwritten";
                (Role::Bad, text.to_owned())
            }
            Err(why) => (Role::Unclear, format!("cannot be read: {why}")),
        };
        if let Some(until) = self.lands {
            text += &format!("; its write may still land until {}", time_of_day(until));
        }
        (role, text)
    }
}
