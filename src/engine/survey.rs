//! Looks at the world and compiles a plan: which way, every edit spelled out, every rule decided.

mod error;
mod found;
mod left;
mod moved;

use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;

use super::actual::Actual;
use super::direction::{direction, led};
use super::look::within;
use super::surveyor::{Surveyor, may_bring, why_not};
use crate::dns::Active;
use crate::plan::{
    Act, Edit, Entry, FORMAT, MOST_ENTRIES, Mode, Nature, Pace, Plan, Rule, Stay, Then, Way,
};
use crate::playbook::Playbook;
use crate::site::{Aim, Site};
use crate::step::{Before, Blocks, OnFail, Pulses, SURVEY_TIME, Step, Survey, When, Work};

pub use error::SurveyError;

/// How long a name server or a log that does not answer before the change is looked at again: one lost packet stops
/// nobody.
const FORESEEN: Duration = Duration::from_secs(10);

/// What kind of run is planned.
#[derive(Clone, Debug)]
pub struct Intention {
    /// The label: `Check` and `Plan` never write.
    pub mode: Mode,
    /// The mode whose rules are compiled: a dry run of an emergency follows those of the emergency.
    pub like: Mode,
    /// The site that shall be active, where somebody says so.
    pub to: Option<String>,
    /// How long a drill stays; else what the playbook says.
    pub hold: Option<Duration>,
}

/// Surveys the world for a playbook.
pub async fn survey(actual: &Actual, intention: &Intention) -> Result<Plan, SurveyError> {
    survey_by(actual, intention, &actual.site).await
}

