//! Which run is meant: the one that was named, or the newest, where nothing else can be meant. Nothing is guessed.

use std::collections::BTreeSet;

use super::Exit;
use super::common::{Desk, Failure};
use super::whose::{Same, Whose};
use crate::event::Ending;
use crate::journal::{self, Damaged, Listed, Run};
use crate::plan::Mode;
use crate::report::{CUT_OFF, date_time, phrase};
use crate::store::Store;
use crate::words::count;

/// How many runs are listed at most where it is not clear which one is meant.
const MOST: usize = 10;

/// What somebody wants to do with a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    PutBack,
    GoOn,
}

impl Wish {
    fn verb(self) -> &'static str {
        match self {
            Wish::PutBack => "rollback",
            Wish::GoOn => "resume",
        }
    }

    /// Whether it can be fulfilled with a run, as far as its row in the list tells.
    fn fits(self, run: &Run) -> bool {
        let Some(summary) = &run.summary else {
            return false;
        };
        match self {
            Wish::PutBack => {
                let came_back = match summary.ending {
                    Some(Ending::Undone | Ending::Refused | Ending::Stale) => true,
                    Some(Ending::Done | Ending::DoneUnproven) => !run.stayed(),
                    _ => false,
                };
                summary.wrote && !came_back
            }
            Wish::GoOn => matches!(summary.ending, None | Some(Ending::Held | Ending::Stopped)),
        }
    }

    /// Why it is not clear that the newest run is meant; `None` where it is. `several`: others that fit are of other
    /// playbooks, or may be.
    fn doubt(self, newest: &Run, several: bool) -> Option<String> {
        let Run { id, .. } = newest;
        if let Some(writer) = &newest.writer {
            return Some(format!("the newest one, `{id}`, is alive ({writer})"));
        }
        let wrote = newest.summary.as_ref().is_some_and(|summary| summary.wrote);
        let ending = newest.summary.as_ref().and_then(|summary| summary.ending);
        match (self, ending) {
            (Wish::GoOn, Some(ending)) if !self.fits(newest) => {
                let ended = ended(newest, ending);
                return Some(format!("the newest one, `{id}`, has ended: {ended}"));
            }
            _ if !wrote => return Some(format!("the newest one, `{id}`, wrote nothing")),
            _ => {}
        }
        several.then(|| "runs of several playbooks are kept here".to_owned())
    }
}

/// Ids begin with the time, to the second.
fn time_of(id: &str) -> &str {
    id.get(..15).unwrap_or(id)
}

/// Whether any of these runs is not surely of the playbook of the newest one.
async fn of_several(store: &dyn Store, newest: &Run, others: &[&Run]) -> bool {
    let whose = Whose::run(store, newest).await;
    for other in others {
        if whose.is_of(store, other).await != Same::Yes {
            return true;
        }
    }
    false
}

/// How a run ended, in a few words.
pub(super) fn ended(run: &Run, ending: Ending) -> String {
    let remains = run.summary.as_ref().is_some_and(|summary| summary.remains);
    phrase(ending, run.meta.mode, &run.meta.direction, remains)
}

/// A run in a list, in a few words.
pub(super) fn in_words(run: &Run) -> String {
    let meta = &run.meta;
    let ending = run.summary.as_ref().and_then(|summary| summary.ending);
    let state = match (ending, &run.writer) {
        (_, Some(writer)) => format!("alive ({writer})"),
        (Some(ending), None) => ended(run, ending),
        (None, None) => CUT_OFF.to_owned(),
    };
    format!(
        "{} of {}, {} -> {}, {}: {state}",
        meta.mode,
        meta.playbook,
        meta.direction.source,
        meta.direction.target,
        date_time(&meta.began),
    )
}

/// Which of these runs have a journal that cannot be read: nobody can go on with them. Of those that a list leaves
/// out nobody asks.
async fn unreadable(store: &dyn Store, fitting: &[&Run]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for run in fitting.iter().take(2 * MOST) {
        if journal::read(store, &run.id).await.is_err() {
            found.insert(run.id.clone());
        }
    }
    found
}

