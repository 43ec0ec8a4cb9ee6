//! What a run would do: pure data, compiled by the survey, saved, reviewed, journaled and applied.
//!
//! The list of a playbook becomes a list of entries here. A step that writes several places becomes one
//! entry for each place (`flip/raspbian.example`), so that one entry is one write. The mode of a run is
//! already compiled into each entry's [`Rule`]; nothing below this point asks for the mode again.

mod edit;
mod given;
mod part;

pub use edit::{Edit, Place, Side, Value, Way};
pub use given::Given;
pub use part::Part;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::span;
use crate::words::count;

/// The version of the plan's serialized form.
pub const FORMAT: u32 = 1;

/// The most entries of a plan: the state of a run counts them in two bytes.
pub const MOST_ENTRIES: usize = u16::MAX as usize;

/// All that a run would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    pub format: u32,
    /// The playbook's name.
    pub playbook: String,
    /// The resolved text of the playbook, `--set` included; it names secrets and holds none.
    pub text: String,
    /// The folder that the playbook lay in, where it names a file that counts from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    pub mode: Mode,
    pub direction: Direction,
    pub entries: Vec<Entry>,
    /// How long a drill stays on the other side before it comes back.
    #[serde(with = "span")]
    pub hold: Duration,
    pub objectives: Objectives,
    /// What the run locks: the playbook and every record set that it may write.
    pub locks: Vec<String>,
    /// What the plan leaves as it is, and why: records of a foreign zone, names that are a CNAME.
    pub stays: Vec<Stay>,
    /// Those of them that lead to the source on though a service depends on them: while there are any, not every
    /// service has moved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub behind: Vec<Stay>,
    /// What a service depends on, and does not lead to the source, where its users are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub astray: Vec<Stay>,
    /// The steps that the playbook leaves out for now: until when, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<Stay>,
    /// The names of all services led to the target when the plan was made: no name moves, and the way back leads nobody.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub led_there: bool,
    /// Where the names of the services led when the plan was made, where that was not one side: each side, and the record
    /// sets that led there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub apart: Vec<Led>,
    /// Whether a failure after a write leads back by itself (a drill, a planned failover) or a person is asked.
    pub goes_back: bool,
}

/// What kind of run it is. A label: what it means is compiled into the entries' rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Looks only, at what can be seen before anything changes.
    Check,
    /// The dry run.
    Plan,
    Drill,
    Failover,
    Emergency,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mode::Check => "check",
            Mode::Plan => "plan",
            Mode::Drill => "drill",
            Mode::Failover => "failover",
            Mode::Emergency => "emergency failover",
        })
    }
}

/// From which site to which.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Direction {
    pub source: String,
    pub target: String,
}

/// What was promised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Objectives {
    /// From the decision to the verified end.
    pub rto: Option<Seconds>,
    /// The age of the data that is served afterwards.
    pub rpo: Option<Seconds>,
}

/// A duration that is shown as a playbook writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seconds(#[serde(with = "span")] pub Duration);

/// One move of the plan: a step, or one place of a step that writes several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Entry {
    /// Unique in the plan: the step's id, or `step/place`.
    pub id: String,
    /// The id of the step in the playbook.
    pub step: String,
    pub kind: String,
    /// What it does, in a few words for the screen.
    pub title: String,
    pub nature: Nature,
    pub pace: Pace,
    pub rule: Rule,
    /// Whether it takes part on the way there, and on a drill's way back.
    pub there: bool,
    pub back: bool,
    /// Undone however the run ends.
    pub temporary: bool,
    /// Run against the old side before anything is put back: it shows that the old side serves.
    pub probes_old_side: bool,
    /// It cannot be seen before the change was made; a dry run says so instead of looking.
    pub after_change: bool,
    /// It declares sights that must be taken before the first write (the rate of traffic).
    pub needs_baseline: bool,
    /// It takes these sights, and judges whether the check of the same step can pass after the change.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub foresees: bool,
    /// It looks at what its step, a change, does not move though a service depends on it: a person moves that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_hand: bool,
    /// It looks at the end whether a place still holds what it held when the plan was made: what the run says of it, and
    /// never writes. Before and after are the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds: Option<Edit>,
    /// What its place keeps beside data and TTLs cannot be seen, so nobody can say that all of it is as before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub blind: bool,
    /// Whether its records have the TTLs that they are said to have could not be told, so nobody can say that they have
    /// those of before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ttls_untold: bool,
    /// Which of the three questions it helps to answer.
    pub answers: Option<Question>,
    /// What one write of it can promise: `compare-and-swap in one message`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promise: Option<String>,
}

/// The three questions of every report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// Is the target up to date, and does it work?
    Ready,
    /// Is it fast enough for the load?
    Fast,
    /// Does every service move?
    Moves,
}

/// The five natures of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Nature {
    /// Looks, and judges what it saw.
    Check,
    /// Writes a place that holds a value; both values are known.
    Change(Edit),
    /// Has an effect that cannot be read back.
    Act(Act),
    /// Ends when a person decides.
    Ask { question: String },
    /// Ends when the time is up.
    Wait {
        #[serde(with = "span")]
        time: Duration,
    },
}

/// What is known of an act beforehand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Act {
    /// What it runs, as a person would type it.
    pub does: String,
    /// What puts it back, as a person would type it. An act without it is a point of no return.
    pub undo: Option<String>,
    pub if_interrupted: IfInterrupted,
}

