//! A script as text: its name, by which it can be run again.
//!
//! `drill:flip/write=lies`, `failover:works/look@verify=fails`, `drill:flip/write#1=refused+stay=ctrl-c`: the
//! mode; then what goes wrong, in the order in which it happens: at which entry, in which move, the
//! how-manieth of these (from 0, which is left out), and what.

use std::fmt;

use super::fault::{Cut, Fault, Moment, Point, Script, Twist};
use crate::event::{Decision, Round};
use crate::plan::{Mode, Plan, Way};
use crate::problem::did_you_mean;

/// The script in which nothing goes wrong.
const NOTHING: &str = "nothing";

const MOMENTS: [(&str, Moment); 16] = [
    ("look", Moment::Look(Round::There)),
    ("look@return", Moment::Look(Round::Return)),
    ("look@probe", Moment::Look(Round::Probe)),
    ("look@verify", Moment::Look(Round::Verify)),
    ("baseline", Moment::Baseline),
    ("compare", Moment::Compare(Way::There)),
    ("compare@back", Moment::Compare(Way::Back)),
    ("write", Moment::Write(Way::There)),
    ("write@back", Moment::Write(Way::Back)),
    ("settle", Moment::Settle(Way::There)),
    ("settle@back", Moment::Settle(Way::Back)),
    ("wait", Moment::Wait),
    ("approve", Moment::Approve),
    ("stay", Moment::Stay),
    ("decide", Moment::Decide),
    ("end", Moment::End),
];

const REST: (&str, Moment) = ("rest", Moment::Rest);

const FAULTS: [(&str, Fault); 33] = [
    ("fails", Fault::Fails),
    ("late", Fault::Late),
    ("hangs", Fault::Hangs),
    ("refused", Fault::Refused),
    ("refused-lands", Fault::RefusedLands),
    ("lost", Fault::Lost),
    ("lands-late", Fault::LandsLate),
    ("unsaid", Fault::Unsaid),
    ("lies", Fault::Lies),
    ("old", Fault::Old),
    ("half", Fault::Half),
    ("half-unsaid", Fault::HalfUnsaid),
    ("foreign", Fault::Foreign),
    ("anticipated", Fault::Anticipated),
    ("meanwhile", Fault::Meanwhile),
    ("overrun", Fault::Overrun),
    ("killed-before", Fault::Killed(Cut::Before)),
    ("killed-intended", Fault::Killed(Cut::Intended)),
    ("killed-written", Fault::Killed(Cut::Written)),
    ("killed-in-flight", Fault::Killed(Cut::InFlight)),
    ("killed-after", Fault::Killed(Cut::After)),
    ("lock-lost", Fault::LockLost),
    ("disk-full", Fault::DiskFull),
    ("ctrl-c", Fault::CtrlC),
    ("source-dies", Fault::SourceDies),
    ("target-dies", Fault::TargetDies),
    ("clock-jumps", Fault::ClockJumps),
    ("declined", Fault::Declined),
    ("on", Fault::Person(Decision::On)),
    ("again", Fault::Person(Decision::Again)),
    ("back", Fault::Person(Decision::Back)),
    ("stop", Fault::Person(Decision::Stop)),
    ("remain", Fault::Person(Decision::Stay)),
];

const MODES: [(&str, Mode); 5] = [
    ("check", Mode::Check),
    ("plan", Mode::Plan),
    ("drill", Mode::Drill),
    ("failover", Mode::Failover),
    ("emergency", Mode::Emergency),
];

fn moments() -> impl Iterator<Item = (&'static str, Moment)> {
    MOMENTS.into_iter().chain([REST])
}

/// Why a text is no script of a plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}{}", hint.as_ref().map(|hint| format!(": {hint}")).unwrap_or_default())]
pub struct BadName {
    pub what: String,
    pub hint: Option<String>,
}

impl BadName {
    /// With the name that was probably meant, or else with all that there are.
    fn unknown(what: String, typed: &str, known: &[&str]) -> BadName {
        let hint = match did_you_mean(typed, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("one of {}", known.join(", ")),
        };
        BadName {
            what,
            hint: Some(hint),
        }
    }
}

