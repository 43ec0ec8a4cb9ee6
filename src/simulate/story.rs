//! A script, told to a person: what goes wrong, what happens then, where it ends, what to change.

use super::fault::{Cut, Fault, Moment, Script, Twist};
use super::model::Model;
use super::property::Property;
use super::rules::Rules;
use super::walk::{Step, Walk, walk};
use crate::event::{Answer, Decision, Ending, Event, Round};
use crate::machine::{Hold, Move};
use crate::plan::{Mode, Nature, Outcome, Plan, Side, Way};

/// A script in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// What it can be run again by.
    pub name: String,
    /// What happens, in order; the last line says what stands.
    pub lines: Vec<String>,
    /// What to change; empty where everything is as it should be.
    pub mend: String,
    /// The step of the playbook where it begins, where it begins at one.
    pub step: Option<String>,
}

impl Fault {
    /// What it is, in a few words.
    pub fn sentence(self) -> &'static str {
        match self {
            Fault::Fails => "the check fails",
            Fault::Late => "the check is late",
            Fault::Hangs => "no answer comes to the look",
            Fault::Refused => "the write is refused",
            Fault::RefusedLands => "the write is refused, and arrives all the same, later",
            Fault::Lost => "the write is lost, and no answer comes",
            Fault::LandsLate => "no answer comes, and the write arrives later",
            Fault::Unsaid => "the write happens, and the answer is an error",
            Fault::Lies => "the answer claims success, and nothing was written",
            Fault::Old => "the write happens, and its place shows the value from before it",
            Fault::Half => "a part is written, and the answer claims success",
            Fault::HalfUnsaid => "a part is written, and the answer is an error",
            Fault::Foreign => "somebody else writes a value of their own",
            Fault::Anticipated => "somebody else makes the same change",
            Fault::Meanwhile => {
                "somebody else writes a place that was looked at, while the checks are waited for"
            }
            Fault::Overrun => "another run goes over the same places meanwhile",
            Fault::Killed(Cut::Before) => "the process is killed before it",
            Fault::Killed(Cut::Intended) => "the process is killed before the write goes out",
            Fault::Killed(Cut::Written) => "the process is killed after the write happened",
            Fault::Killed(Cut::InFlight) => "the process is killed, and the write arrives later",
            Fault::Killed(Cut::After) => "the process is killed after the answer",
            Fault::LockLost => "another process takes the lock",
            Fault::DiskFull => "the disk is full",
            Fault::CtrlC => "somebody presses Ctrl-C",
            Fault::SourceDies => "the site that is left dies",
            Fault::TargetDies => "the site that is gone to dies",
            Fault::ClockJumps => "the wall clock jumps",
            Fault::Declined => "somebody declines",
            Fault::Person(Decision::On) => "a person accepts what was seen",
            Fault::Person(Decision::Again) => "a person has it looked at again",
            Fault::Person(Decision::Back) => "a person asks to put everything back",
            Fault::Person(Decision::Stop) => "a person leaves it as it is",
            Fault::Person(Decision::Stay) => "a person lets it remain where it is",
        }
    }
}

/// Follows a script and tells it. `broken` is what it is known to break; what it breaks on the way is told as
/// well.
pub fn tell<R: Rules>(
    model: &Model,
    rules: &R,
    script: &Script,
    broken: Option<(Property, &str)>,
) -> Story {
    let walk = walk(model, rules, script);
    let teller = Teller { plan: &model.plan };
    let mut lines: Vec<String> = (walk.steps.iter())
        .flat_map(|step| teller.step(step))
        .collect();
    let unused = walk.unused.iter();
    lines.extend(unused.map(|twist| format!("it never comes to `{}`", twist.name(&model.plan))));
    lines.push(teller.end(&walk));
    let broken = broken.or(walk.broken);
    if let Some((property, seen)) = broken {
        lines.push(format!("{seen} (broken: {property})"));
    }
    let entry = script.0.iter().find_map(|twist| twist.at.entry);
    let step = entry.or_else(|| teller.first_failure(&walk));
    Story {
        name: script.name(&model.plan),
        lines,
        mend: broken.map_or_else(String::new, |(property, _)| teller.mend(property, &walk)),
        step: step.and_then(|i| Some(model.plan.entries.get(usize::from(i))?.step.clone())),
    }
}

