//! What a playbook can ask for: the traits of the five natures, and what a kind of step is.
//!
//! A kind is one file in `steps/` and one row in its list. A check is a list of looks and a pure judgement:
//!
//! - [`Check::looks`] returns one [`Look`] for each thing to be looked at. The engine runs them side by
//!   side, each under the step's time-out, so no look can hold up another and no author writes a deadline.
//! - [`Check::judge`] sees only the aim and the evidence. It is given recorded evidence in an emergency,
//!   and evidence of an earlier run in a comparison, and cannot tell the difference but by asking.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::civil::Date;
use serde_json::Value as Json;

use crate::dns::moves::Left;
use crate::event::{Answer, Finding, Pulse, Unseen};
use crate::field::{Field, Fields};
use crate::journal::Permit;
use crate::plan::{IfInterrupted, Place, Question, Stay, Value, Way};
use crate::problem::Problem;
use crate::site::{Aim, Site};

/// One thing to be looked at.
pub struct Look<'a> {
    /// Unique within the step and stable between runs; the same key in an earlier run is the same thing.
    pub key: String,
    /// The host or site that it asks about: what is unseen at the source is answered from the baseline
    /// in an emergency.
    pub about: About,
    pub ask: BoxFuture<'a, Result<Json, Unseen>>,
}

/// Whose state a look shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    Site(String),
    /// Neither site: name servers, resolvers, the public.
    World,
}

/// What is known of one thing.
#[derive(Clone, Debug, PartialEq)]
pub enum Known {
    Live(Json),
    /// From an earlier run, and how old it is.
    Recorded {
        fact: Json,
        age: Duration,
        why: Unseen,
    },
    Unseen(Unseen),
}

/// What is known of everything that a check looks at, in the order of its looks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    pub items: Vec<(String, Known)>,
    /// Sights of this step that were taken before the first write, by key.
    pub baseline: Vec<(String, Json)>,
}

impl Evidence {
    pub fn get(&self, key: &str) -> Option<&Known> {
        self.items.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }
}

/// What a run moves, as its plan has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moving<'p> {
    /// The site that it moves to.
    pub target: &'p str,
    /// The parts of places that it changes before a check.
    pub changed: Vec<&'p String>,
    /// The parts that it would change, and that were so already: nothing of the run holds them there.
    pub already: Vec<&'p String>,
}

/// A check: looks, and judges what it saw.
pub trait Check: Send + Sync {
    /// What to look at. `pulse` takes passing news of a long look.
    fn looks<'a>(&'a self, site: &'a Site, aim: &'a Aim, pulse: &'a Pulses) -> Vec<Look<'a>>;

    /// What the run moves; told before each round of looks.
    fn expect(&self, moves: &Moving<'_>) {
        let _ = moves;
    }

    /// The judgement: pure, and the same for the way there and the way back.
    fn judge(&self, aim: &Aim, evidence: &Evidence) -> Finding;

    /// What must be seen before the first write, where it needs that.
    fn before(&self) -> Option<&dyn Before> {
        None
    }

    /// The deadline that fits what it looks at, where the playbook gives none and the kind's default does not
    /// fit: names need time to move, a host does not.
    fn within(&self) -> Option<Duration> {
        None
    }

    /// In which runs it stops before the first write, where neither the playbook says so nor the kind's default
    /// fits what it looks at.
    fn blocks(&self) -> Option<Blocks> {
        None
    }

    /// Whether what it cannot tell after the change is noted, and holds no run: the playbook says so, and such a run
    /// ends with exit 9.
    fn notes_unknown(&self) -> bool {
        false
    }

    /// How long one look takes at least, where it is a matter of seconds.
    fn takes(&self) -> Duration {
        Duration::ZERO
    }

    /// Whether what did not pass at first is looked at several times in a row before it passes. Not where one look
    /// takes as many itself, or costs minutes.
    fn repeats(&self) -> bool {
        true
    }

    /// How long an earlier sight may stand in for a new look (`reuse`).
    fn reuse(&self) -> Option<Duration> {
        None
    }
}

/// What a check must see before the first write. What is seen is judged: looks without a judgement cannot be written.
pub trait Before: Check {
    /// What to look at: what the check itself looks at. The facts come back in [`Evidence::baseline`].
    fn looks_before<'a>(
        &'a self,
        site: &'a Site,
        aim: &'a Aim,
        pulse: &'a Pulses,
    ) -> Vec<Look<'a>> {
        self.looks(site, aim, pulse)
    }

    /// Whether the check can pass after the change, as far as these looks tell; they are the items of the evidence.
    /// What is not clear stops a planned run before its first write.
    fn foresee(&self, aim: &Aim, evidence: &Evidence) -> Finding;
}

