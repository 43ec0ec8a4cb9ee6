//! Scripts through the real loop.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;

use super::fault::{Cut, Fault, Moment, Point, Script, Twist};
use super::imagine;
use super::model::Model;
use super::perform::{Performance, Performer};
use super::rehearse::{Found, Watch, difference, rehearse};
use super::rules::Machine;
use super::space::{Limits, explore};
use super::turns::Turns;
use super::walk::{points, script_of, walk};
use crate::event::{Decision, Ending, Record, Round};
use crate::plan::{Mode, Seconds, Side, Way};
use crate::playbook::Playbook;

/// Nobody looks at the run.
pub(super) fn undisplayed(_: &[Record]) -> std::io::Result<String> {
    Ok(String::new())
}

fn model(mode: Mode, sketch: &str) -> Arc<Model> {
    Arc::new(Model::sketch(mode, sketch))
}

fn twist(entry: Option<u16>, moment: Moment, nth: u16, fault: Fault) -> Twist {
    let at = Point { entry, moment, nth };
    Twist { at, fault }
}

fn perform(model: &Arc<Model>, twists: &[Twist]) -> Performance {
    let performer = Performer::new(undisplayed).unwrap();
    let performance = performer.perform(model, &Script(twists.to_vec()));
    assert_eq!(performance.lapses, [], "{twists:?}");
    performance
}

fn all(performance: &Performance, model: &Model, side: Side) -> bool {
    performance.places(&model.plan).all(|(_, s)| s == side)
}

#[test]
fn without_a_fault_every_mode_ends_as_asked() {
    for (mode, ending, side) in [
        (Mode::Drill, Ending::Done, Side::Before),
        (Mode::Failover, Ending::Done, Side::After),
        (Mode::Emergency, Ending::Done, Side::After),
    ] {
        let model = model(mode, "kpcck?aw");
        let performance = perform(&model, &[]);
        assert_eq!(performance.ending, Some(ending), "{mode}");
        assert_eq!(performance.code, Some(0));
        assert!(all(&performance, &model, side), "{mode}");
    }
}

#[test]
fn done_and_old_is_held_whatever_is_true() {
    let model = model(Mode::Failover, "kck");
    let write = Moment::Write(Way::There);
    for (fault, side) in [(Fault::Lies, Side::Before), (Fault::Old, Side::After)] {
        let performance = perform(&model, &[twist(Some(1), write, 0, fault)]);
        assert_eq!(performance.ending, Some(Ending::Held), "{fault:?}");
        assert!(all(&performance, &model, side), "{fault:?}");
        // Whoever asks for it has it written back, although it reads as if it were.
        let back = twist(None, Moment::Rest, 0, Fault::Person(Decision::Back));
        let performance = perform(&model, &[twist(Some(1), write, 0, fault), back]);
        assert_eq!(performance.ending, Some(Ending::Undone), "{fault:?}");
        assert!(all(&performance, &model, Side::Before), "{fault:?}");
    }
}

#[test]
fn every_fault_of_a_write_strikes_once() {
    let write = Moment::Write(Way::There);
    let cases = [
        (Fault::Refused, Ending::Undone, Side::Before),
        (Fault::Lost, Ending::Done, Side::After),
        (Fault::LandsLate, Ending::Done, Side::After),
        (Fault::Unsaid, Ending::Done, Side::After),
        (Fault::RefusedLands, Ending::Done, Side::After),
        (Fault::Half, Ending::Done, Side::After),
        (Fault::HalfUnsaid, Ending::Done, Side::After),
        (Fault::Killed(Cut::Before), Ending::Done, Side::After),
        (Fault::Killed(Cut::Intended), Ending::Done, Side::After),
        (Fault::Killed(Cut::Written), Ending::Done, Side::After),
        (Fault::Killed(Cut::InFlight), Ending::Done, Side::After),
        (Fault::Killed(Cut::After), Ending::Done, Side::After),
        (Fault::LockLost, Ending::Done, Side::After),
        (Fault::DiskFull, Ending::Done, Side::After),
        (Fault::CtrlC, Ending::Done, Side::After),
        (Fault::ClockJumps, Ending::Done, Side::After),
    ];
    let model = model(Mode::Failover, "kcpck");
    for (fault, ending, side) in cases {
        let performance = perform(&model, &[twist(Some(3), write, 0, fault)]);
        assert_eq!(performance.ending, Some(ending), "{fault:?}");
        assert!(all(&performance, &model, side), "{fault:?}");
        let goes_on = matches!(
            fault,
            Fault::Killed(_) | Fault::LockLost | Fault::DiskFull | Fault::CtrlC
        );
        assert_eq!(performance.processes, 1 + usize::from(goes_on), "{fault:?}");
    }
}