impl Desk {
    /// The run that is meant; where that is not clear, the runs that may be, each with the words to type.
    pub(super) async fn meant(
        &self,
        store: &dyn Store,
        given: Option<&str>,
        wish: Wish,
    ) -> Result<Run, Failure> {
        let Listed { runs, damaged } = journal::list(store).await?;
        if let Some(given) = given {
            return self.named(runs, &damaged, given);
        }
        // What only looked has nothing to put back, and is never gone on with.
        let runs: Vec<Run> = runs
            .into_iter()
            .filter(|run| !matches!(run.meta.mode, Mode::Check | Mode::Plan))
            .collect();
        let fitting: Vec<&Run> = runs.iter().filter(|run| wish.fits(run)).collect();
        let unreadable = unreadable(store, &fitting).await;
        let fitting: Vec<&Run> = (fitting.into_iter())
            .filter(|run| !unreadable.contains(&run.id))
            .collect();
        let Some(newest) = runs.first() else {
            let why = match damaged.first() {
                None => "no run fits".to_owned(),
                Some(one) => format!("what is kept of run `{}` is damaged", one.id),
            };
            return Err(self.unclear(&why, &fitting, wish));
        };
        let newer = (damaged.iter()).find(|one| time_of(&one.id) >= time_of(&newest.id));
        let doubt = match newer {
            Some(one) => Some(format!("what is kept of run `{}` is damaged", one.id)),
            None if unreadable.contains(&newest.id) => Some(format!(
                "the journal of run `{}` cannot be read ({} says why), so look at its changes by hand",
                newest.id,
                self.to_type(&format!("show {}", newest.id)),
            )),
            None => wish.doubt(newest, of_several(store, newest, &fitting).await),
        };
        match doubt {
            Some(why) => Err(self.unclear(&why, &fitting, wish)),
            None => Ok(newest.clone()),
        }
    }

    fn unclear(&self, why: &str, fitting: &[&Run], wish: Wish) -> Failure {
        let verb = wish.verb();
        if fitting.is_empty() {
            return Failure::new(Exit::Usage, format!("{why}; see `cutover runs`"));
        }
        let mut text = format!(
            "it is not clear which run to {}: {why}; type one of these, newest first:",
            match wish {
                Wish::PutBack => "put back",
                Wish::GoOn => "go on with",
            }
        );
        for run in fitting.iter().take(MOST) {
            let words = self.to_type(&format!("{verb} {}", run.id));
            text += &format!("\n  {words}  {}", in_words(run));
            if run.writer.is_some() {
                let follow = self.to_type(&format!("show --follow {}", run.id));
                text += &format!("; {follow} shows what it does");
            }
        }
        if fitting.len() > MOST {
            text += &format!("\n  and {}", count(fitting.len() - MOST, "older one"));
        }
        text += "\nAll of them: `cutover runs`";
        Failure::new(Exit::Usage, text)
    }

