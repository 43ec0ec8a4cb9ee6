//! What a survey asks of the steps that write.

use futures::future::BoxFuture;

use super::direction::leads;
use crate::dns::Active;
use crate::event::Unseen;
use crate::plan::Mode;
use crate::playbook::Playbook;
use crate::site::{Aim, Site};
use crate::step::{Act, Change, Step, Survey, Work};

/// Tells what a change would write.
pub trait Surveyor: Sync {
    fn survey<'a>(
        &'a self,
        step: &'a Step,
        change: &'a dyn Change,
        aim: &'a Aim,
    ) -> BoxFuture<'a, Result<Survey, Unseen>>;

    /// Why an act could not be done at all; where there is nobody to ask, nothing speaks against it.
    fn could<'a>(
        &'a self,
        _: &'a dyn Act,
        _: &'a Aim,
        _first: bool,
    ) -> BoxFuture<'a, Result<Option<String>, Unseen>> {
        Box::pin(async { Ok(None) })
    }

    /// Where the names of all services lead; `None` where there is nobody to ask, or nobody answers at once.
    fn leads<'a>(&'a self, _: &'a Playbook) -> BoxFuture<'a, Option<Active>> {
        Box::pin(async { None })
    }
}

/// The changes look for themselves.
impl Surveyor for Site {
    fn survey<'a>(
        &'a self,
        _: &'a Step,
        change: &'a dyn Change,
        aim: &'a Aim,
    ) -> BoxFuture<'a, Result<Survey, Unseen>> {
        change.survey(self, aim)
    }

    fn could<'a>(
        &'a self,
        act: &'a dyn Act,
        aim: &'a Aim,
        first: bool,
    ) -> BoxFuture<'a, Result<Option<String>, Unseen>> {
        act.could(self, aim, first)
    }

    fn leads<'a>(&'a self, book: &'a Playbook) -> BoxFuture<'a, Option<Active>> {
        Box::pin(leads(book, self))
    }
}

/// Whether a step may bring what a later program needs.
pub(super) fn may_bring(step: &Step) -> bool {
    match step.work {
        Work::Act(_) => true,
        Work::Change(_) => step.kind.name == "command",
        Work::Check(_) | Work::Ask { .. } | Work::Wait { .. } => false,
    }
}

/// Why a run would not come past an act. What is not seen of it stops no emergency.
pub(super) fn why_not(could: Result<Option<String>, Unseen>, like: Mode) -> Option<String> {
    match could {
        Ok(why) => why,
        Err(_) if like == Mode::Emergency => None,
        Err(why) => Some(format!(
            "nobody knows whether it could be run: {}",
            why.detail
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Cause;

    #[test]
    fn what_is_not_seen_of_an_act_stops_a_planned_run_and_no_emergency() {
        let unseen = || Err(Unseen::new(Cause::Unreachable, "no route to host"));
        for like in [Mode::Drill, Mode::Failover] {
            let why = why_not(unseen(), like).unwrap();
            assert_eq!(
                why,
                "nobody knows whether it could be run: no route to host"
            );
        }
        assert_eq!(why_not(unseen(), Mode::Emergency), None);
        // What was seen stops both.
        for like in [Mode::Failover, Mode::Emergency] {
            assert_eq!(why_not(Ok(None), like), None);
            let gone = why_not(Ok(Some("it is gone".into())), like);
            assert_eq!(gone.as_deref(), Some("it is gone"));
        }
    }
}
