//! Parts of a run with a planted defect, and the property that finds each of them in the real loop.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;

use super::fault::{Cut, Fault, Moment, Point, Script, Twist};
use super::model::Model;
use super::perform::{Parts, Performance, Performer};
use super::property::Property;
use super::rehearse::{Rehearsal, rehearse_with};
use super::stage::Stage;
use super::stage_tests::undisplayed;
use super::theatre::CANARY;
use crate::clock::Clock;
use crate::engine::World;
use crate::event::{Answer, Ending, Event, Finding, Record, Unseen};
use crate::journal::Permit;
use crate::plan::{Edit, Entry, Mode, Plan, Side, Value, Way};
use crate::site::Aim;
use crate::step::{Evidence, Look, Pulses};
use crate::store::{Append, AppendError, Overlay, Reply, Store};

/// What is wrong with one of the parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Defect {
    /// The store says that an intent is durable before it is.
    PermitBeforeTheIntent,
    /// The store looks neither for the lock nor at the number of a line.
    LockNotChecked,
    /// The provider claims to be atomic, and writes the first part only.
    AppliesHalf,
    /// A read shows what was last asked for, and not what is there.
    ReadsItsOwnWish,
    /// A read takes somebody else's value for the one that it expects.
    OverlooksOthers,
    /// What was there comes back without its second part, and a read does not compare that one.
    ForgetsAPart,
    /// The provider's complaint holds its password.
    LeaksTheSecret,
    /// A display looks up what was left out of the records.
    DisplaysTheSecret,
    /// The engine waits ten times as long as the playbook says.
    WaitsTooLong,
    /// A resume does not know of the write that was in flight.
    ForgetsTheIntent,
    /// A resume does not know that the run has ended.
    ForgetsTheEnd,
    /// What was not seen is told by the exit code of a success.
    UnprovenIsZero,
    /// The store keeps nothing in reserve for what happened when the disk is full.
    NoRoomForFacts,
    /// The engine reckons its deadlines by the wall clock.
    TrustsTheWallClock,
}

impl Parts for Defect {
    type World = OddWorld;

    fn world(&self, stage: Stage) -> OddWorld {
        OddWorld {
            clock: match self {
                Defect::TrustsTheWallClock => stage.theatre.clock.by_the_wall(),
                _ => stage.theatre.clock.clone(),
            },
            stage,
            defect: *self,
            wished: Mutex::default(),
        }
    }

    fn store(&self, disk: Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(OddStore {
            disk,
            defect: *self,
            late: Mutex::default(),
        })
    }

    fn plan(&self, plan: &Plan) -> Plan {
        let mut plan = plan.clone();
        if *self == Defect::WaitsTooLong {
            for entry in &mut plan.entries {
                entry.pace.timeout *= 10;
            }
        }
        plan
    }

    fn read_back(&self, mut records: Vec<Record>) -> Vec<Record> {
        let forgets = |event: &Event| match self {
            Defect::ForgetsTheIntent => matches!(event, Event::Intended { .. }),
            Defect::ForgetsTheEnd => matches!(event, Event::Ended { .. }),
            _ => false,
        };
        records.pop_if(|record| forgets(&record.event));
        records
    }

    fn code(&self, ending: Ending) -> u8 {
        match (self, ending) {
            (Defect::UnprovenIsZero, Ending::DoneUnproven) => 0,
            _ => ending.code(),
        }
    }

    fn prints(&self, records: &[Record]) -> std::io::Result<String> {
        let mut text = String::new();
        for record in records {
            text += &serde_json::to_string(record)?;
            text.push('\n');
        }
        Ok(match self {
            Defect::DisplaysTheSecret => text.replace("[secret]", CANARY),
            _ => text,
        })
    }
}

struct OddWorld {
    stage: Stage,
    clock: Clock,
    defect: Defect,
    wished: Mutex<HashMap<String, Value>>,
}

impl OddWorld {
    /// Writes something else than was asked for, and says that all is well.
    fn writes_instead(&self, entry: &Entry, permit: &Permit<'_>, value: Value) -> Answer {
        let index = self.stage.index(&entry.id);
        self.stage.goes_out(index, permit.way());
        let (model, now) = (self.stage.model(), self.stage.now());
        self.stage.inner().put(model, index, value, false, now);
        Answer::Done {
            note: String::new(),
        }
    }
}

impl World for OddWorld {
    fn clock(&self) -> &Clock {
        &self.clock
    }

    fn looks<'a>(&'a self, entry: &'a Entry, aim: &'a Aim, pulses: &'a Pulses) -> Vec<Look<'a>> {
        self.stage.looks(entry, aim, pulses)
    }

    fn baseline<'a>(&'a self, entry: &'a Entry, aim: &'a Aim, pulses: &'a Pulses) -> Vec<Look<'a>> {
        self.stage.baseline(entry, aim, pulses)
    }

    fn judge(&self, entry: &Entry, aim: &Aim, evidence: &Evidence) -> Finding {
        self.stage.judge(entry, aim, evidence)
    }

    fn reuse(&self, entry: &Entry) -> Option<Duration> {
        self.stage.reuse(entry)
    }

