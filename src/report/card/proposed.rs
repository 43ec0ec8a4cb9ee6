//! What a person would type next: a command says again what the run was asked for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::super::tally::Tally;
use super::super::text::{Line, Role, Style};
use super::super::typed::to_type;
use super::{LABEL, label};
use crate::event::Ending;
use crate::machine::Hold;
use crate::plan::{Given, Mode, Plan};
use crate::words::quoted;

/// What the person would type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The run, as `cutover show` takes it.
    pub run: String,
    /// The playbook, as it was given on the command line.
    pub playbook: String,
    /// The state folder, where every command must be told it.
    pub state: Option<String>,
    /// Somebody sits at this terminal, and may end a hold.
    pub somebody: bool,
    pub given: Given,
    /// What must end before a failover may begin.
    pub first: MustEnd,
    /// A drill of the same would come back to where the names lead now.
    pub comes_back: bool,
    /// Its journal is kept, so that `cutover show` finds it.
    pub kept: bool,
    pub journal: JournalLost,
}

/// Whether the journal of a run was lost under it: whoever writes it tells its displays, which tell no command then
/// that would need it.
#[derive(Clone, Debug, Default)]
pub struct JournalLost(Arc<AtomicBool>);

impl JournalLost {
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl PartialEq for JournalLost {
    fn eq(&self, other: &JournalLost) -> bool {
        self.is_set() == other.is_set()
    }
}

impl Eq for JournalLost {}

/// The run that must end before a failover may begin: whoever finds it after the displays began tells them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MustEnd(Arc<OnceLock<First>>);

impl MustEnd {
    pub fn of(first: Option<First>) -> MustEnd {
        let known = MustEnd::default();
        if let Some(first) = first {
            known.set(first);
        }
        known
    }

    /// The first of several stays.
    pub fn set(&self, first: First) {
        let _known = self.0.set(first);
    }

    pub fn get(&self) -> Option<&First> {
        self.0.get()
    }

    pub fn is(&self, first: &First) -> bool {
        self.get() == Some(first)
    }
}

/// An earlier run, without whose end no failover may begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum First {
    Unfinished(String),
    Alive(String),
    /// How it ended, nobody can tell.
    Unreadable(String),
}

impl Names {
    pub fn new(run: impl Into<String>, playbook: impl Into<String>) -> Names {
        Names {
            run: run.into(),
            playbook: playbook.into(),
            state: None,
            somebody: false,
            given: Given::default(),
            first: MustEnd::default(),
            comes_back: true,
            kept: true,
            journal: JournalLost::default(),
        }
    }

    /// The same, where the run was asked for with more than its playbook.
    pub fn with_given(mut self, given: Given) -> Names {
        self.given = given;
        self
    }

    /// The same, where a drill may have nowhere to come back to.
    pub fn coming_back(mut self, comes_back: bool) -> Names {
        self.comes_back = comes_back;
        self
    }

    /// The same, where nothing of the run may stay.
    pub fn kept(mut self, kept: bool) -> Names {
        self.kept = kept;
        self
    }

    /// The same, where an earlier run must end first.
    pub fn with_first(mut self, first: MustEnd) -> Names {
        self.first = first;
        self
    }

    /// The same, where somebody can type while the run goes on.
    pub fn with_somebody(mut self, somebody: bool) -> Names {
        self.somebody = somebody;
        self
    }

    /// The same, where journals live in a folder that commands do not find by themselves.
    pub fn with_state(mut self, state: Option<String>) -> Names {
        self.state = state;
        self
    }

    /// A text with its commands as the person would type them.
    pub fn to_type(&self, text: &str) -> String {
        let whole = |text: String, short: &str, long: String| {
            text.replace(&format!("`cutover {short}`"), &format!("`{long}`"))
        };
        let text = whole(text.to_owned(), "check", self.of_playbook("check", &[]));
        let text = whole(text, "rollback", self.of_run("rollback", &[]));
        // Where the folder is named, the whole command would not be found any more.
        to_type(&text, self.state.as_deref())
    }

    /// A command about the playbook, with what was put over it.
    fn of_playbook(&self, verb: &str, more: &[&str]) -> String {
        let mut words = vec![verb, &self.playbook];
        words.extend(more);
        words.extend((self.given.sets.iter()).flat_map(|set| ["--set", set.as_str()]));
        self.command(&words)
    }

    /// The same, where the run goes to the site that this one was told to go to, in the way that it was told.
    fn going(&self, verb: &str, emergency: bool) -> String {
        let to = self.given.to.as_deref();
        let mut more: Vec<&str> = to.iter().flat_map(|to| ["--to", to]).collect();
        more.extend((emergency && self.given.emergency).then_some("--emergency"));
        self.of_playbook(verb, &more)
    }