/// Every change of a sketch at a provider that compares as it writes.
fn compared(mode: Mode, letters: &str) -> Arc<Model> {
    let mut model = Model::sketch(mode, letters);
    for traits in &mut model.traits {
        (traits.whole, traits.compares) = (true, true);
    }
    Arc::new(model)
}

#[test]
fn who_writes_between_a_look_and_its_write_is_seen_by_a_provider_that_compares() {
    let write = Moment::Write(Way::There);
    let model = compared(Mode::Failover, "kcpck");
    let foreign = twist(Some(3), write, 0, Fault::Foreign);
    assert!(points(&model, &Machine).contains(&foreign));
    // What somebody else wrote stays, whatever the provider says of our write.
    let others = [
        None,
        Some(Fault::Unsaid),
        Some(Fault::LandsLate),
        Some(Fault::Lies),
        Some(Fault::Killed(Cut::Written)),
        Some(Fault::Killed(Cut::InFlight)),
        Some(Fault::Killed(Cut::After)),
    ];
    for other in others {
        let other = other.map(|fault| twist(Some(3), write, 0, fault));
        let script: Vec<Twist> = [foreign].into_iter().chain(other).collect();
        let performance = perform(&model, &script);
        assert_eq!(performance.ending, Some(Ending::Held), "{other:?}");
        assert_eq!(performance.sides[3], Side::Foreign, "{other:?}");
        assert_eq!(performance.lapses, [], "{other:?}");
        let said = walk(model.as_ref(), &Machine, &Script(script));
        assert_eq!(said.unused, []);
        assert_eq!(difference(&model, &said, &performance), None, "{other:?}");
    }
    for mode in [Mode::Drill, Mode::Failover, Mode::Emergency] {
        let model = compared(mode, "kcck");
        let limits = Limits::default();
        assert_eq!(explore(model.as_ref(), &Machine, limits).breaches, []);
        assert_eq!(found(&model, false), "", "{mode}");
    }
    assert_eq!(found(&compared(Mode::Failover, "kck"), true), "");
    // Nobody is told where the provider does not compare; it is the playbook's to know that.
    let model = Arc::new(Model::sketch(Mode::Failover, "kcpck"));
    assert!(!points(&model, &Machine).contains(&foreign));
}

#[test]
fn looks_and_reads_and_people_are_struck_as_well() {
    let model = model(Mode::Failover, "kpc?ck");
    let look = Moment::Look(Round::There);
    let compare = Moment::Compare(Way::There);
    let settle = Moment::Settle(Way::There);
    let cases = [
        (Some(0), look, Fault::Fails, Ending::Refused),
        (Some(5), look, Fault::Fails, Ending::Undone),
        (Some(5), look, Fault::Late, Ending::Held),
        (Some(5), look, Fault::Hangs, Ending::Held),
        (Some(5), look, Fault::TargetDies, Ending::Undone),
        (Some(2), compare, Fault::Foreign, Ending::Stale),
        (Some(4), compare, Fault::Foreign, Ending::Held),
        (Some(2), compare, Fault::Anticipated, Ending::Done),
        (Some(2), compare, Fault::Hangs, Ending::Refused),
        (Some(2), settle, Fault::Foreign, Ending::Held),
        (Some(2), settle, Fault::Hangs, Ending::Held),
        (Some(3), Moment::Approve, Fault::Declined, Ending::Undone),
    ];
    for (entry, moment, fault, ending) in cases {
        let performance = perform(&model, &[twist(entry, moment, 0, fault)]);
        assert_eq!(performance.ending, Some(ending), "{moment:?} {fault:?}");
    }
    let rolled_back = perform(
        &model,
        &[twist(None, Moment::Rest, 0, Fault::Person(Decision::Back))],
    );
    assert_eq!(rolled_back.ending, Some(Ending::Undone));
    assert!(all(&rolled_back, &model, Side::Before));
    let verify = Moment::Look(Round::Verify);
    let meanwhile = perform(
        &model,
        &[
            twist(None, Moment::Rest, 0, Fault::Person(Decision::Back)),
            twist(Some(2), verify, 0, Fault::Meanwhile),
        ],
    );
    assert_eq!(meanwhile.ending, Some(Ending::Held));
    let looked_at = perform(
        &model,
        &[
            twist(Some(5), look, 0, Fault::Late),
            twist(None, Moment::Decide, 0, Fault::Person(Decision::Again)),
        ],
    );
    assert_eq!(looked_at.ending, Some(Ending::Done));
}

