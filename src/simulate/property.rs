//! What must hold, whatever happens.

use std::fmt;

/// A rule that every life of every run keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Property {
    /// A dry run writes nothing.
    DryRunWritesNothing,
    /// Nothing is written before its intent is durable.
    IntentFirst,
    /// What is undone is undone in reverse order; what goes there or returns goes in the order of the list.
    Order,
    /// Nothing is written over somebody else's value.
    NotOverOthers,
    /// A write is looked at before the next one to the same place, and one place has one write in flight.
    LookedAt,
    /// What was put back is exactly what was there before, TTLs included.
    RestoredExactly,
    /// Every ending is one of: all new; all as before; stopped where a person must decide.
    EveryEnding,
    /// From every held or finished end that stands, the way back leads to all as before.
    WayBack,
    /// No secret is in any output.
    NoSecret,
    /// The exit code tells the truth.
    ExitCode,
    /// What an ending says of the world was looked at since the last write by anybody.
    SeenSince,
    /// A resume after the end does nothing.
    ResumeAfterEnd,
    /// A success is reachable at all.
    SuccessReachable,
    /// No step goes on after its deadline.
    Deadline,
    /// Both layers say the same.
    Agreement,
}

impl Property {
    pub const ALL: [Property; 15] = [
        Property::DryRunWritesNothing,
        Property::IntentFirst,
        Property::Order,
        Property::NotOverOthers,
        Property::LookedAt,
        Property::RestoredExactly,
        Property::EveryEnding,
        Property::WayBack,
        Property::NoSecret,
        Property::ExitCode,
        Property::SeenSince,
        Property::ResumeAfterEnd,
        Property::SuccessReachable,
        Property::Deadline,
        Property::Agreement,
    ];

    /// Its name, in kebab-case.
    pub fn name(self) -> &'static str {
        match self {
            Property::DryRunWritesNothing => "dry-run-writes-nothing",
            Property::IntentFirst => "intent-before-write",
            Property::Order => "undo-in-reverse-order",
            Property::NotOverOthers => "not-over-somebody-elses",
            Property::LookedAt => "looked-at-after-each-write",
            Property::RestoredExactly => "restored-exactly",
            Property::EveryEnding => "every-ending-is-one-of-three",
            Property::WayBack => "a-way-back",
            Property::NoSecret => "no-secret-in-any-output",
            Property::ExitCode => "exit-code-tells-the-truth",
            Property::SeenSince => "seen-since-the-last-write",
            Property::ResumeAfterEnd => "resume-after-the-end-does-nothing",
            Property::SuccessReachable => "success-is-reachable",
            Property::Deadline => "no-step-after-its-deadline",
            Property::Agreement => "both-layers-agree",
        }
    }

    /// What it says, in one sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Property::DryRunWritesNothing => "a dry run writes nothing",
            Property::IntentFirst => "nothing is written before its intent is durable",
            Property::Order => {
                "changes are made in the order of the list, and undone in reverse order"
            }
            Property::NotOverOthers => "nothing is written over what somebody else wrote",
            Property::LookedAt => "after each write somebody looks before the next one",
            Property::RestoredExactly => "record sets that are put back are exactly as before",
            Property::EveryEnding => {
                "every ending is all new, all as before, or stopped for a person"
            }
            Property::WayBack => "whatever stands can be put back when somebody asks for it",
            Property::NoSecret => "no secret is in any output",
            Property::ExitCode => "the exit code tells the truth",
            Property::SeenSince => {
                "no ending says what was not looked at since the last write by anybody"
            }
            Property::ResumeAfterEnd => "a resume after the end does nothing",
            Property::SuccessReachable => "a success is reachable at all",
            Property::Deadline => "no step goes on after its deadline",
            Property::Agreement => "the model and the real loop end alike",
        }
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