struct Teller<'m> {
    plan: &'m Plan,
}

impl Teller<'_> {
    fn id(&self, entry: usize) -> String {
        let entry = self.plan.entries.get(entry);
        format!("`{}`", entry.map_or("?", |entry| entry.id.as_str()))
    }

    fn step(&self, step: &Step) -> Vec<String> {
        let mut lines = Vec::new();
        if let (Move::Decide { hold }, true) = (&step.mv, step.twists.is_empty()) {
            lines.push(format!(
                "{}: it asks, and a person leaves it as it is",
                held(*hold)
            ));
        }
        for twist in &step.twists {
            lines.push(match &step.mv {
                Move::Decide { hold } => {
                    format!("{}: it asks, and {}", held(*hold), twist.fault.sentence())
                }
                _ => format!("{}: {}", self.at(twist), twist.fault.sentence()),
            });
        }
        lines.extend(step.facts.iter().filter_map(|fact| self.fact(fact)));
        lines
    }

    /// Where a fault strikes, in words.
    fn at(&self, twist: &Twist) -> String {
        let id = twist.at.entry.map(|entry| self.id(usize::from(entry)));
        let id = id.unwrap_or_default();
        let again = match twist.at.nth {
            0 => "",
            _ => " once more",
        };
        match twist.at.moment {
            Moment::Look(round) => format!("while {id} looks{again}{}", in_round(round)),
            Moment::Baseline => "while the rates before the change are taken".to_owned(),
            Moment::Compare(way) => {
                format!("when {id} is looked at{again} before {}", writing(way))
            }
            Moment::Write(way) => format!("when {id} is {}{again}", written(way)),
            Moment::Settle(way) => format!("when {id} is looked at{again} after {}", writing(way)),
            Moment::Wait => format!("while {id} waits{again}"),
            Moment::Approve => format!("when {id} asks{again}"),
            Moment::Stay => "while the drill stays on the other side".to_owned(),
            Moment::Decide => "when a person is asked".to_owned(),
            Moment::End => "just before the end".to_owned(),
            Moment::Rest => "afterwards".to_owned(),
        }
    }

    /// What is worth telling of a fact; that something passed is not.
    fn fact(&self, fact: &Event) -> Option<String> {
        Some(match fact {
            Event::Judged { round, outcomes } => {
                let odd = |outcome| !matches!(outcome, Outcome::Pass);
                let found: Vec<String> = (outcomes.iter().filter(|(_, outcome)| odd(*outcome)))
                    .map(|(i, outcome)| format!("{} says {outcome}", self.id(*i)))
                    .collect();
                if found.is_empty() {
                    return None;
                }
                format!("{}{}", found.join(", "), in_round(*round))
            }
            Event::Compared {
                entry, way, side, ..
            } => {
                let change = matches!(self.plan.entries[*entry].nature, Nature::Change(_));
                let expected = match way {
                    Way::There => Side::Before,
                    Way::Back => Side::After,
                };
                if !change || *side == Some(expected) {
                    return None;
                }
                let shows = shows(*side);
                format!(
                    "a look at {} before {} {shows}",
                    self.id(*entry),
                    writing(*way)
                )
            }
            Event::Answered { entry, way, answer } => {
                let said = match answer {
                    Answer::Done { .. } => "the answer is that it is done",
                    Answer::Refused { .. } => "the answer is no",
                    Answer::PutBack { .. } => "the answer is no, and what was taken was put back",
                    Answer::Partly { .. } => "the answer is no, and a part of it was taken",
                    Answer::Declined { .. } => "the answer is no, and it may still arrive",
                    Answer::Unclear { .. } => "it is not known whether it happened",
                };
                format!("{} is {}; {said}", self.id(*entry), written(*way))
            }
            Event::Settled { entry, side, .. } => {
                format!("a look at {} {}", self.id(*entry), shows(*side))
            }
            Event::Overtaken { entry, side, .. } => {
                let shows = shows(Some(*side));
                let id = self.id(*entry);
                format!("a look at {id} {shows}, though its write was refused")
            }
            Event::WouldChange { entry } => format!("{} would be changed", self.id(*entry)),
            Event::Approved { entry, yes, .. } => match yes {
                true => return None,
                false => format!("{} is not approved", self.id(*entry)),
            },
            Event::HoldOver { .. } => {
                "the drill's hold is over, and the way back begins".to_owned()
            }
            Event::StopAsked { .. } => "the run is asked to stop".to_owned(),
            Event::Resumed { .. } => "another process goes on with the run".to_owned(),
            Event::Ended { ending } => format!("it ends: {}", ended(*ending)),
            Event::Started { .. }
            | Event::Looked { .. }
            | Event::BaselineTaken { .. }
            | Event::Intended { .. }
            | Event::Waited { .. }
            | Event::Decided { .. }
            | Event::Barred { .. }
            | Event::Owes { .. }
            | Event::StaysSo { .. } => return None,
        })
    }

    fn end(&self, walk: &Walk) -> String {
        let sides = walk.last.ground.sides();
        let stands: Vec<String> = (self.plan.entries.iter().enumerate())
            .filter(|(_, entry)| entry.writes())
            .filter_map(|(i, _)| {
                let what = match sides[i] {
                    Side::Before => return None,
                    Side::After => "changed",
                    Side::Mixed => "changed in part",
                    Side::Foreign => "what somebody else wrote",
                };
                Some(format!("{} is {what}", self.id(i)))
            })
            .collect();
        match stands.is_empty() {
            true => "in the end everything is as it was before".to_owned(),
            false => format!("in the end {}", stands.join(", ")),
        }
    }

    /// The first check that was judged not to pass.
    fn first_failure(&self, walk: &Walk) -> Option<u16> {
        let facts = walk.steps.iter().flat_map(|step| &step.facts);
        let failed = facts.filter_map(|fact| match fact {
            Event::Judged { outcomes, .. } => outcomes
                .iter()
                .find(|(_, outcome)| !matches!(outcome, Outcome::Pass | Outcome::Warn))
                .map(|(i, _)| *i),
            _ => None,
        });
        let first = failed.into_iter().next()?;
        u16::try_from(first).ok()
    }

    fn mend(&self, property: Property, walk: &Walk) -> String {
        let check = self.first_failure(walk).map(usize::from);
        let later = |check: usize| {
            let changes = self.plan.entries.iter().enumerate().skip(check);
            (changes.filter(|(_, entry)| entry.writes()))
                .map(|(i, _)| i)
                .next()
        };
        match (property, check) {
            (Property::SuccessReachable, Some(check)) => {
                let waits = self.plan.entries[check].after_change;
                match later(check) {
                    Some(change) if waits => format!(
                        "{} waits for a change that comes after it: move it behind {}",
                        self.id(check),
                        self.id(change)
                    ),
                    _ => format!(
                        "{} stops the run each time, also where nothing goes wrong: change what it expects, or \
                         how long it waits",
                        self.id(check)
                    ),
                }
            }
            (Property::SuccessReachable, None) => {
                "no way through the steps ends well: see where it stops, and take that away"
                    .to_owned()
            }
            _ => {
                let mode = match self.plan.mode {
                    Mode::Plan | Mode::Check => "dry run",
                    _ => "run",
                };
                format!(
                    "this is an error of cutover, not of the playbook: report it with the playbook and the name of \
                     this story, and do not trust a {mode} until it is mended"
                )
            }
        }
    }
}