#[test]
fn a_process_that_is_killed_around_any_line_ends_as_if_it_had_been_killed_in_its_move() {
    for mode in [Mode::Drill, Mode::Failover, Mode::Emergency] {
        let model = model(mode, "kpbcck");
        let performer = Performer::new(undisplayed).unwrap();
        let whole = perform(&model, &[]);
        let mut cuts = 0;
        for (severed, twist) in whole.severances() {
            let cut = performer.cut(&model, &Script::default(), Some(severed));
            let script = Script(vec![twist]);
            let said = performer.perform(&model, &script);
            assert_eq!(cut.lapses, [], "{severed:?}");
            assert_eq!(cut.ending, said.ending, "{severed:?} {twist:?}");
            assert_eq!(cut.sides, said.sides, "{severed:?} {twist:?}");
            assert_eq!(cut.processes, 2);
            cuts += 1;
        }
        assert!(cuts > 30, "{cuts}");
    }
}

#[test]
fn a_line_that_finds_no_room_stops_the_run_before_its_next_write_and_only_there() {
    for mode in [Mode::Drill, Mode::Failover, Mode::Emergency] {
        let model = model(mode, "kpbcck");
        let performer = Performer::new(undisplayed).unwrap();
        let whole = perform(&model, &[]);
        let mut stopped = Vec::new();
        for (severed, twist) in whole.full_disks() {
            let full = performer.cut(&model, &Script::default(), Some(severed));
            assert_eq!(full.lapses, [], "{severed:?}");
            assert_eq!(full.ending, whole.ending, "{severed:?}");
            assert_eq!(full.sides, whole.sides, "{severed:?}");
            // Whoever stops is resumed once there is room.
            assert_eq!(
                full.processes,
                1 + usize::from(twist.is_some()),
                "{severed:?}"
            );
            stopped.push(twist.and_then(|twist| twist.at.entry));
        }
        assert_eq!(stopped.len(), whole.records.len());
        for at in [Some(3), Some(4), None] {
            assert!(stopped.contains(&at), "{mode}: {at:?} of {stopped:?}");
        }
    }
}

const MODES: [Mode; 3] = [Mode::Drill, Mode::Failover, Mode::Emergency];

/// What the rehearsal of a sketch finds, a line each.
fn found(model: &Arc<Model>, pairs: bool) -> String {
    let rehearsal = rehearse(model, pairs, undisplayed, &()).unwrap();
    let line = |found: &Found| {
        let Found {
            property,
            script,
            seen,
        } = found;
        format!("{property}: {}: {seen}\n", script.name(&model.plan))
    };
    rehearsal.found.iter().map(line).collect()
}

#[test]
fn both_layers_say_the_same_of_every_single_fault() {
    for mode in MODES {
        let model = model(mode, "kp?tcbaswk");
        assert_eq!(found(&model, false), "", "{mode}");
    }
    for mode in [Mode::Check, Mode::Plan] {
        assert_eq!(found(&model(mode, "kpcck?aw"), false), "", "{mode}");
    }
}

#[test]
fn both_layers_say_the_same_of_every_pair_of_faults() {
    for mode in MODES {
        assert_eq!(found(&model(mode, "c"), true), "", "{mode}");
    }
}

/// What was said of how far it is.
#[derive(Default)]
struct Counted {
    expected: Mutex<Vec<u64>>,
    performed: AtomicU64,
}

impl Watch for Counted {
    fn expects(&self, lives: u64) {
        self.expected.lock().unwrap().push(lives);
    }

