//! How quickly all that can happen to a playbook is explored, and how that grows with its steps.
//!
//! Run it with `cargo bench --bench simulate`. The playbooks are sketches: four steps with a change or an act
//! and three checks, over and over. First it prints what one exploration of each takes, with the memory; then
//! it measures. It asserts nothing about time.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark reads clocks and prints"
)]

use std::time::Instant;

use cutover::plan::Mode;
use cutover::simulate::{Limits, Machine, Model, Space, explore};
use divan::Bencher;
use divan::counter::ItemsCount;

/// Steps, and how many faults there are in one run.
const SIZES: [(usize, u8); 4] = [(10, 3), (20, 3), (50, 2), (200, 2)];

const MODES: [Mode; 3] = [Mode::Failover, Mode::Drill, Mode::Emergency];

/// A playbook of so many steps: a gate, then changes and acts, each with checks behind it.
fn model(mode: Mode, steps: usize) -> Model {
    const GROUPS: [&str; 5] = ["ckkk", "tkkb", "akkk", "kwkk", "cckk"];
    let gate = "kpk?".chars();
    let letters = gate.chain(GROUPS.into_iter().cycle().flat_map(str::chars));
    Model::sketch(mode, &letters.take(steps).collect::<String>())
}

fn space(model: &Model, faults: u8) -> Space {
    let limits = Limits {
        faults,
        ..Limits::default()
    };
    explore(model, &Machine, limits)
}

/// The most memory that this process ever had, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}

fn main() {
    println!(
        "steps faults mode                   states transitions  seconds  million/s bytes/state  MiB peak"
    );
    for (steps, faults) in SIZES {
        for mode in MODES {
            let model = model(mode, steps);
            let begun = Instant::now();
            let space = space(&model, faults);
            let took = begun.elapsed().as_secs_f64();
            assert!(space.is_whole() && space.breaches.is_empty());
            println!(
                "{steps:5} {faults:6} {:18} {:10} {:11} {took:8.3} {:10.2} {:11} {:4} {:4}",
                mode.to_string(),
                space.states,
                space.transitions,
                space.transitions as f64 / took / 1e6,
                space.bytes_per_state,
                space.memory >> 20,
                peak(),
            );
        }
    }
    divan::main();
}

/// Transitions a second, as items.
#[divan::bench(args = [10, 20, 50], sample_count = 10)]
fn a_drill_with_two_faults(bencher: Bencher, steps: usize) {
    let model = model(Mode::Drill, steps);
    let transitions = space(&model, 2).transitions;
    let counted = bencher.counter(ItemsCount::new(transitions));
    counted.bench(|| space(&model, 2));
}