    /// What says that something which this run owes shall stay as it is. The reason is to be put in.
    pub fn letting_stay(&self, key: &str) -> String {
        self.command(&["owed", "--stays", &self.run, key, "--reason", "WHY"])
    }

    /// The planned way back to the site that served before.
    pub fn failing_back(&self, source: &str) -> String {
        self.of_playbook("failover", &["--to", source])
    }

    /// The plan of that way back: it only looks.
    pub fn planning_back(&self, source: &str) -> String {
        self.of_playbook("plan", &["--to", source])
    }

    /// The plan of an emergency that goes there.
    fn emergency_to(&self, site: &str) -> String {
        self.of_playbook("plan", &["--to", site, "--emergency"])
    }

    /// The plan of the same, into the same file.
    pub fn plan_anew(&self) -> String {
        let file = self.given.plan.as_deref();
        let mut more: Vec<&str> = file.iter().flat_map(|file| ["--out", file]).collect();
        more.extend((self.given.to.iter()).flat_map(|to| ["--to", to.as_str()]));
        more.extend(self.given.emergency.then_some("--emergency"));
        self.of_playbook("plan", &more)
    }

    /// A command about this run.
    fn of_run(&self, verb: &str, more: &[&str]) -> String {
        let mut words = vec![verb, &self.run];
        words.extend(more);
        self.command(&words)
    }

    /// A command of this program, as a person here types it.
    fn command(&self, words: &[&str]) -> String {
        let mut all = vec!["cutover"];
        all.extend(words);
        all.extend((self.state.iter()).flat_map(|state| ["--state", state.as_str()]));
        quoted(&all)
    }
}

