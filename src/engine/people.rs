//! The people that a run asks.

use futures::future::BoxFuture;

use crate::event::Decision;
use crate::machine::Hold;
use crate::plan::Entry;

/// What somebody says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub decision: Decision,
    /// Who said so.
    pub by: String,
    /// Of `Back`: also where the old side is not seen to serve, and past what somebody else wrote.
    pub anyway: bool,
}

impl Told {
    /// A decision of somebody who sees what it is about.
    pub fn here(decision: Decision, by: impl Into<String>) -> Told {
        Told {
            decision,
            by: by.into(),
            anyway: false,
        }
    }
}

/// The holds that a wish to go back from elsewhere answers only where it says `--anyway`: whoever wishes it plainly
/// may not know of them.
pub const ANYWAY: [Hold; 2] = [Hold::OldSideSick, Hold::Foreign];

/// What a run heeds now that it did not ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heeds {
    /// That everything is put back.
    pub back: bool,
    /// That it remains where it is.
    pub stay: bool,
}

impl Heeds {
    pub fn any(self) -> bool {
        self.back || self.stay
    }

    /// Whether it heeds this.
    pub fn takes(self, decision: Decision) -> bool {
        match decision {
            Decision::Back => self.back,
            Decision::Stay => self.stay,
            Decision::On | Decision::Again | Decision::Stop => false,
        }
    }
}

/// Somebody who can be asked: at the terminal, through the inbox, or nobody.
pub trait People: Send + Sync {
    /// Whether an `approve` step may pass, and who said so; `None` where whoever was to answer is gone, and the run
    /// stops there.
    fn approve<'a>(
        &'a self,
        entry: &'a Entry,
        question: &'a str,
    ) -> BoxFuture<'a, (Option<bool>, String)>;

    /// How a run that stands still goes on. `may_remain` says that `Stay` is an answer.
    fn decide<'a>(&'a self, hold: Hold, may_remain: bool) -> BoxFuture<'a, Told>;

    /// Is told something that no fact of the journal says.
    fn hear(&self, _: &str) {}

    /// Takes what somebody said meanwhile, without having been asked, and the run heeds. It does not wait.
    fn said<'a>(&'a self, _: Heeds) -> BoxFuture<'a, Option<Told>> {
        Box::pin(std::future::ready(None))
    }

    /// Resolves when [`People::said`] has something to take.
    fn hears<'a>(&'a self, _: Heeds) -> BoxFuture<'a, ()> {
        Box::pin(std::future::pending())
    }

    /// Resolves when somebody ends the stay of a drill before its time: `On` and `Again` come back as planned,
    /// `Back` is an undo, `Stop` a request to stop, and with `Stay`, which is an answer where it `may_remain`, the
    /// drill does not come back.
    fn end_stay<'a>(&'a self, may_remain: bool) -> BoxFuture<'a, Told>;
}

/// Nobody is there: nothing is approved, and a run that must ask stops for a person.
pub struct Nobody;

impl People for Nobody {
    fn approve<'a>(&'a self, _: &'a Entry, _: &'a str) -> BoxFuture<'a, (Option<bool>, String)> {
        Box::pin(async { (Some(false), "nobody (no terminal)".to_owned()) })
    }

    fn decide<'a>(&'a self, _: Hold, _: bool) -> BoxFuture<'a, Told> {
        Box::pin(async { Told::here(Decision::Stop, "nobody (no terminal)") })
    }

    fn end_stay<'a>(&'a self, _: bool) -> BoxFuture<'a, Told> {
        Box::pin(std::future::pending())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_heeds_one_of_the_two_heeds_something() {
        for (back, stay) in [(false, false), (true, false), (false, true), (true, true)] {
            let heeds = Heeds { back, stay };
            assert_eq!(heeds.any(), back || stay, "{heeds:?}");
            assert_eq!(heeds.takes(Decision::Back), back);
            assert_eq!(heeds.takes(Decision::Stay), stay);
        }
    }
}