impl Fault {
    /// Its number, for those who keep millions of them; there is one for nothing, too.
    pub(super) fn code(fault: Option<Fault>) -> u8 {
        let at = FAULTS.iter().position(|(_, other)| Some(*other) == fault);
        at.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
    }

    /// What has this number.
    pub(super) fn from_code(code: u8) -> Option<Fault> {
        FAULTS.get(usize::from(code)).map(|(_, fault)| *fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = FAULTS.iter().find(|(_, fault)| fault == self);
        f.write_str(name.map_or("?", |(name, _)| name))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = moments().find(|(_, moment)| moment == self);
        f.write_str(name.map_or("?", |(name, _)| name))
    }
}

/// The name of a mode in the name of a script.
pub fn mode_name(mode: Mode) -> &'static str {
    let name = MODES.iter().find(|(_, other)| *other == mode);
    name.map_or("?", |(name, _)| name)
}

/// Which mode the name of a script is about, and the rest of the name.
pub fn split_mode(name: &str) -> Result<(Mode, &str), BadName> {
    let known: Vec<&str> = MODES.iter().map(|(name, _)| *name).collect();
    let Some((mode, rest)) = name.split_once(':') else {
        return Err(BadName {
            what: format!("the name of a story begins with a mode, and `{name}` does not"),
            hint: Some(match name {
                "" => format!("like `drill:{NOTHING}`"),
                name => format!("like `drill:{name}`"),
            }),
        });
    };
    match MODES.iter().find(|(name, _)| *name == mode) {
        Some((_, mode)) => Ok((*mode, rest)),
        None => Err(BadName::unknown(
            format!("no mode is called `{mode}`"),
            mode,
            &known,
        )),
    }
}

impl Twist {
    /// Its part of the name of a script: `flip/write=lies`.
    pub fn name(&self, plan: &Plan) -> String {
        let Point { entry, moment, nth } = self.at;
        let entry = entry.and_then(|entry| plan.entries.get(usize::from(entry)));
        let entry = entry
            .map(|entry| format!("{}/", entry.id))
            .unwrap_or_default();
        let nth = match nth {
            0 => String::new(),
            nth => format!("#{nth}"),
        };
        format!("{entry}{moment}{nth}={}", self.fault)
    }

    fn parse(text: &str, plan: &Plan) -> Result<Twist, BadName> {
        if text.is_empty() {
            return Err(BadName {
                what: "the name of the story says nothing that goes wrong".to_owned(),
                hint: Some(format!("`{NOTHING}` is the story in which nothing does")),
            });
        }
        let Some((at, fault)) = text.rsplit_once('=') else {
            return Err(BadName {
                what: format!("`{text}` does not say what goes wrong"),
                hint: Some(format!("like `{text}=fails`")),
            });
        };
        let (at, nth) = match at.rsplit_once('#') {
            None => (at, 0),
            Some((at, nth)) => match nth.parse() {
                Ok(nth) => (at, nth),
                Err(_) => {
                    return Err(BadName {
                        what: format!("`{nth}` in `{text}` is no number"),
                        hint: None,
                    });
                }
            },
        };
        let (entry, moment) = match at.rsplit_once('/') {
            Some((entry, moment)) => (Some(entry), moment),
            None => (None, at),
        };
        let entry = match entry {
            None => None,
            Some(id) => {
                let ids: Vec<&str> = plan.entries.iter().map(|entry| entry.id.as_str()).collect();
                let what = || format!("no step is called `{id}`");
                let index = ids.iter().position(|other| *other == id);
                let index = index.ok_or_else(|| BadName::unknown(what(), id, &ids))?;
                u16::try_from(index).ok()
            }
        };
        let names: Vec<&str> = moments().map(|(name, _)| name).collect();
        let Some((_, moment)) = moments().find(|(name, _)| *name == moment) else {
            let what = format!("no move is called `{moment}`");
            return Err(BadName::unknown(what, moment, &names));
        };
        let names: Vec<&str> = FAULTS.iter().map(|(name, _)| *name).collect();
        let Some((_, fault)) = FAULTS.iter().find(|(name, _)| *name == fault) else {
            let what = format!("nothing that goes wrong is called `{fault}`");
            return Err(BadName::unknown(what, fault, &names));
        };
        Ok(Twist {
            at: Point { entry, moment, nth },
            fault: *fault,
        })
    }
}

