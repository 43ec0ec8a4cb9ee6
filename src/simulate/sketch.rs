//! Models from a line of letters, for tests and benchmarks.

use std::time::Duration;

use super::model::{Model, Sees, Timing, Traits};
use crate::fake;
use crate::plan::{Mode, Nature};

impl Model {
    /// The model of a sketched plan (see [`fake::plan`]).
    ///
    /// Checks before the first change compare both sites; later ones look at the site that shall be active, and
    /// fail where it is dead. An act with an undo is done there, too. Providers are elsewhere, and never die.
    /// A temporary change is written whole or not at all, the others part by part.
    pub fn sketch(mode: Mode, letters: &str) -> Model {
        let plan = fake::plan(mode, letters);
        let traits = (plan.entries.iter().zip(letters.chars()))
            .map(|(entry, letter)| {
                let check = matches!(entry.nature, Nature::Check) && !entry.has_place();
                let behind = check && (entry.after_change || letter == 'p');
                Traits {
                    sees: Sees {
                        active: check || matches!(letter, 'a' | 's'),
                        idle: check && !behind,
                    },
                    serves: behind,
                    whole: letter == 't',
                    compares: false,
                    timing: Timing {
                        takes: Duration::from_secs(1),
                        lag: Duration::ZERO,
                    },
                }
            })
            .collect();
        Model { plan, traits }
    }
}