    fn repeats(&self, entry: &Entry) -> bool {
        self.stage.repeats(entry)
    }

    fn read<'a>(
        &'a self,
        entry: &'a Entry,
        edit: &'a Edit,
    ) -> BoxFuture<'a, Result<Value, Unseen>> {
        Box::pin(async move {
            let seen = self.stage.read(entry, edit).await?;
            let wished = self.wished.lock().unwrap().get(&entry.id).cloned();
            Ok(match self.defect {
                Defect::ReadsItsOwnWish | Defect::ForgetsAPart => wished.unwrap_or(seen),
                Defect::OverlooksOthers if edit.side(&seen) == Side::Foreign => edit.before.clone(),
                _ => seen,
            })
        })
    }

    fn write<'a>(&'a self, entry: &'a Entry, permit: Permit<'a>) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            let (from, to) = (permit.from().clone(), permit.to().clone());
            self.wished
                .lock()
                .unwrap()
                .insert(entry.id.clone(), to.clone());
            match self.defect {
                Defect::AppliesHalf => {
                    let mut half = from;
                    half.0.insert("one".into(), to.0["one"].clone());
                    self.writes_instead(entry, &permit, half)
                }
                Defect::ForgetsAPart if permit.way() == Way::Back => {
                    let mut rest = to;
                    rest.0.remove("two");
                    self.writes_instead(entry, &permit, rest)
                }
                Defect::LeaksTheSecret => match self.stage.write(entry, permit).await {
                    Answer::Refused { why } => {
                        let secret = self.stage.theatre.secret.expose();
                        let why = format!("{why}: `{secret}` may not do this");
                        Answer::Refused { why }
                    }
                    answer => answer,
                },
                _ => self.stage.write(entry, permit).await,
            }
        })
    }

    fn act<'a>(
        &'a self,
        entry: &'a Entry,
        aim: &'a Aim,
        permit: Permit<'a>,
    ) -> BoxFuture<'a, Answer> {
        self.stage.act(entry, aim, permit)
    }

    fn landing(&self, entry: &Entry) -> Duration {
        self.stage.landing(entry)
    }
}

struct OddStore {
    disk: Arc<dyn Store>,
    defect: Defect,
    /// What was said to be durable, and is not yet.
    late: Mutex<Option<Append>>,
}

impl Overlay for OddStore {
    fn below(&self) -> &dyn Store {
        &*self.disk
    }

    fn add(&self, entry: Append) -> Reply<'_, (), AppendError> {
        Box::pin(async move {
            let late = self.late.lock().unwrap().take();
            if let Some(late) = late {
                self.disk.append(late).await?;
            }
            let seq = entry.seq;
            let text = String::from_utf8_lossy(&entry.bytes).into_owned();
            if self.defect == Defect::PermitBeforeTheIntent && text.contains("\"is\":\"intended\"")
            {
                *self.late.lock().unwrap() = Some(entry);
                return Ok(());
            }
            match self.disk.append(entry).await {
                Err(AppendError::Full)
                    if self.defect == Defect::NoRoomForFacts
                        && !text.contains("\"is\":\"intended\"") =>
                {
                    Err(AppendError::Taken { seq })
                }
                Err(AppendError::Taken { .. } | AppendError::LockLost(_))
                    if self.defect == Defect::LockNotChecked =>
                {
                    Ok(())
                }
                said => said,
            }
        })
    }
}

/// A sketch in which the checks behind a change have to wait for it.
fn published_late(mut model: Model) -> Model {
    for (entry, traits) in model.plan.entries.iter().zip(&mut model.traits) {
        if entry.after_change {
            traits.timing.lag = entry.pace.within / 2;
        }
    }
    model
}

/// Rehearses a sketch with a defect, and tells the first story that breaks this property.
fn story(defect: Defect, mode: Mode, letters: &str, property: Property) -> String {
    let mut model = Model::sketch(mode, letters);
    if defect == Defect::AppliesHalf {
        model
            .traits
            .iter_mut()
            .for_each(|traits| traits.whole = true);
    }
    if defect == Defect::TrustsTheWallClock {
        model = published_late(model);
    }
    let model = Arc::new(model);
    let Rehearsal { found, .. } = rehearse_with(&model, false, &defect, &()).unwrap();
    let breaks = found.iter().find(|found| found.property == property);
    let Some(first) = breaks else {
        panic!("{defect:?} is not found by {property}, but: {found:#?}");
    };
    format!("{}: {}", first.script.name(&model.plan), first.seen)
}