/// Takes passing news; never blocks, may drop.
#[derive(Clone)]
pub struct Pulses(Arc<dyn Fn(Pulse) + Send + Sync>);

impl Pulses {
    pub fn new(to: impl Fn(Pulse) + Send + Sync + 'static) -> Pulses {
        Pulses(Arc::new(to))
    }

    /// Nobody listens.
    pub fn none() -> Pulses {
        Pulses::new(|_| {})
    }

    pub fn send(&self, pulse: Pulse) {
        (self.0)(pulse);
    }

    /// A note on what is being waited for.
    pub fn note(&self, note: impl Into<String>) {
        self.send(Pulse {
            entry: None,
            note: note.into(),
            until: None,
            fraction: None,
        });
    }
}

/// A change: places that hold values. Plan, apply, return, undo and recovery are derived from this.
pub trait Change: Send + Sync {
    /// Looks at the world and says which places would be written, with the value that each holds and the
    /// value that it shall hold when `aim` is reached; and what stays as it is. Parts that need no change
    /// are left out of both values.
    fn survey<'a>(&'a self, site: &'a Site, aim: &'a Aim) -> BoxFuture<'a, Result<Survey, Unseen>>;

    /// What the place holds now, restricted to the parts named in `parts`.
    fn read<'a>(
        &'a self,
        site: &'a Site,
        place: &'a Place,
        parts: &'a [String],
    ) -> BoxFuture<'a, Result<Value, Unseen>>;

    /// Writes `permit.to()` to `permit.place()`.
    fn write<'a>(&'a self, site: &'a Site, permit: Permit<'a>) -> BoxFuture<'a, Answer>;

    /// How long after its time-out a write may still land: the intent is good until then.
    fn landing(&self) -> Duration;

    /// Whether it writes only at the side that is left, which may be dead in an emergency: then the run goes on
    /// without it.
    fn only_where_it_leaves(&self, site: &Site, aim: &Aim) -> bool {
        let _ = (site, aim);
        false
    }

    /// What it writes where this aim is reached, by the names of its places: in words that are the same whichever step
    /// writes it, and whatever that is called. `here` is the name of the machine on which the run was made. Empty where
    /// what it locks tells that.
    fn things(&self, site: &Site, aim: &Aim, here: &str) -> Vec<(String, String)> {
        let _ = (site, aim, here);
        Vec::new()
    }

    /// The look at what it does not move though a service depends on it. A person moves that by hand, there and back,
    /// so that only who looks knows where it leads. Its facts carry the names of [`Survey::left`].
    fn by_hand(&self) -> Option<&dyn Check> {
        None
    }

    /// What a person would type to write `to` over `from`.
    fn commands(&self, site: &Site, place: &Place, from: &Value, to: &Value) -> Vec<String>;

    /// How the two values read to a person: lines that go, lines that come.
    fn describe(&self, value: &Value) -> Vec<String>;
}

/// How long a plan waits for what a step finds there; one that knows why it is slow says so before.
pub const SURVEY_TIME: Duration = Duration::from_secs(30);

/// What a change found at the places that it would write.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Survey {
    pub edits: Vec<crate::plan::Edit>,
    pub stays: Vec<Stay>,
    /// What is locked besides the places: `www.example.org. A`.
    pub locks: Vec<String>,
    /// What one write can promise, for the plan: `compare-and-swap in one message`.
    pub promise: String,
    /// What a place keeps beside data and TTLs cannot be seen.
    pub blind: bool,
    /// Whether its records have the TTLs that they are said to have could not be told.
    pub ttls_untold: bool,
    /// What is so already: the places whose values the run counts on and does not write, with before and after the same.
    pub found: Vec<Found>,
    /// What the edits write, as [`Found::of`] calls it.
    pub writes: Vec<String>,
    /// Reasons why the change must not be made; each is an error in the plan.
    pub refusals: Vec<String>,
    /// Reasons why only an emergency may make it: a later check cannot pass. Then they are told.
    pub doubts: Vec<Stay>,
    /// What leads to the side that is left on, though a service depends on it, unless another step moves it.
    pub left: Vec<Left>,
    /// What a service depends on, and does not lead to the side that is left, where its users are until then.
    pub astray: Vec<Stay>,
    /// Why nothing that it names leads to either side: where no step changes anything, that is no success.
    pub nothing: Option<String>,
}

/// What a change found as it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Two steps may speak of one thing: where another one writes it, it does not stay so.
    pub of: String,
    pub edit: crate::plan::Edit,
}

/// An effect that cannot be read back.
pub trait Act: Send + Sync {
    /// Does it, or undoes it, by the way of the permit.
    fn act<'a>(&'a self, site: &'a Site, aim: &'a Aim, permit: Permit<'a>)
    -> BoxFuture<'a, Answer>;

