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

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cutover::plan::Mode;
use cutover::playbook::{Included, Input, Playbook};
use cutover::simulate::{Limits, Machine, Model, Space, explore, imagine, rehearse};
use divan::Bencher;
use divan::counter::ItemsCount;

/// Steps, and how many faults there are in one run.
const SIZES: [(usize, u8); 4] = [(10, 3), (20, 3), (50, 2), (100, 2)];

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
    of_the_project();
    divan::main();
}

fn playbook(path: &Path) -> Playbook {
    let read = |path: &Path| std::fs::read(path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
    let file = path.display().to_string();
    let input = Input {
        file: &file,
        folder: Path::new(""),
        sets: &[],
        today: None,
        read: &|included| {
            Ok(Included {
                file: Input::beside(&file, included),
                bytes: read(&path.with_file_name(included)),
            })
        },
    };
    let book = Playbook::read(&read(path), &input);
    book.unwrap_or_else(|problems| panic!("{}", problems.render(false, None)))
}

/// Every playbook of this project in every kind of run: both layers, each on its own.
fn of_the_project() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks");
    let mut files: Vec<PathBuf> = [folder.clone(), folder.join("twelve")]
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).expect("the folder of the playbooks"))
        .map(|entry| entry.expect("an entry of the folder").path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "toml"))
        .collect();
    files.sort();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let modes = [Mode::Plan, Mode::Drill, Mode::Failover, Mode::Emergency];
    let (mut searched, mut performed) = (Duration::ZERO, Duration::ZERO);
    let (mut transitions, mut lives) = (0, 0);
    for file in &files {
        let book = Arc::new(playbook(file));
        for mode in modes {
            let model = runtime.block_on(imagine(&book, mode, None, None));
            let model = Arc::new(model.unwrap_or_else(|why| panic!("{file:?}: {why}")));
            let begun = Instant::now();
            transitions += space(&model, 3).transitions;
            searched += begun.elapsed();
            let begun = Instant::now();
            lives += rehearse(&model, false, |_| Ok(String::new()), &())
                .expect("threads")
                .performed;
            performed += begun.elapsed();
        }
    }
    println!(
        "{} playbooks of the project, three faults: {transitions} transitions in {:.2} s on one core; \
         {lives} runs through the real loop in {:.2} s",
        files.len(),
        searched.as_secs_f64(),
        performed.as_secs_f64(),
    );
}

/// Transitions a second, as items.
#[divan::bench(args = [10, 20, 50], sample_count = 10)]
fn a_drill_with_two_faults(bencher: Bencher, steps: usize) {
    let model = model(Mode::Drill, steps);
    let transitions = space(&model, 2).transitions;
    let counted = bencher.counter(ItemsCount::new(transitions));
    counted.bench(|| space(&model, 2));
}