    /// The run with this id, or with a beginning or end of it that fits only one.
    pub(super) fn named(
        &self,
        runs: Vec<Run>,
        damaged: &[Damaged],
        given: &str,
    ) -> Result<Run, Failure> {
        let usage = |text: String| Failure::new(Exit::Usage, text);
        let near = |id: &str| id.starts_with(given) || id.ends_with(given);
        if let Some(exact) = runs.iter().find(|run| run.id == given) {
            return Ok(exact.clone());
        }
        let fitting: Vec<Run> = runs.into_iter().filter(|run| near(&run.id)).collect();
        let bad: Vec<&Damaged> = damaged.iter().filter(|one| near(&one.id)).collect();
        let ids: Vec<&str> = (fitting.iter().map(|run| run.id.as_str()))
            .chain(bad.iter().map(|one| one.id.as_str()))
            .collect();
        match (ids.len(), fitting.first(), bad.first()) {
            (1, Some(one), _) => Ok(one.clone()),
            (1, None, Some(one)) => Err(Failure::new(
                Exit::Error,
                format!("what is kept of run `{}` is damaged: {}", one.id, one.why),
            )),
            (0, _, _) => Err(usage(format!(
                "there is no run `{given}`; `cutover runs` lists them"
            ))),
            _ => {
                let ids = ids.join(", ");
                Err(usage(format!("`{given}` may be any of {ids}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::samples;

    fn run(id: &str, playbook: &str, wrote: bool, ending: Option<Ending>) -> Run {
        let mut run = samples::row(id, ending);
        run.meta.playbook = playbook.into();
        run.meta.file = Some(format!("/{playbook}.toml"));
        run.summary.as_mut().unwrap().wrote = wrote;
        run
    }

    fn doubt(wish: Wish, runs: &[Run]) -> Option<String> {
        let newest = Whose::row(&runs[0]);
        let fitting = runs.iter().filter(|run| wish.fits(run));
        let mut fitting = fitting.map(|run| newest.same(&Whose::row(run)));
        wish.doubt(&runs[0], fitting.any(|same| same != Same::Yes))
    }

    #[test]
    fn only_the_newest_run_is_meant_and_only_where_nothing_else_can_be() {
        use Ending::{Done, Held, Stopped, Undone};
        use Wish::{GoOn, PutBack};
        let (r1, r2) = (
            "20261122-030500-failover-aaa",
            "20261121-030500-failover-bbb",
        );
        let cases: &[(Wish, [Run; 2], Option<&str>)] = &[
            // Another customer's finished run is not taken for one that was cut off before its first write.
            (
                PutBack,
                [run(r1, "x", false, None), run(r2, "y", true, Some(Done))],
                Some("wrote nothing"),
            ),
            (
                PutBack,
                [run(r1, "x", false, None), run(r2, "x", true, Some(Done))],
                Some("wrote nothing"),
            ),
            (
                PutBack,
                [
                    run(r1, "x", true, Some(Done)),
                    run(r2, "y", true, Some(Done)),
                ],
                Some("several playbooks"),
            ),
            (
                PutBack,
                [run(r1, "x", true, None), run(r2, "y", true, Some(Undone))],
                None,
            ),
            (
                PutBack,
                [
                    run(r1, "x", true, Some(Done)),
                    run(r2, "x", true, Some(Done)),
                ],
                None,
            ),
            (
                PutBack,
                [
                    run(r1, "x", true, Some(Undone)),
                    run(r2, "x", true, Some(Done)),
                ],
                None,
            ),
            // A stale one is not taken up again behind a newer one that has ended.
            (
                GoOn,
                [run(r1, "x", true, Some(Done)), run(r2, "x", true, None)],
                Some("has ended"),
            ),
            (
                GoOn,
                [run(r1, "x", false, None), run(r2, "x", true, None)],
                Some("wrote nothing"),
            ),
            (
                GoOn,
                [
                    run(r1, "x", true, Some(Held)),
                    run(r2, "y", true, Some(Stopped)),
                ],
                Some("several playbooks"),
            ),
            (
                GoOn,
                [run(r1, "x", true, Some(Stopped)), run(r2, "x", true, None)],
                None,
            ),
            (
                GoOn,
                [run(r1, "x", true, None), run(r2, "y", true, Some(Done))],
                None,
            ),
        ];
        for (wish, runs, expected) in cases {
            let said = doubt(*wish, runs);
            let fits = match (&said, expected) {
                (Some(said), Some(words)) => said.contains(words),
                (said, expected) => said.is_none() && expected.is_none(),
            };
            assert!(fits, "{wish:?} {runs:?}: {said:?}, expected {expected:?}");
        }
        let alive = Run {
            writer: Some(crate::store::Holder::this_process()),
            ..run(r1, "x", true, None)
        };
        for wish in [PutBack, GoOn] {
            assert!(
                doubt(wish, std::slice::from_ref(&alive))
                    .is_some_and(|why| why.contains("is alive"))
            );
        }
    }

    #[test]
    fn two_files_of_one_name_are_two_playbooks() {
        let mut one = run("2", "x", true, None);
        let mut other = run("1", "x", true, None);
        one.meta.file = Some("/a/site.toml".into());
        other.meta.file = Some("/b/site.toml".into());
        let said = doubt(Wish::PutBack, &[one, other]);
        assert!(said.is_some_and(|why| why.contains("several playbooks")));
    }
}
