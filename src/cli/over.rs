//! Which run of a playbook speaks for the others: the one that wrote last, ended well and stayed.

use std::time::Duration;

use tokio::sync::OnceCell;

use super::common::Desk;
use super::stuck::lands;
use super::whose::{Same, Whose};
use crate::clock::Stamp;
use crate::event::Record;
use crate::journal::{self, Run};
use crate::store::Store;

/// Whether a run answers for all that was left of its playbook before it: it began from what was there, ended well, and
/// stayed. One that came back, was held, or came to no end left it as it was.
pub(super) fn took_over(run: &Run) -> bool {
    run.summary.as_ref().is_some_and(|summary| summary.wrote) && run.stayed()
}

/// The newest record of a run, from where it did anything.
fn last(run: &Run) -> Option<&Stamp> {
    run.summary.as_ref().map(|summary| &summary.last)
}

/// Whether a run has done something after the end of another one, whenever it began.
fn is_later(run: &Run, than: &Run) -> bool {
    let both = last(run).zip(last(than));
    both.is_some_and(|(run, than)| run.since(than) > Duration::ZERO)
}

/// The runs that took over, each with its playbook, which is read where it is asked for: the plan of a large zone is long.
pub(super) struct Takers(Vec<(Run, OnceCell<Whose>)>);

impl Takers {
    pub(super) fn of(runs: &[Run]) -> Takers {
        let takers = runs.iter().filter(|run| took_over(run));
        Takers(takers.map(|run| (run.clone(), OnceCell::new())).collect())
    }

    /// Those of the same playbook that did something after all that a run did, newest first. A run that is not surely
    /// of the same speaks for itself.
    pub(super) async fn over(&self, store: &dyn Store, run: &Run) -> Vec<&Run> {
        let mut over = Vec::new();
        for (taker, whose) in &self.0 {
            if taker.id == run.id || !is_later(taker, run) {
                continue;
            }
            let whose = whose.get_or_init(|| Whose::run(store, taker)).await;
            if whose.is_of(store, run).await == Same::Yes {
                over.push(taker);
            }
        }
        over
    }

    /// The newest one of a playbook.
    pub(super) async fn newest(&self, store: &dyn Store, of: &Whose) -> Option<&Run> {
        for (taker, _) in &self.0 {
            if of.is_of(store, taker).await == Same::Yes {
                return Some(taker);
            }
        }
        None
    }
}

/// The run that went over what another one left, and stayed.
pub(super) async fn gone_over_by(
    store: &dyn Store,
    run: &Run,
) -> Result<Option<Run>, journal::JournalError> {
    let takers = Takers::of(&journal::runs(store).await?);
    Ok(takers.over(store, run).await.first().copied().cloned())
}

/// Whether a run that was gone over stands in nobody's way: its process is gone, and none of its writes can land any
/// more.
pub(super) fn is_nothing_left(desk: &Desk, run: &Run, records: &[Record]) -> bool {
    run.writer.is_none() && lands(desk, records).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Ending;
    use crate::journal::samples;
    use crate::plan::Mode;

    fn run(id: &str, last: u64, mode: Mode, ending: Option<Ending>) -> Run {
        let mut run = samples::row(id, ending);
        run.meta.mode = mode;
        run.summary.as_mut().unwrap().last = Stamp::at(last);
        run
    }

    #[test]
    fn who_did_something_last_is_the_later_whoever_began_first() {
        let first = run("1", 10, Mode::Failover, None);
        let newer = run("2", 20, Mode::Emergency, Some(Ending::Done));
        assert!(is_later(&newer, &first) && !is_later(&first, &newer));
        // The first was gone on with after the newer had ended.
        let resumed = run("1", 30, Mode::Failover, None);
        assert!(is_later(&resumed, &newer) && !is_later(&newer, &resumed));
        assert!(!is_later(&newer, &newer));
    }

    #[test]
    fn only_who_ended_well_and_stayed_takes_over() {
        let of = |mode, ending| took_over(&run("1", 1, mode, ending));
        assert!(of(Mode::Failover, Some(Ending::Done)));
        assert!(of(Mode::Emergency, Some(Ending::DoneUnproven)));
        assert!(!of(Mode::Drill, Some(Ending::Done)));
        // It went there, and somebody said that it remains.
        let mut remains = run("1", 1, Mode::Drill, Some(Ending::DoneUnproven));
        remains.summary.as_mut().unwrap().remains = true;
        assert!(took_over(&remains));
        for ending in [
            Ending::Held,
            Ending::Undone,
            Ending::Stopped,
            Ending::Refused,
        ] {
            assert!(!of(Mode::Failover, Some(ending)));
        }
        assert!(!of(Mode::Failover, None));
    }
}
