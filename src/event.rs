//! Every fact that a run can state: the same on disk and on the screen. Owned, serializable, past tense.

mod answer;
mod last;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::clock::Stamp;
use crate::plan::{Entry, Outcome, Plan, Seconds, Side, Value, Way};

pub use answer::Answer;
pub use last::{last_of_undo, still_behind};

/// One numbered fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// From 0, without a gap.
    pub seq: u64,
    pub at: Stamp,
    pub event: Event,
}

/// A fact of a run. `entry` is an index into the plan's entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "is",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum Event {
    /// Always the first: the whole plan, so that a later program can finish what this one began.
    Started {
        plan: Box<Plan>,
        /// Who started it, and where: `root@ops1`.
        by: String,
        /// The version of cutover.
        version: String,
    },
    /// What a check found, at the end of its looking. For people and reports; it steers nothing.
    Looked {
        entry: usize,
        round: Round,
        finding: Finding,
    },
    /// All checks of one batch have been judged.
    Judged {
        round: Round,
        /// Each entry of the batch with its outcome, in the order of the plan.
        outcomes: Vec<(usize, Outcome)>,
    },
    /// The sights that must be taken before the first write were taken.
    BaselineTaken { sights: Vec<Sight> },
    /// The place of a change was read before writing. `None`: it could not be read.
    Compared {
        entry: usize,
        way: Way,
        side: Option<Side>,
        /// What was seen, where it is neither before nor after, or why it was not seen.
        detail: Option<String>,
    },
    /// Written ahead: this write (or act) may happen from now on.
    Intended {
        entry: usize,
        way: Way,
        /// What the place holds now, and what it will hold. Empty for an act.
        from: Value,
        to: Value,
        /// Until when the write may still land.
        until: Stamp,
    },
    /// What the write or act said of itself. It may lie.
    Answered {
        entry: usize,
        way: Way,
        answer: Answer,
    },
    /// What a look at the place showed after the write.
    Settled {
        entry: usize,
        way: Way,
        side: Option<Side>,
        detail: Option<String>,
        /// The parts that hold what was written but for their TTL, as they were seen. The way back leads from them.
        #[serde(default, skip_serializing_if = "Value::is_empty")]
        stored: Value,
    },
    /// What a look at the place showed after a write that was refused for certain, and before which none was tried.
    /// Neither value: somebody else wrote it just before. The new value, or a part of it: so did somebody else, or the
    /// message of this run came through twice, and nobody can tell.
    Overtaken {
        entry: usize,
        side: Side,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// A dry run would have written here.
    WouldChange { entry: usize },
    /// A wait is over.
    Waited { entry: usize },
    /// A person answered an `approve` step.
    Approved { entry: usize, yes: bool, by: String },
    /// The hold of a drill is over.
    HoldOver { by: String },
    /// A person decided how to go on.
    Decided {
        decision: Decision,
        by: String,
        /// Where somebody else wrote a part of a place, that part is left and the rest of it is put back. Version
        /// 0.1.0 left the whole place.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        parts: bool,
    },
    /// Somebody asked the run to stop.
    StopAsked { by: String },
    /// The run goes on in another process.
    Resumed {
        by: String,
        version: String,
        /// What was looked at since the last write is looked at again before the next one. Runs of version 0.1.0 went
        /// on with what they had seen.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        anew: bool,
    },
    /// All that was looked at came to its end, and a failover could not begin now all the same: what it would be refused
    /// with. Of a run that only looks, which ends so where it would have ended well.
    Barred { ending: Ending, why: String },
    /// Something that the run leaves to be done.
    Owes { owed: Owed },
    /// A person said that something which the run owes shall stay as it is.
    StaysSo {
        /// The key of what is owed.
        key: String,
        by: String,
        reason: String,
        /// What the place that it speaks of held then, where that could be read: what it holds later is not meant.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holds: Option<Value>,
        /// What it is, where the run itself did not say that it owes it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        what: Option<String>,
    },
    /// Nothing more will happen, unless a person reopens the run.
    Ended { ending: Ending },
}

/// Which pass over the list a check belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Round {
    /// On the way there: the target shall be active.
    There,
    /// On a drill's way back.
    Return,
    /// Before an undo: does the old side serve?
    Probe,
    /// After an undo: is everything as it was?
    Verify,
}

