//! What would stop a failover now, beside what its checks see: a run that only looks ends as a failover would.

use super::Exit;
use super::common::{Desk, Failure};
use crate::engine::Bar;
use crate::event::Ending;
use crate::report::would_be_refused;

/// What the run is told of it.
pub(super) fn bars(failures: &[Failure]) -> Vec<Bar> {
    let bar = |failure: &Failure| Bar {
        ending: ending(failure),
        why: failure.message.clone(),
    };
    failures.iter().map(bar).collect()
}

fn ending(failure: &Failure) -> Ending {
    match failure.exit {
        Exit::Busy => Ending::Stale,
        _ => Ending::Refused,
    }
}

/// Says it to the person, too. Where the run ended so for the first of them, the exit code is that of the failover.
pub(super) fn tell(desk: &Desk, failures: &[Failure], exit: Exit) -> Exit {
    for failure in failures {
        desk.complain(&would_be_refused(&failure.message));
    }
    match failures.first() {
        Some(first) if Exit::from(ending(first)) == exit => first.exit,
        _ => exit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_as_the_failover_would() {
        for (of_failover, recorded) in [
            (Exit::Busy, Ending::Stale),
            (Exit::Refused, Ending::Refused),
            // Its journal could not be begun.
            (Exit::Error, Ending::Refused),
        ] {
            let found = bars(&[Failure::new(of_failover, "no")]);
            assert_eq!(found[0].ending, recorded, "{of_failover:?}");
        }
    }
}
