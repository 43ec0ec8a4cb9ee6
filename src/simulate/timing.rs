//! How long a failover takes in the fake world.

use std::time::Duration;

use super::fault::Script;
use super::perform::Performance;
use crate::event::Ending;
use crate::plan::{Mode, Plan, Seconds};

/// How long the runs that arrive take, against what was promised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Times {
    /// What the whole is held against; nothing, where it is more than the way there.
    pub rto: Option<Duration>,
    /// From the decision to the verified end; `None` where no run arrives.
    pub whole: Option<Took>,
    /// By entry of the plan, for those that take any time.
    pub steps: Vec<(usize, Took)>,
}

/// The median and the worst of several runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Took {
    pub median: Duration,
    pub worst: Duration,
    /// What goes wrong in the worst one: nothing, where it is empty.
    pub script: Script,
}

/// The times of one performance.
#[derive(Clone, Debug)]
pub(super) struct Clocked {
    pub(super) ending: Option<Ending>,
    script: Script,
    whole: Duration,
    steps: Vec<Duration>,
}

impl Clocked {
    pub(super) fn of(plan: &Plan, script: Script, performance: &Performance) -> Clocked {
        let mut steps = vec![Duration::ZERO; plan.entries.len()];
        for span in &performance.spans {
            if let Some(step) = span.at.entry.and_then(|i| steps.get_mut(usize::from(i))) {
                *step += span.took;
            }
        }
        Clocked {
            ending: performance.ending,
            script,
            whole: performance.took,
            steps,
        }
    }

    fn arrives(&self) -> bool {
        matches!(self.ending, Some(Ending::Done | Ending::DoneUnproven))
    }
}

impl Times {
    /// Of those that arrive; who goes back or stops has no time of recovery.
    pub(super) fn of<'a>(plan: &Plan, all: impl Iterator<Item = &'a Clocked>) -> Times {
        let arrived: Vec<&Clocked> = all.filter(|clocked| clocked.arrives()).collect();
        let whole = Took::of(arrived.iter().map(|c| (c.whole, &c.script)));
        let steps = (0..plan.entries.len()).filter_map(|i| {
            let took = Took::of(arrived.iter().map(|c| (c.steps[i], &c.script)))?;
            (!took.worst.is_zero()).then_some((i, took))
        });
        Times {
            // The whole of a drill is its hold and its way back too, and a dry run goes nowhere.
            rto: (plan.objectives.rto)
                .filter(|_| matches!(plan.mode, Mode::Failover | Mode::Emergency))
                .map(|Seconds(rto)| rto),
            whole,
            steps: steps.collect(),
        }
    }

    /// Whether the worst run takes longer than was promised.
    pub fn breaks_the_promise(&self) -> bool {
        let worst = self.whole.as_ref().map(|whole| whole.worst);
        (self.rto.zip(worst)).is_some_and(|(rto, worst)| worst > rto)
    }
}

impl Took {
    /// The first of several that are equally slow is told.
    fn of<'a>(all: impl Iterator<Item = (Duration, &'a Script)>) -> Option<Took> {
        let mut all: Vec<(Duration, &Script)> = all.collect();
        all.sort_by_key(|(took, _)| *took);
        let median = all.get(all.len() / 2)?.0;
        let worst = all.last()?.0;
        let (_, script) = all.iter().find(|(took, _)| *took == worst)?;
        Some(Took {
            median,
            worst,
            script: (*script).clone(),
        })
    }
}