/// One look at one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    /// What was looked at, unique within its step and stable between runs: `standby [2001:db8::1]:443`.
    pub key: String,
    /// The id of the step in the playbook.
    pub step: String,
    /// What was seen, in the form of the step's kind; or why nothing was.
    pub seen: Result<Json, Unseen>,
}

/// Why something could not be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unseen {
    pub cause: Cause,
    /// A lowercase sentence: what was tried, and what happened.
    pub detail: String,
    /// Looking again shows the same: what was asked for is of another kind.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lasting: bool,
}

impl Unseen {
    pub fn new(cause: Cause, detail: impl Into<String>) -> Unseen {
        Unseen {
            cause,
            detail: detail.into(),
            lasting: false,
        }
    }

    pub fn lasting(mut self) -> Unseen {
        self.lasting = true;
        self
    }
}

/// The ways in which a far side does not answer, told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The host is up and nothing listens there.
    Refused,
    /// No route, or no answer to a connection.
    Unreachable,
    /// This machine has no way there, as it lacks the address family: it says nothing of the far side.
    NoRoute,
    /// This program lacks what it takes to ask there: it says nothing of the far side.
    Unable,
    /// It accepts connections and says nothing.
    Frozen,
    /// It answered, too late.
    TimedOut,
    /// A wrong key, password, token or certificate.
    Denied,
    /// The name does not resolve.
    NoName,
    /// What it said could not be understood, or was cut off.
    Garbled,
    /// The program, file or module that was asked for is not there.
    Missing,
    /// The far side reported an error of its own.
    Error,
}

/// The judgement over the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    pub outcome: Outcome,
    /// One line, lowercase, without a full stop.
    pub headline: String,
    /// One row for each thing that was looked at.
    pub facts: Vec<Fact>,
    /// Looking again cannot change it: the deadline need not be waited for.
    pub final_: bool,
    /// What a person may do about it.
    #[serde(flatten, with = "advice")]
    pub advice: Vec<Advice>,
    /// How old the data is that would be served, where this was measured: the RPO that is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_age: Option<Seconds>,
    /// Which value the place of a change was seen to hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
}

impl Finding {
    /// Whether it only warns, and something that was looked at could not be told all the same.
    pub fn has_unknowns(&self) -> bool {
        let unknown = |fact: &Fact| matches!(fact.outcome, Outcome::Late | Outcome::Unknown);
        self.outcome == Outcome::Warn && self.facts.iter().any(unknown)
    }

    /// Whether something of what an entry looked at last is left to be seen: it is not good, or could not tell all that
    /// counts.
    pub fn leaves_unseen(&self, plan: &Plan, entry: &Entry) -> bool {
        self.outcome > Outcome::Warn || plan.needs_all_told(entry) && self.has_unknowns()
    }

    /// Whether all that was looked at was seen, and is good.
    pub fn is_seen_good(&self) -> bool {
        self.outcome <= Outcome::Warn && !self.has_unknowns()
    }

    pub fn new(outcome: Outcome, headline: impl Into<String>) -> Finding {
        Finding {
            outcome,
            headline: headline.into(),
            facts: Vec::new(),
            final_: false,
            advice: Vec::new(),
            data_age: None,
            side: None,
        }
    }

    pub fn facts(mut self, facts: Vec<Fact>) -> Finding {
        self.facts = facts;
        self
    }

    /// Says what mends it.
    pub fn mend(mut self, mend: impl Into<String>) -> Finding {
        self.advice.push(Advice::Mend(mend.into()));
        self
    }

    /// Says what looks closer, and mends nothing.
    pub fn to_try(mut self, look: impl Into<String>) -> Finding {
        self.advice.push(Advice::Try(look.into()));
        self
    }

    /// What mends it, where something does.
    pub fn mended_by(&self) -> Option<&str> {
        let mends = |advice: &&Advice| matches!(advice, Advice::Mend(_));
        self.advice.iter().find(mends).map(Advice::text)
    }

    /// Says how old the data is that would be served.
    pub fn data_age(mut self, age: Duration) -> Finding {
        self.data_age = Some(Seconds(age));
        self
    }

    /// Says which value the place of a change holds.
    pub fn side(mut self, side: Side) -> Finding {
        self.side = Some(side);
        self
    }

    /// Marks it as one that looking again cannot change.
    pub fn is_final(mut self) -> Finding {
        self.final_ = true;
        self
    }
}