/// Surveys what `surveyor` tells of the changes of a playbook. Where the intention says where to go, nothing
/// else is asked but whether they lead there.
pub async fn survey_by(
    actual: &Actual,
    intention: &Intention,
    surveyor: &dyn Surveyor,
) -> Result<Plan, SurveyError> {
    let book = &actual.book;
    let direction = direction(book, &actual.site, intention.to.as_deref()).await?;
    let aim = Aim::there(&direction, false);
    // Every change is looked at side by side; an entry may depend on the text of the playbook only.
    let looks = (book.steps().iter().enumerate())
        .map(|(at, _)| look_at(actual, surveyor, at, &aim, intention));
    // Where the names lead is known where nobody says where to go; else it is asked meanwhile.
    let leads = async {
        match intention.to {
            Some(_) => surveyor.leads(book).await,
            None => None,
        }
    };
    let (looks, leads) = tokio::join!(join_all(looks), leads);
    // Who says nowhere to go goes away from where they all led.
    let leads = match intention.to {
        Some(_) => leads,
        None => Some(Active::Site(direction.source.clone())),
    };
    let mut entries = Vec::new();
    let mut stays = Vec::new();
    let mut left_out = Vec::new();
    let (mut left, mut nothing, mut astray) = (Vec::new(), Vec::new(), Vec::new());
    let (mut so, mut written) = (Vec::new(), HashSet::new());
    let mut locks = vec![format!("playbook {}", book.name())];
    for (step, looked) in book.steps().iter().zip(looks) {
        if let Some(skip) = &step.common.skip {
            left_out.push(Stay {
                what: step.id.clone(),
                why: skip.to_string(),
            });
            continue;
        }
        let mut looked = looked?;
        if let Looked::Doubted(why) = looked {
            let what = step.id.clone();
            stays.push(Stay { what, why });
            looked = Looked::Nothing;
        }
        match (looked, &step.work) {
            (Looked::Changes(mut found), _) => {
                left.extend(found.left.drain(..).map(|left| (step, left)));
                nothing.extend(found.nothing.take().map(|why| (step, why)));
                so.extend(found.found.drain(..).map(|found| (step, found)));
                written.extend(found.writes.drain(..));
                for stay in found.astray.drain(..) {
                    if !astray.contains(&stay) {
                        astray.push(stay);
                    }
                }
                stays.extend(found.stays.iter().cloned());
                locks.extend(found.locks.iter().cloned());
                entries.extend(changes(step, *found, intention));
            }
            (Looked::Skipped(stay), _) => stays.push(stay),
            (Looked::Doubted(_), _) => {}
            // A change that takes no part has no edit, and so no entry.
            (Looked::Nothing, Work::Change(_)) => {}
            (Looked::Nothing, work) => entries.push(Entry {
                needs_baseline: needs_baseline(&actual.site, step, work, &aim, intention),
                ..entry(step, intention)
            }),
        }
    }
    let (like, anew) = (intention.like, surveyor.leads(book));
    let (leads, doubt) = moved::leads(leads, &direction, &entries, &so, like, anew).await?;
    stays.extend(doubt);
    let led_there = matches!(&leads, Some(Active::Site(site)) if *site == direction.target);
    let apart = match &leads {
        Some(Active::Split(leads)) => led(leads),
        _ => Vec::new(),
    };
    let writes = |entry: &Entry| matches!(entry.nature, Nature::Change(_));
    if let Some((step, why)) = nothing.into_iter().next()
        && !entries.iter().any(writes)
    {
        let mut reasons = vec![why];
        reasons.extend(
            stays
                .iter()
                .map(|stay| format!("{}: {}", stay.what, stay.why)),
        );
        let step = step.id.clone();
        return Err(SurveyError::Refused { step, reasons });
    }
    let moves_names = entries.iter().any(Entry::moves_names);
    let left = left::behind(left, &entries, intention.like)?;
    foresee(&mut entries, intention.like);
    left::look_at(&mut entries, &left, intention);
    found::look_at(&mut entries, so, &written, intention);
    let mut behind: Vec<Stay> = Vec::new();
    for (_, left) in left {
        if !behind.contains(&left) {
            behind.push(left);
        }
    }
    let untold = behind.iter().filter(|left| !stays.contains(left));
    stays.extend(untold.cloned().collect::<Vec<_>>());
    if entries.len() > MOST_ENTRIES {
        return Err(SurveyError::TooMany(entries.len()));
    }
    let mut plan = Plan {
        format: FORMAT,
        playbook: book.name().to_owned(),
        text: book.text().to_owned(),
        folder: book.folder().map(str::to_owned),
        mode: intention.mode,
        direction,
        entries,
        hold: intention.hold.unwrap_or_else(|| book.hold()),
        objectives: book.objectives(),
        locks,
        stays,
        behind,
        astray,
        left_out,
        led_there: led_there && !moves_names,
        apart,
        goes_back: intention.like != Mode::Emergency,
    };
    compile_rules(&mut plan, book, intention.like);
    Ok(plan)
}

/// What a step has to say before there is a plan.
enum Looked {
    Nothing,
    Changes(Box<Survey>),
    /// Its host is dead, and this is an emergency.
    Skipped(Stay),
    /// It takes part, though it could not be done.
    Doubted(String),
}

async fn look_at(
    actual: &Actual,
    surveyor: &dyn Surveyor,
    at: usize,
    aim: &Aim,
    intention: &Intention,
) -> Result<Looked, SurveyError> {
    let (before, step) = (&actual.book.steps()[..at], &actual.book.steps()[at]);
    let runs = |step: &Step| step.common.skip.is_none() && takes_part(step, intention.like);
    if intention.mode == Mode::Check || !runs(step) {
        return Ok(Looked::Nothing);
    }
    let change = match &step.work {
        Work::Change(change) => change,
        Work::Act(act) => {
            let first = !before.iter().any(|step| runs(step) && may_bring(step));
            let could = within(SURVEY_TIME, surveyor.could(act.as_ref(), aim, first)).await;
            return match why_not(could, intention.like) {
                None => Ok(Looked::Nothing),
                Some(why) if step.common.on_fail == OnFail::Warn => Ok(Looked::Doubted(why)),
                Some(why) => Err(SurveyError::Refused {
                    step: step.id.clone(),
                    reasons: vec![why],
                }),
            };
        }
        _ => return Ok(Looked::Nothing),
    };
    let site = &actual.site;
    match within(SURVEY_TIME, surveyor.survey(step, change.as_ref(), aim)).await {
        Ok(mut found) => {
            let mut reasons = std::mem::take(&mut found.refusals);
            match intention.like {
                Mode::Emergency => found.stays.append(&mut found.doubts),
                _ => reasons.extend(
                    (found.doubts.iter()).map(|Stay { what, why }| format!("{what}: {why}")),
                ),
            }
            match reasons.is_empty() {
                true => Ok(Looked::Changes(Box::new(found))),
                false => Err(SurveyError::Refused {
                    step: step.id.clone(),
                    reasons,
                }),
            }
        }
        // Nobody waits for the dead: what would be changed on a host that is gone is left, and said.
        Err(why) if intention.like == Mode::Emergency && change.only_where_it_leaves(site, aim) => {
            Ok(Looked::Skipped(Stay {
                what: step.id.clone(),
                why: why.detail,
            }))
        }
        Err(why) => Err(SurveyError::Unseen {
            step: step.id.clone(),
            why,
        }),
    }
}