fn in_round(round: Round) -> &'static str {
    match round {
        Round::There => "",
        Round::Return => " on the way back",
        Round::Probe => " at the old side, before anything is put back",
        Round::Verify => " after everything was put back",
    }
}

fn writing(way: Way) -> &'static str {
    match way {
        Way::There => "it is changed",
        Way::Back => "it is put back",
    }
}

fn written(way: Way) -> &'static str {
    match way {
        Way::There => "changed",
        Way::Back => "put back",
    }
}

fn shows(side: Option<Side>) -> &'static str {
    match side {
        Some(Side::Before) => "shows the old value",
        Some(Side::After) => "shows the new value",
        Some(Side::Mixed) => "shows a part of the change",
        Some(Side::Foreign) => "shows a value that somebody else wrote",
        None => "is not answered",
    }
}

fn held(hold: Hold) -> &'static str {
    match hold {
        Hold::Failed => "something failed",
        Hold::Late => "something is late",
        Hold::Unknown => "something could not be told",
        Hold::Declined => "somebody declined",
        Hold::Foreign => "somebody else wrote there",
        Hold::Unreadable => "it cannot be read what is there",
        Hold::NotSeen => "the answer is that it is done, and its place shows the old value",
        Hold::Half => "a part of a change is there, and the rest could not be written",
        Hold::NotBack => "something could not be put back",
        Hold::Interrupted => "it is not known whether it was done",
        Hold::OldSideSick => "the old side does not serve, so nothing goes back to it by itself",
        Hold::NotAsBefore => "everything was put back, and not everything is as before",
    }
}