    /// Why it could not be done at all, as far as that shows before: what a plan is refused for. Where it is not the
    /// `first` to run a program, an earlier one may bring what it needs.
    fn could<'a>(
        &'a self,
        site: &'a Site,
        aim: &'a Aim,
        first: bool,
    ) -> BoxFuture<'a, Result<Option<String>, Unseen>>;

    /// What it runs, as a person would type it; `None` where there is no undo.
    fn command(&self, way: Way) -> Option<String>;

    /// What it does and where, where this aim is reached, in words that are the same whichever step does it. `here` is
    /// the name of the machine on which the run was made.
    fn thing(&self, site: &Site, aim: &Aim, here: &str) -> Option<String> {
        let _ = (site, aim, here);
        None
    }

    fn if_interrupted(&self) -> IfInterrupted;

    fn landing(&self) -> Duration;
}

/// A step that was built from a playbook, by its nature.
pub enum Work {
    Check(Box<dyn Check>),
    Change(Box<dyn Change>),
    Act(Box<dyn Act>),
    Ask { question: String },
    Wait { time: Duration },
}

/// A step of a playbook, ready to run.
pub struct Step {
    pub id: String,
    pub kind: &'static Kind,
    /// What it does, in a few words for the screen.
    pub title: String,
    pub work: Work,
    pub common: Common,
    /// See [`Built`].
    pub probes_old_side: bool,
    pub after_change: bool,
    pub answers: Option<Question>,
}

/// What every step may say of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Common {
    pub within: Duration,
    pub every: Duration,
    pub timeout: Duration,
    pub when: Vec<When>,
    pub blocks: Blocks,
    pub on_fail: OnFail,
    pub temporary: bool,
    /// It is left out for now.
    pub skip: Option<Skip>,
}

/// Why a step is left out, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    pub reason: String,
    /// The last day on which it is left out, in UTC.
    pub until: Date,
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "until {}: {}", self.until, self.reason)
    }
}

/// The runs in which a step takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum When {
    Drill,
    Failover,
    Emergency,
    Return,
}

impl When {
    pub const ALL: [When; 4] = [When::Drill, When::Failover, When::Emergency, When::Return];

    /// As a playbook names them.
    pub const WORDS: &[&str] = &["drill", "failover", "emergency", "return"];

    pub fn word(self) -> &'static str {
        match self {
            When::Drill => "drill",
            When::Failover => "failover",
            When::Emergency => "emergency",
            When::Return => "return",
        }
    }
}

/// In which runs a failed or unseen check stops before the first write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Blocks {
    Always,
    Planned,
    Never,
}

impl Blocks {
    /// As a playbook names them.
    pub const WORDS: &[&str] = &["always", "planned", "never"];

    pub fn word(self) -> &'static str {
        match self {
            Blocks::Always => "always",
            Blocks::Planned => "planned",
            Blocks::Never => "never",
        }
    }
}

/// What a failure after a write leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnFail {
    Back,
    Hold,
    Warn,
}

impl OnFail {
    /// As a playbook names them.
    pub const WORDS: &[&str] = &["back", "hold", "warn"];

    pub fn word(self) -> &'static str {
        match self {
            OnFail::Back => "back",
            OnFail::Hold => "hold",
            OnFail::Warn => "warn",
        }
    }
}

/// What kinds of step leave to the kind: its own fields, and the defaults of the common ones.
pub struct Kind {
    pub name: &'static str,
    /// One line for `cutover kinds`, lowercase, without a full stop.
    pub summary: &'static str,
    /// A step of this kind as a playbook would hold it; tested by parsing it.
    pub example: &'static str,
    pub fields: &'static [Field],
    pub defaults: Defaults,
    /// Builds the step's work from checked fields, or says what is wrong with them together.
    pub build: fn(&Fields, &Given) -> Result<Built, Vec<Problem>>,
}

/// The defaults of the common fields.
pub struct Defaults {
    pub within: Duration,
    pub every: Duration,
    pub timeout: Duration,
    pub blocks: Blocks,
    pub on_fail: OnFail,
}

/// What a kind may know of the playbook while it builds a step; references are already checked.
pub struct Given<'a> {
    /// The step's id.
    pub id: &'a str,
    pub services: &'a [String],
    pub hosts: &'a [String],
}

/// What a kind builds.
pub struct Built {
    pub title: String,
    pub work: Work,
    /// It shows that a side serves, and is run against the old side before anything is put back.
    pub probes_old_side: bool,
    /// What it looks at exists only after the change (the public names, the traffic).
    pub after_change: bool,
    pub answers: Option<Question>,
}