#[test]
fn every_planted_defect_is_found_and_has_a_story() {
    let cases = [
        (
            Defect::PermitBeforeTheIntent,
            Mode::Failover,
            "kck",
            Property::IntentFirst,
        ),
        (
            Defect::LockNotChecked,
            Mode::Failover,
            "kck",
            Property::IntentFirst,
        ),
        (
            Defect::AppliesHalf,
            Mode::Failover,
            "kck",
            Property::Agreement,
        ),
        (
            Defect::ReadsItsOwnWish,
            Mode::Failover,
            "kc",
            Property::EveryEnding,
        ),
        (
            Defect::OverlooksOthers,
            Mode::Failover,
            "kck",
            Property::NotOverOthers,
        ),
        (
            Defect::ForgetsAPart,
            Mode::Drill,
            "kc",
            Property::RestoredExactly,
        ),
        (
            Defect::LeaksTheSecret,
            Mode::Failover,
            "kck",
            Property::NoSecret,
        ),
        (
            Defect::DisplaysTheSecret,
            Mode::Failover,
            "kck",
            Property::NoSecret,
        ),
        (
            Defect::WaitsTooLong,
            Mode::Failover,
            "kck",
            Property::Deadline,
        ),
        (
            Defect::ForgetsTheIntent,
            Mode::Failover,
            "kck",
            Property::LookedAt,
        ),
        (
            Defect::ForgetsTheEnd,
            Mode::Failover,
            "kck",
            Property::ResumeAfterEnd,
        ),
        (
            Defect::UnprovenIsZero,
            Mode::Emergency,
            "kck",
            Property::ExitCode,
        ),
        (
            Defect::NoRoomForFacts,
            Mode::Failover,
            "kck",
            Property::EveryEnding,
        ),
        (
            Defect::TrustsTheWallClock,
            Mode::Failover,
            "kck",
            Property::Agreement,
        ),
    ];
    let stories: String = cases
        .into_iter()
        .map(|(defect, mode, letters, property)| {
            let story = story(defect, mode, letters, property);
            format!("{defect:?} breaks {property}\n  {story}\n")
        })
        .collect();
    insta::assert_snapshot!(stories, @r#"
    PermitBeforeTheIntent breaks intent-before-write
      failover:nothing: `c1` was written, and the store had no line that said so
    LockNotChecked breaks intent-before-write
      failover:c1/write=lock-lost: `c1` was written by a process whose lock was taken over
    AppliesHalf breaks both-layers-agree
      failover:nothing: the model ends it Done, and the real loop Undone
    ReadsItsOwnWish breaks every-ending-is-one-of-three
      failover:c1/write=lost: it ended Done, and `c1` is Before
    OverlooksOthers breaks not-over-somebody-elses
      failover:c1/compare=foreign: `c1` was written over what somebody else wrote
    ForgetsAPart breaks restored-exactly
      drill:nothing: it ended Done, and `c1` is Foreign
    LeaksTheSecret breaks no-secret-in-any-output
      failover:c1/write=refused: a line of the journal held the secret behind `the provider refused it (logged in with [secret]): ``
    DisplaysTheSecret breaks no-secret-in-any-output
      failover:c1/write=refused: what a display prints held the secret behind `the provider refused it (logged in with `
    WaitsTooLong breaks no-step-after-its-deadline
      failover:k0/look=hangs: `k0` was asked for 100s, and may be for 10s
    ForgetsTheIntent breaks looked-at-after-each-write
      failover:c1/write=killed-in-flight: `c1` was written while another write could still land
    ForgetsTheEnd breaks resume-after-the-end-does-nothing
      failover:nothing: a resume after Done wrote lines, or ended as Ok(Done)
    UnprovenIsZero breaks exit-code-tells-the-truth
      emergency:k0/look=late: the exit code is 0, and `k0` was late
    NoRoomForFacts breaks every-ending-is-one-of-three
      failover:c1/write=disk-full: it went wrong: failed to write the journal: record 0 is there already: another process writes this run
    TrustsTheWallClock breaks both-layers-agree
      failover:k2/look=clock-jumps: the model ends it Done, and the real loop Held
    "#);
}

/// The real parts break nothing where the defects do.
#[test]
fn without_a_defect_nothing_of_it_is_found() {
    for (mode, letters) in [
        (Mode::Failover, "kck"),
        (Mode::Failover, "kc"),
        (Mode::Drill, "kc"),
        (Mode::Emergency, "kck"),
    ] {
        let model = Arc::new(Model::sketch(mode, letters));
        let late = Arc::new(published_late(Model::clone(&model)));
        for model in [model, late] {
            let rehearsal = super::rehearse(&model, false, undisplayed, &()).unwrap();
            assert_eq!(rehearsal.found, [], "{mode} {letters}");
        }
    }
}

/// What a resume that forgets an intent does is told by the lines of its journal.
#[test]
fn the_story_of_a_defect_can_be_performed_again() {
    let model = Arc::new(Model::sketch(Mode::Failover, "kck"));
    let at = Point {
        entry: Some(1),
        moment: Moment::Write(Way::There),
        nth: 0,
    };
    let fault = Fault::Killed(Cut::InFlight);
    let script = Script(vec![Twist { at, fault }]);
    let performer = Performer::with(Defect::ForgetsTheIntent).unwrap();
    let Performance { lapses, writes, .. } = performer.perform(&model, &script);
    assert!(
        lapses.iter().any(|l| l.property == Property::LookedAt),
        "{lapses:?}"
    );
    assert!(writes.len() > 1 && writes.iter().all(|write| write.entry == 1));
    assert!(Script::parse(&script.name(&model.plan), &model.plan).is_ok_and(|s| s == script));
}