    fn performed(&self) {
        self.performed.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn how_many_runs_it_will_be_is_said_beforehand_and_each_is_counted() {
    let model = model(Mode::Failover, "k");
    for pairs in [false, true] {
        let counted = Counted::default();
        let rehearsal = rehearse(&model, pairs, undisplayed, &counted).unwrap();
        let performed = counted.performed.into_inner();
        assert_eq!(*counted.expected.lock().unwrap(), [performed]);
        assert_eq!(rehearsal.performed, performed);
        let singles = rehearsal.singles.len() as u64;
        // Behind each fault at least one other can strike.
        assert_eq!(performed > 2 * singles, pairs, "{performed} {singles}");
    }
}

/// A life of a run with up to three faults, chosen at random where they can strike.
fn random_script(model: &Model, choices: &[u16]) -> Script {
    let mut turns = Turns::new(model, &Machine);
    let (mut possible, mut taken) = (Vec::new(), Vec::new());
    let mut faults = 0;
    for choice in choices.iter().map(|choice| usize::from(*choice)) {
        turns.strikes(&mut possible);
        let Some(usual) = turns.usual() else {
            break;
        };
        let strike = match choice % 6 {
            0 => possible[choice / 6 % possible.len()],
            _ => usual,
        };
        faults += strike.cost();
        let strike = match faults > 3 {
            true => usual,
            false => strike,
        };
        taken.push(strike);
        turns.take(&[strike]);
        turns.go();
    }
    script_of(model, &Machine, &taken)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_layers_say_the_same_of_random_lives_of_random_sketches(
        letters in "[kkpbcctasx?w]{1,8}",
        choices in prop::collection::vec(any::<u16>(), 60),
    ) {
        let performer = Performer::new(undisplayed).unwrap();
        for mode in MODES {
            let model = model(mode, &letters);
            let script = random_script(&model, &choices);
            let name = script.name(&model.plan);
            let said = walk(&model, &Machine, &script);
            prop_assert_eq!(&said.unused, &[], "{} {} {}", mode, letters, name);
            let performed = performer.perform(&model, &script);
            prop_assert_eq!(difference(&model, &said, &performed), None, "{} {} {}", mode, letters, name);
            prop_assert_eq!(&performed.lapses, &[], "{} {} {}", mode, letters, name);
        }
    }
}

#[test]
fn times_are_told_against_what_was_promised() {
    let mut sketched = Model::sketch(Mode::Failover, "kcck");
    sketched.plan.objectives.rto = Some(Seconds(Duration::from_secs(60)));
    sketched.traits[3].timing.lag = Duration::from_secs(12);
    let model = Arc::new(sketched);
    let times = rehearse(&model, false, undisplayed, &()).unwrap().times;
    let whole = times.whole.as_ref().unwrap();
    // Two checks, three looks and writes for each change, and one look at both before the end, of a second each; a
    // check waits for the lag.
    assert_eq!(whole.median, Duration::from_secs(21));
    // Nobody knows whether the write went out: it is looked for until nothing of it can land any more.
    let name = whole.script.name(&model.plan);
    assert_eq!(name, "failover:c1/write=killed-intended");
    assert!(whole.worst > Duration::from_secs(60), "{:?}", whole.worst);
    assert_eq!(times.steps.len(), 4);
    assert!(times.breaks_the_promise());

    // A drill that stays for an hour breaks none.
    let mut drill = Model::sketch(Mode::Drill, "kcck");
    drill.plan.objectives.rto = Some(Seconds(Duration::from_secs(60)));
    drill.plan.hold = Duration::from_secs(3600);
    let times = rehearse(&Arc::new(drill), false, undisplayed, &())
        .unwrap()
        .times;
    assert!(times.whole.as_ref().unwrap().median > Duration::from_secs(3600));
    assert!(!times.breaks_the_promise());
}

/// Playbooks as they are, imagined, whose places hold record sets with their TTLs.
#[test]
fn both_layers_say_the_same_of_real_playbooks() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    for text in [
        include_str!("../../playbooks/small-site.toml"),
        include_str!("../../playbooks/ipv6-only.toml"),
        include_str!("../../playbooks/raspbian.toml"),
    ] {
        let book = Arc::new(Playbook::parse(text, "test.toml", &[]).unwrap());
        for mode in MODES {
            let imagined = runtime.block_on(imagine(&book, mode, None, None));
            let model = Arc::new(imagined.unwrap());
            assert_eq!(found(&model, false), "", "{mode} {}", book.name());
        }
    }
}

#[tokio::test]
async fn a_rehearsal_can_be_held_in_the_midst_of_a_runtime() {
    let rehearsal = rehearse(&model(Mode::Failover, "k"), false, undisplayed, &()).unwrap();
    assert_eq!(rehearsal.found, []);
    assert!(rehearsal.performed > 5);
}