/// Commands with what they are for.
pub(super) fn next(tally: &Tally, plan: &Plan, names: &Names, style: &Style) -> Vec<Line> {
    if names.journal.is_set() {
        let text = "by hand, as is said below: no command finds the journal of this run";
        return label("Next").text(text).wrap(style.width, LABEL);
    }
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut row = |command: String, what: &str| {
        // The same words stand once.
        if rows.iter().all(|(other, _)| *other != command) {
            rows.push((command, what.to_owned()));
        }
    };
    let emergency = names.given.emergency || plan.mode == Mode::Emergency;
    let show = names.of_run("show", &[]);
    let owed = names.command(&["owed"]);
    let rollback = names.of_run("rollback", &[]);
    // A check knows no emergency; the dry run of one looks at the same.
    let again = match emergency || plan.mode == Mode::Plan {
        true => names.going("plan", true),
        false => names.going("check", false),
    };
    match (tally.ending(), plan.mode) {
        (
            Some(Ending::Done | Ending::DoneUnproven | Ending::Refused | Ending::Stale),
            Mode::Check | Mode::Plan,
        ) if names.first.get().is_some() => {
            let of = |words: &[&str]| names.command(words);
            match names.first.get() {
                Some(First::Unfinished(run)) => {
                    row(of(&["show", run]), "the earlier run, which is not finished");
                    row(of(&["resume", run]), "finish it");
                    row(of(&["rollback", run]), "or put back what it changed");
                    if plan.mode == Mode::Plan && names.given.emergency && names.given.to.is_none()
                    {
                        let target = &plan.direction.target;
                        row(names.emergency_to(target), "or this way, if it is meant");
                    }
                }
                Some(First::Alive(run)) => {
                    row(of(&["show", "--follow", run]), "the run that is alive");
                    row(
                        of(&["rollback", run]),
                        "or tell it to put back what it changed",
                    );
                }
                Some(First::Unreadable(_)) => row(of(&["runs"]), "which run cannot be read"),
                None => {}
            }
        }
        (Some(Ending::Done | Ending::DoneUnproven), Mode::Check) => {
            row(names.going("plan", true), "each change and its undo");
        }
        (Some(Ending::Done | Ending::DoneUnproven), Mode::Plan)
            if !names.comes_back && plan.edits().next().is_none() =>
        {
            let other = names.of_playbook("plan", &["--to", &plan.direction.source]);
            row(other, "the way to the side that does not serve");
        }
        (Some(Ending::Done | Ending::DoneUnproven), Mode::Plan) => {
            if !emergency && names.comes_back {
                row(names.going("drill", false), "do it, and come back");
            }
            let failover = match &names.given.plan {
                Some(file) => {
                    let more = ["--plan", file, "--emergency"];
                    names.of_playbook("failover", &more[..if emergency { 3 } else { 2 }])
                }
                None => names.going("failover", true),
            };
            row(failover, "do it, and stay");
        }
        (Some(Ending::Done | Ending::DoneUnproven), Mode::Drill) if tally.remains() => {
            if !tally.owed().is_empty() {
                row(owed, "what is left to be seen or done");
            }
            row(
                rollback,
                "put back what was changed, once the old side serves",
            );
            let home = names.failing_back(&plan.direction.source);
            row(home, "or fail back, data first");
        }
        (Some(Ending::Done), Mode::Drill) => row(show, "everything that was seen"),
        (Some(Ending::DoneUnproven), Mode::Drill) => {
            if !tally.owed().is_empty() {
                row(owed, "what is left to be seen or done");
            }
            row(show, "everything that was seen");
        }
        (Some(Ending::Done | Ending::DoneUnproven), _) => {
            if !tally.owed().is_empty() {
                row(owed, "what is left to be seen or done");
            }
            // Where no name moved there is nowhere to come back from.
            if !plan.led_there && tally.ever_wrote() {
                let home = names.failing_back(&plan.direction.source);
                row(home, "fail back, data first");
            }
            if tally.anything_stands() {
                row(rollback, "only put back what was changed");
            }
            if !tally.ever_wrote() {
                row(show, "everything that was seen");
            }
        }
        (Some(Ending::Refused), _) => {
            row(again, "look again, when it is mended");
            if names.kept {
                row(show, "everything that was seen");
            }
        }
        // An emergency leads back to where one came from only where somebody says so.
        (Some(Ending::Stale), Mode::Plan) if names.given.emergency && names.given.to.is_none() => {
            let target = &plan.direction.target;
            row(names.emergency_to(target), "this way, if it is meant");
        }
        (Some(Ending::Stale), _) => row(names.plan_anew(), "make a new plan"),
        (Some(Ending::Undone), _) => {
            row(show, "what happened, in order");
            row(again, "look again, when it is mended");
        }
        (Some(Ending::Held | Ending::Stopped) | None, Mode::Check | Mode::Plan) => {
            row(again, "look again");
        }
        (Some(Ending::Held), _) if tally.is_left_to_others() => {
            row(
                show,
                match tally.somebody_wrote() {
                    true => "what somebody else wrote, before all else",
                    false => "what was seen, before all else",
                },
            );
            row(again, "what is so now; a new run starts from that");
        }
        (Some(Ending::Held | Ending::Stopped) | None, _) => {
            let stands = tally.anything_stands();
            if tally
                .because()
                .iter()
                .any(|b| b.text.contains("somebody else"))
            {
                row(show, "what was seen, before all else");
            }
            row(
                names.of_run("resume", &[]),
                match tally.is_on_its_way_back() {
                    true => "look again, and go on putting it back",
                    false => "look again, and go on from here",
                },
            );
            // Nothing but `anyway` leads to a side that does not serve.
            let sick = tally.held_for() == Some(Hold::OldSideSick);
            if tally.ending() == Some(Ending::Held) && !sick {
                row(
                    names.of_run("resume", &["--accept"]),
                    "go on with what was not seen: you looked yourself",
                );
            }
            if tally.may_remain() {
                row(
                    names.of_run("resume", &["--stay"]),
                    "let it remain where it is, for good",
                );
            }
            if let (true, Some(leaves)) = (stands, tally.rollback_leaves()) {
                row(
                    names.of_run("rollback", &["--anyway"]),
                    &format!("put back all but {leaves}"),
                );
            } else if stands && (sick || tally.old_side_is_sick()) {
                row(
                    names.of_run("rollback", &["--anyway"]),
                    "put back what stands, sick or not",
                );
            } else if stands && tally.entries_to_put_back().is_empty() {
                let home = names.failing_back(&plan.direction.source);
                row(home, "lead home what was put back and stands again");
            } else if stands {
                row(rollback, "put back what stands");
            }
        }
    }
    let widest = |part: fn(&(String, String)) -> &String| {
        let widths = rows.iter().map(|row| part(row).chars().count());
        widths.max().unwrap_or(0)
    };
    // Side by side where all fit; else one below the other, since a command is never cut.
    let column = LABEL + widest(|row| &row.0) + 2;
    let beside = column + widest(|row| &row.1) <= style.width;
    let mut lines = Vec::new();
    for (i, (command, what)) in rows.iter().enumerate() {
        let line = label(if i == 0 { "Next" } else { "" }).and(Role::Command, command);
        if beside {
            lines.push(line.pad_to(column).and(Role::Dim, what));
        } else {
            lines.push(line);
            lines.push(label("").text("  ").and(Role::Dim, what));
        }
    }
    lines
}