/// One entry for each place that a change writes.
fn changes(step: &Step, found: Survey, intention: &Intention) -> Vec<Entry> {
    let one = found.edits.len() == 1;
    let promise = found.promise;
    found
        .edits
        .into_iter()
        .map(|edit| {
            let id = if one {
                step.id.clone()
            } else {
                format!("{}/{}", step.id, edit.place.name)
            };
            Entry {
                id,
                nature: Nature::Change(edit),
                promise: (!promise.is_empty()).then(|| promise.clone()),
                blind: found.blind,
                ttls_untold: found.ttls_untold,
                ..entry(step, intention)
            }
        })
        .collect()
}

/// The entry of a step, as far as the playbook alone says.
fn entry(step: &Step, intention: &Intention) -> Entry {
    let common = &step.common;
    let nature = match &step.work {
        Work::Check(_) => Nature::Check,
        // Each edit of a change replaces this nature by its own.
        Work::Change(_) => Nature::Change(Edit::default()),
        Work::Act(act) => Nature::Act(Act {
            does: act.command(Way::There).unwrap_or_default(),
            undo: act.command(Way::Back),
            if_interrupted: act.if_interrupted(),
        }),
        Work::Ask { question } => Nature::Ask {
            question: question.clone(),
        },
        Work::Wait { time } => Nature::Wait { time: *time },
    };
    let looks_only = matches!(intention.mode, Mode::Check | Mode::Plan);
    let check = matches!(nature, Nature::Check);
    let deferred = looks_only && step.after_change;
    Entry {
        id: step.id.clone(),
        step: step.id.clone(),
        kind: step.kind.name.to_owned(),
        title: step.title.clone(),
        pace: Pace {
            within: common.within,
            every: common.every,
            timeout: common.timeout,
        },
        rule: Rule::NOTE,
        there: takes_part(step, intention.like)
            && !deferred
            && (check || intention.mode != Mode::Check),
        back: common.when.contains(&When::Return),
        temporary: common.temporary,
        probes_old_side: step.probes_old_side && check,
        after_change: step.after_change,
        needs_baseline: false,
        foresees: false,
        by_hand: false,
        holds: None,
        blind: false,
        ttls_untold: false,
        answers: step.answers,
        promise: None,
        nature,
    }
}

/// What was seen before the first write is judged before it: each check that looks then has an entry of its own for
/// that, in the first batch, which stops a planned run where the check could not pass after the change.
fn foresee(entries: &mut Vec<Entry>, like: Mode) {
    // In an emergency it is told, and nobody waits for it.
    let patience = match like {
        Mode::Emergency => Duration::ZERO,
        _ => FORESEEN,
    };
    let first = (entries.iter())
        .position(|entry| !entry.is_check() || entry.after_change)
        .unwrap_or(entries.len());
    let foreseeing: Vec<Entry> = (entries.iter())
        .filter(|entry| entry.needs_baseline)
        .map(|entry| Entry {
            id: format!("{}/before", entry.id),
            title: format!("`{}` can be told after the change", entry.id),
            pace: Pace {
                within: patience.min(entry.pace.within),
                ..entry.pace
            },
            there: true,
            back: false,
            probes_old_side: false,
            after_change: false,
            needs_baseline: false,
            foresees: true,
            answers: None,
            ..entry.clone()
        })
        .collect();
    entries.splice(first..first, foreseeing);
}