/// What a person may do about a finding: a command that can be pasted, where there is one. What only looks mends
/// nothing, so whoever gives advice says which of the two it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Changes something, so that the next look may pass.
    Mend(String),
    /// Only looks closer.
    Try(String),
}

impl Advice {
    /// What stands before it on the screen.
    pub fn label(&self) -> &'static str {
        match self {
            Advice::Mend(_) => "mend",
            Advice::Try(_) => "try",
        }
    }

    pub fn text(&self) -> &str {
        match self {
            Advice::Mend(text) | Advice::Try(text) => text,
        }
    }
}

/// Advice in a record: one key for what mends, one for what looks; each line stays a line.
mod advice {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::event::Advice;

    #[derive(Serialize, Deserialize)]
    struct Form {
        mend: Option<String>,
        #[serde(default, rename = "try", skip_serializing_if = "Option::is_none")]
        look: Option<String>,
    }

    pub(super) fn serialize<S: Serializer>(list: &[Advice], to: S) -> Result<S::Ok, S::Error> {
        let of = |label: &str| {
            let texts = list.iter().filter(|advice| advice.label() == label);
            let texts: Vec<&str> = texts.map(Advice::text).collect();
            Some(texts.join("\n")).filter(|_| !texts.is_empty())
        };
        let form = Form {
            mend: of("mend"),
            look: of("try"),
        };
        form.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Advice>, D::Error> {
        let Form { mend, look } = Form::deserialize(from)?;
        let list = mend.map(Advice::Mend).into_iter();
        Ok(list.chain(look.map(Advice::Try)).collect())
    }
}

/// One thing that was looked at: expected beside actual.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    pub outcome: Outcome,
    /// What was looked at: `website standby [2001:db8:1::20]:443`.
    pub what: String,
    pub expected: String,
    pub actual: String,
}

/// How a run goes on after it stopped for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Accept what was seen, and go on.
    On,
    /// Look again.
    Again,
    /// Put back what was changed; where the old side was seen sick, all the same.
    Back,
    /// Leave it as it is.
    Stop,
    /// It remains where it is, for good: nothing is put back, and what that comes to is looked at.
    Stay,
}

/// How a run ended. The exit code follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// As asked, and everything was seen.
    Done,
    /// As asked, and the active side serves, but not everything was seen.
    DoneUnproven,
    /// Untouched: a check failed, or somebody declined, before any change.
    Refused,
    /// Untouched: the world is no longer what the plan saw.
    Stale,
    /// As it was before, and seen so.
    Undone,
    /// Some changes stand, and a person must look.
    Held,
    /// Stopped on request; can be resumed or rolled back.
    Stopped,
}

impl Ending {
    /// Every one.
    pub const ALL: [Ending; 7] = [
        Ending::Done,
        Ending::DoneUnproven,
        Ending::Refused,
        Ending::Stale,
        Ending::Undone,
        Ending::Held,
        Ending::Stopped,
    ];

    /// The exit code of a run that ended so.
    pub const fn code(self) -> u8 {
        match self {
            Ending::Done => 0,
            Ending::Refused => 4,
            Ending::Undone => 5,
            Ending::Held => 6,
            Ending::Stopped => 7,
            Ending::Stale => 8,
            Ending::DoneUnproven => 9,
        }
    }
}

/// How the key of what was left to others begins: the id of its entry follows.
pub const LOOK_AT: &str = "look at ";

/// How the key of what is to be put back begins: the id of its entry follows, or of its step, where a newer run went over
/// it.
pub const PUT_BACK: &str = "put back ";

/// How the key of what was not seen begins: of the side that the run leads to, and of the one that it goes back to. The id
/// of its entry follows.
pub const SEE: &str = "see ";
pub const SEE_BACK: &str = "see back ";

/// What a run leaves to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    /// Unique within the run: `fence primary`.
    pub key: String,
    pub what: String,
    /// What settles it; a command where there is one.
    pub how: String,
}

/// Passing news of a look or a wait: never stored, may be dropped.
#[derive(Clone, Debug, PartialEq)]
pub struct Pulse {
    pub entry: Option<usize>,
    /// What is waited for, or how far it is: `12,000 files`, `ns2 still old`.
    pub note: String,
    /// When the waiting ends at the latest.
    pub until: Option<Stamp>,
    /// How far it is, from 0 to 1, where that is known.
    pub fraction: Option<f64>,
}