fn ended(ending: Ending) -> &'static str {
    match ending {
        Ending::Done => "done, and seen so",
        Ending::DoneUnproven => "done, and not everything was seen",
        Ending::Refused => "refused, before any change",
        Ending::Stale => "refused, the world is not what the plan saw",
        Ending::Undone => "everything was put back, and seen so",
        Ending::Held => "a person must look",
        Ending::Stopped => "stopped on request",
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Limits, Machine, Model, Script, explore};
    use super::*;

    fn told(mode: Mode, letters: &str, name: &str) -> String {
        let model = Model::sketch(mode, letters);
        let script = Script::parse(name, &model.plan).unwrap();
        let story = tell(&model, &Machine, &script, None);
        assert_eq!(
            story.name,
            format!("{}:{name}", super::super::mode_name(mode))
        );
        story.lines.join("\n")
    }

    #[test]
    fn a_write_that_lies_is_told() {
        insta::assert_snapshot!(told(Mode::Failover, "kck", "c1/write=lies+c1/settle=foreign+rest=back"), @r"
        when `c1` is changed: the answer claims success, and nothing was written
        `c1` is changed; the answer is that it is done
        when `c1` is looked at after it is changed: somebody else writes a value of their own
        a look at `c1` shows a value that somebody else wrote
        somebody else wrote there: it asks, and a person leaves it as it is
        it ends: a person must look
        afterwards: a person asks to put everything back
        another process goes on with the run
        a look at `c1` shows a value that somebody else wrote
        a look at `c1` before it is put back shows the old value
        `k2` says fail after everything was put back
        everything was put back, and not everything is as before: it asks, and a person leaves it as it is
        it ends: a person must look
        in the end `c1` is what somebody else wrote
        ");
    }

    #[test]
    fn a_killed_write_and_a_death_are_told() {
        let name = "c1/write=killed-in-flight+p0/look#1=target-dies+k2/look@verify=hangs+decide=on";
        insta::assert_snapshot!(told(Mode::Drill, "pck", name), @r"
        when `c1` is changed: the process is killed, and the write arrives later
        another process goes on with the run
        a look at `c1` shows the new value
        while `p0` looks once more: the site that is gone to dies
        `p0` says fail, `k2` says fail
        `c1` is put back; the answer is that it is done
        a look at `c1` shows the old value
        while `k2` looks after everything was put back: no answer comes to the look
        `k2` says unknown after everything was put back
        everything was put back, and not everything is as before: it asks, and a person accepts what was seen
        it ends: everything was put back, and seen so
        in the end everything is as it was before
        ");
    }

    #[test]
    fn a_verification_before_its_change_is_told_with_what_to_do() {
        let mut model = Model::sketch(Mode::Failover, "kkc");
        model.plan.entries[1].after_change = true;
        let space = explore(&model, &Machine, Limits::default());
        let breach = &space.breaches[0];
        let story = tell(
            &model,
            &Machine,
            &breach.script,
            Some((breach.property, breach.seen)),
        );
        assert_eq!(story.step.as_deref(), Some("k1"));
        insta::assert_snapshot!(format!("{}\n{}", story.lines.join("\n"), story.mend), @r"
        `k1` says fail
        it ends: refused, before any change
        in the end everything is as it was before
        it never ends well, not even where nothing goes wrong (broken: success-is-reachable)
        `k1` waits for a change that comes after it: move it behind `c2`
        ");
    }
}