/// What to do with an act that was cut off between its intent and its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IfInterrupted {
    /// It may run twice: run it again.
    Again,
    /// Go on as if it had been done.
    Skip,
    /// A person decides.
    #[default]
    Hold,
}

/// How long and how often a step looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// The deadline: any verdict but pass is looked at again until then. Zero is one look.
    #[serde(with = "span")]
    pub within: Duration,
    /// The time between two looks.
    #[serde(with = "span")]
    pub every: Duration,
    /// The hard deadline of one look or one write.
    #[serde(with = "span")]
    pub timeout: Duration,
}

/// What follows from an outcome, compiled from the mode, the position, `blocks` and `on-fail`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rule {
    pub late: Then,
    pub fail: Then,
    pub unknown: Then,
}

impl Rule {
    /// Whatever is seen, the run goes on and the report says it.
    pub const NOTE: Rule = Rule {
        late: Then::Note,
        fail: Then::Note,
        unknown: Then::Note,
    };

    pub fn then(&self, outcome: Outcome) -> Then {
        match outcome {
            Outcome::Pass | Outcome::Warn => Then::Note,
            Outcome::Late => self.late,
            Outcome::Fail => self.fail,
            Outcome::Unknown => self.unknown,
        }
    }
}

/// A consequence; the greatest of a batch counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Then {
    /// Goes on; the report says it.
    Note,
    /// Stops and asks a person.
    Hold,
    /// Puts back what stands. Where nothing stands, this is a refusal.
    Back,
}

/// The judgement over the evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Pass,
    Warn,
    /// The target serves, but something has not moved yet: a cache, a client, a lagging server.
    Late,
    /// It could not be told.
    Unknown,
    Fail,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::Pass => "pass",
            Outcome::Warn => "warn",
            Outcome::Late => "late",
            Outcome::Unknown => "unknown",
            Outcome::Fail => "fail",
        })
    }
}

/// A record or a name that the plan leaves alone, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    pub what: String,
    pub why: String,
}

/// What leads to a site: the first record set, and how many there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Led {
    pub site: String,
    pub first: String,
    pub sets: usize,
}

impl fmt::Display for Led {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sets {
            1 => write!(f, "{} leads to {}", self.first, self.site),
            n => {
                let sets = count(n, "record set");
                write!(f, "{sets} ({}…) lead to {}", self.first, self.site)
            }
        }
    }
}

impl Plan {
    /// The site that is active where nothing of the run stands: where the names led before it.
    pub fn home(&self) -> &str {
        match self.led_there {
            true => &self.direction.target,
            false => &self.direction.source,
        }
    }

    /// The index of the first entry that writes.
    pub fn first_write(&self) -> Option<usize> {
        self.entries
            .iter()
            .position(|entry| entry.there && entry.writes())
    }

    /// Whether a check was not seen to be good, nor is asked once more after the change: a run that goes on over it
    /// has not seen all that it says.
    pub fn is_not_seen_good(&self, outcomes: &[(usize, Outcome)]) -> bool {
        let asked_again = |entry: usize| {
            let mut later = self.entries.iter().skip(entry + 1);
            self.entries.get(entry).is_some_and(|before| {
                before.foresees && later.any(|e| !e.foresees && e.there && e.step == before.step)
            })
        };
        (outcomes.iter()).any(|(entry, outcome)| *outcome > Outcome::Warn && !asked_again(*entry))
    }

    /// Whether what an entry could not tell counts, though it only warns: it follows the services, or it is an
    /// emergency or the dry run of one, in which nobody is held up for it.
    pub fn needs_all_told(&self, entry: &Entry) -> bool {
        entry.answers == Some(Question::Moves) || !self.goes_back
    }

    /// The edits, in the order in which they are made.
    pub fn edits(&self) -> impl Iterator<Item = (&Entry, &Edit)> {
        self.entries.iter().filter_map(|entry| match &entry.nature {
            Nature::Change(edit) => Some((entry, edit)),
            _ => None,
        })
    }
}

impl Entry {
    /// Whether it needs a permit.
    pub fn writes(&self) -> bool {
        matches!(self.nature, Nature::Change(_) | Nature::Act(_))
    }

    /// Whether it leads names to the other side.
    pub fn moves_names(&self) -> bool {
        self.kind == "dns" && matches!(self.nature, Nature::Change(_))
    }

    /// Whether its names led to the other side already when the plan was made.
    pub fn found_names_so(&self) -> bool {
        self.kind == "dns" && self.holds.is_some()
    }

    pub fn is_check(&self) -> bool {
        matches!(self.nature, Nature::Check)
    }

    /// The place that a look at it reads, with its values: the one that it writes, or one that was found as it shall be.
    pub fn place(&self) -> Option<&Edit> {
        match &self.nature {
            Nature::Change(edit) => Some(edit),
            _ => self.holds.as_ref(),
        }
    }

    /// Whether its place holds the value of this side. What was found so is to be so whichever way a run ends.
    pub fn is_at(&self, seen: &Value, side: Side) -> bool {
        let side = match self.holds {
            Some(_) => Side::After,
            None => side,
        };
        self.place().is_some_and(|edit| edit.side(seen) == side)
    }

    /// Whether a look at it reads a place.
    pub fn has_place(&self) -> bool {
        self.place().is_some()
    }
}