/// Whether a check has looks for before the first write. A check or a dry run takes them too: they are what an
/// emergency compares with.
fn needs_baseline(site: &Site, step: &Step, work: &Work, aim: &Aim, intention: &Intention) -> bool {
    let Work::Check(check) = work else {
        return false;
    };
    // Looks that nobody waits for do nothing: they are only counted here.
    let nobody = Pulses::none();
    let looks = |before: &dyn Before| !before.looks_before(site, aim, &nobody).is_empty();
    takes_part(step, intention.like) && check.before().is_some_and(looks)
}

fn takes_part(step: &Step, like: Mode) -> bool {
    let when = match like {
        Mode::Drill => When::Drill,
        Mode::Emergency => When::Emergency,
        Mode::Check | Mode::Plan | Mode::Failover => When::Failover,
    };
    step.common.when.contains(&when)
}

/// Decides what follows from each outcome: by the mode, by what stands before the first write, and by what
/// the playbook says.
fn compile_rules(plan: &mut Plan, book: &Playbook, like: Mode) {
    let first_write = plan.first_write().unwrap_or(plan.entries.len());
    for (i, entry) in plan.entries.iter_mut().enumerate() {
        if let Some(step) = book.step(&entry.step) {
            let (blocks, on_fail) = (step.common.blocks, step.common.on_fail);
            entry.rule = if entry.by_hand || entry.holds.is_some() {
                left::RULE
            } else if entry.foresees && on_fail == OnFail::Warn {
                // Nothing will be held for what it foresees.
                Rule::NOTE
            } else if entry.foresees {
                // What is certain to come late would be held after the change.
                let rule = gate(blocks, like);
                Rule {
                    late: rule.fail,
                    ..rule
                }
            } else if entry.is_check() && i < first_write {
                gate(blocks, like)
            } else {
                let mut rule = after_write(on_fail, like);
                if matches!(&step.work, Work::Check(check) if check.notes_unknown()) {
                    rule.unknown = Then::Note;
                }
                rule
            };
            if matches!(plan.mode, Mode::Check | Mode::Plan) {
                entry.rule = dry(entry.rule);
            }
        }
    }
}

/// Before the first write: what was asked to block does, and what is only behind never does.
fn gate(blocks: Blocks, like: Mode) -> Rule {
    let stops = match blocks {
        Blocks::Always => true,
        Blocks::Planned => like != Mode::Emergency,
        Blocks::Never => false,
    };
    if stops {
        Rule {
            late: Then::Note,
            fail: Then::Back,
            unknown: Then::Back,
        }
    } else {
        Rule::NOTE
    }
}

/// Where nothing is changed nobody needs to be asked: what would be held for is noted.
fn dry(rule: Rule) -> Rule {
    let note = |then| match then {
        Then::Hold => Then::Note,
        other => other,
    };
    Rule {
        late: note(rule.late),
        fail: note(rule.fail),
        unknown: note(rule.unknown),
    }
}

/// After the first write: a failure leads back, what is late or unseen asks; in an emergency nothing leads
/// back unasked and nothing waits.
fn after_write(on_fail: OnFail, like: Mode) -> Rule {
    match (on_fail, like) {
        (OnFail::Warn, _) => Rule::NOTE,
        (_, Mode::Emergency) => Rule {
            fail: Then::Hold,
            ..Rule::NOTE
        },
        (OnFail::Back, _) => Rule {
            late: Then::Hold,
            fail: Then::Back,
            unknown: Then::Hold,
        },
        (OnFail::Hold, _) => Rule {
            late: Then::Hold,
            fail: Then::Hold,
            unknown: Then::Hold,
        },
    }
}

#[cfg(test)]
pub(super) mod tests;