impl Script {
    /// Its name, by which it can be run again on the same plan.
    pub fn name(&self, plan: &Plan) -> String {
        let twists: Vec<String> = self.0.iter().map(|twist| twist.name(plan)).collect();
        let twists = match twists.is_empty() {
            true => NOTHING.to_owned(),
            false => twists.join("+"),
        };
        format!("{}:{twists}", mode_name(plan.mode))
    }

    /// The script of this name. A mode in front must be the plan's; it may be left out.
    pub fn parse(name: &str, plan: &Plan) -> Result<Script, BadName> {
        let twists = match split_mode(name) {
            Ok((mode, twists)) if mode == plan.mode => twists,
            Ok((mode, _)) => {
                let (is, here) = (mode_name(mode), mode_name(plan.mode));
                return Err(BadName {
                    what: format!(
                        "`{name}` is a story of mode `{is}`, and this plan is of mode `{here}`"
                    ),
                    hint: None,
                });
            }
            Err(bad) if name.contains(':') => return Err(bad),
            Err(_) => name,
        };
        if twists == NOTHING {
            return Ok(Script::default());
        }
        let twists = twists.split('+').map(|twist| Twist::parse(twist, plan));
        Ok(Script(twists.collect::<Result<_, _>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Machine, Model, points};
    use super::*;

    #[test]
    fn every_name_leads_back_to_its_script() {
        for mode in [Mode::Plan, Mode::Drill, Mode::Failover, Mode::Emergency] {
            let model = Model::sketch(mode, "kp?tckab");
            let twists = points(&model, &Machine);
            assert!(!twists.is_empty());
            for pair in twists.windows(2) {
                let script = Script(pair.to_vec());
                let name = script.name(&model.plan);
                assert_eq!(Script::parse(&name, &model.plan), Ok(script), "{name}");
            }
        }
    }

    #[test]
    fn a_name_says_what_goes_wrong_where() {
        let plan = Model::sketch(Mode::Drill, "kc").plan;
        let calm = Script::parse("drill:nothing", &plan);
        assert_eq!(calm, Ok(Script::default()));
        let name = "drill:k0/look@return#2=hangs+c1/write=killed-in-flight+rest=back";
        let script = Script::parse(name, &plan).unwrap();
        let first = Point {
            entry: Some(0),
            moment: Moment::Look(Round::Return),
            nth: 2,
        };
        assert_eq!(script.0[0].at, first);
        assert_eq!(script.name(&plan), name);
        assert_eq!(
            Script::parse("k0/look=late", &plan).unwrap().name(&plan),
            "drill:k0/look=late"
        );
    }

    #[test]
    fn what_is_wrong_with_a_name_is_said() {
        let plan = Model::sketch(Mode::Drill, "kc").plan;
        let said = |name| Script::parse(name, &plan).unwrap_err().to_string();
        insta::assert_snapshot!([
            "failover:c1/write=lies",
            "dril:c1/write=lies",
            "c7/write=lies",
            "c1/wirte=lies",
            "c1/write=lie",
            "c1/write",
            "c1/write#x=lies",
        ].map(said).join("\n"), @r#"
        `failover:c1/write=lies` is a story of mode `failover`, and this plan is of mode `drill`
        no mode is called `dril`: did you mean `drill`?
        no step is called `c7`: one of k0, c1
        no move is called `wirte`: did you mean `write`?
        nothing that goes wrong is called `lie`: did you mean `lies`?
        `c1/write` does not say what goes wrong: like `c1/write=fails`
        `x` in `c1/write#x=lies` is no number
        "#);
    }

    #[test]
    fn every_fault_and_every_moment_has_a_name_of_its_own() {
        let mut names: Vec<&str> = FAULTS.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FAULTS.len());
        let mut names: Vec<&str> = moments().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), MOMENTS.len() + 1);
    }
}
