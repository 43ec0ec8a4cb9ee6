//! All that can happen to sketched playbooks.

use super::*;
use crate::event::Ending;
use crate::plan::Mode;

const MODES: [Mode; 3] = [Mode::Drill, Mode::Failover, Mode::Emergency];

fn explored(mode: Mode, letters: &str, faults: u8) -> Space {
    let model = Model::sketch(mode, letters);
    let limits = Limits {
        faults,
        ..Limits::default()
    };
    let space = explore(&model, &Machine, limits);
    assert!(space.is_whole());
    space
}

/// The names of all stories that break a property.
fn told(mode: Mode, letters: &str, space: &Space) -> String {
    let plan = Model::sketch(mode, letters).plan;
    let line = |breach: &Breach| {
        let Breach {
            property,
            script,
            seen,
        } = breach;
        format!("{property}: {}: {seen}\n", script.name(&plan))
    };
    space.breaches.iter().map(line).collect()
}

#[test]
fn whatever_happens_every_property_holds() {
    for mode in MODES {
        let letters = "kpk?tkckkbcawkckkkkk";
        let space = explored(mode, letters, 3);
        assert_eq!(told(mode, letters, &space), "", "{mode}");
        for ending in [Ending::Done, Ending::Refused] {
            assert!(
                space.endings.contains_key(&ending),
                "{mode}: {ending:?} is never reached"
            );
        }
    }
}
