//! `cutover owed`

use std::sync::Arc;
use std::time::Duration;

use super::common::{Desk, Failure};
use super::looked::Looked;
use super::over::Takers;
use super::resume::book_of;
use super::stays;
use super::stuck::{Stuck, Waiting, baseline, came_back_in_part, stuck};
use super::whose::{Same, Whose};
use super::{Exit, Format};
use crate::clock::short;
use crate::engine::{
    FENCE, MOVE, MOVE_BACK, RETURN, is_astray, leads_in_dns, look_once_more, see_places, to_see,
};
use crate::event::{Ending, Fact, LOOK_AT, Owed, PUT_BACK, Record, Round, SEE};
use crate::journal::{self, Damaged, Run};
use crate::plan::{Mode, Nature, Outcome, Side};
use crate::report::{Names, OwedRow, Stays, Tally, clean, owed_table};

/// How long what one run owes is looked at: its checks, and its places.
const CHECKS: Duration = Duration::from_secs(20);
const PLACES: Duration = Duration::from_secs(5);

/// Lists what earlier runs have left to be done
///
/// The newest run of a playbook that changed something, ended well and stayed speaks for all before it; a run that
/// was held, stopped or cut off is listed until it is ended, also where all that it changed is seen as before. What that
/// newest run has nothing to do with, as a name or a step that was taken out of the playbook, is listed where it led the
/// other way, until it is put back. What was
/// late or not seen is looked at again now, and is settled where it passes; what was left to others is settled where it
/// is as the run was to leave it: as planned where it stayed, as before where it went back. What shall stay as it is
/// is not asked about again once somebody says so (`--stays`).
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Says that something owed shall stay as it is: the run, and what it owes, in the words that the list proposes.
    /// It is kept in the journal of the run, with your name and the reason
    #[arg(long, num_args = 2, value_names = ["RUN", "WHAT"], requires = "reason")]
    stays: Vec<String>,
    /// Why it shall stay so
    #[arg(long, value_name = "WHY", requires = "stays")]
    reason: Option<String>,
    /// Lists also what shall stay as it is, with who said so and why
    #[arg(long, conflicts_with = "stays")]
    all: bool,
}

impl Args {
    /// Whether something is said, and not only listed.
    pub(super) fn says(&self) -> bool {
        !self.stays.is_empty()
    }
}

pub(super) async fn run(desk: &Desk, args: &Args) -> Result<Exit, Failure> {
    let store = desk.store_that_is_there()?;
    if let ([run, what], Some(reason)) = (&args.stays[..], &args.reason) {
        return stays::say(desk, store, run, what, reason).await;
    }
    let now = desk.clock.now();
    let Waiting {
        stuck,
        untold,
        nothing_ran,
    } = stuck(desk, &*store, None).await?;
    let mut damaged: Vec<Damaged> = untold.into_iter().map(|untold| untold.run).collect();
    // Whether something could not be looked at, so that nobody can tell whether it is owed still.
    let mut unlooked = stuck.iter().any(|stuck| stuck.unread);
    // What one that has ended left to others it tells itself.
    let ending = |run: &Run| run.summary.as_ref().and_then(|summary| summary.ending);
    let tells = |stuck: &&Stuck| match ending(&stuck.run) {
        _ if stuck.debt.is_some() => true,
        Some(Ending::Done | Ending::DoneUnproven | Ending::Undone) => false,
        None => true,
        Some(_) => !stuck.theirs,
    };
    let mut rows: Vec<OwedRow> = (stuck.iter().filter(tells))
        .map(|stuck| OwedRow {
            run: stuck.run.id.clone(),
            playbook: stuck.run.meta.playbook.clone(),
            age: now.since(&stuck.run.meta.began),
            owed: to_type(&desk.names(&stuck.run), stuck.owed()),
            stays: None,
            said: None,
        })
        .collect();
    // Whose playbook told what already: two may have one name.
    let mut told: Vec<(Whose, String)> = Vec::new();
    // Whose drill went there and back again, and saw all of it.
    let mut drilled: Vec<(Whose, String)> = Vec::new();
    let runs = journal::runs(&*store).await?;
    let takers = Takers::of(&runs);
    for run in runs {
        if matches!(run.meta.mode, Mode::Check | Mode::Plan) {
            continue;
        }
        let over = takers.over(&*store, &run).await;
        // Who went over it in the same direction knows nothing of the side that it left.
        let home = |taker: &&Run| taker.meta.direction.target == run.meta.direction.source;
        let only_fences = !over.is_empty();
        let gone = over.iter().any(home) || only_fences && run.meta.mode != Mode::Emergency;
        // What shall stay so of what they have nothing to do with.
        let only_said = gone && args.all;
        if gone && !only_said {
            continue;
        }
        let records = match journal::read(&*store, &run.id).await {
            Ok(records) => records,
            Err(why) => {
                if damaged.iter().all(|one| one.id != run.id) {
                    damaged.push(Damaged {
                        id: run.id,
                        why: why.to_string(),
                        writer: run.writer,
                    });
                }
                continue;
            }
        };
        let tally = stays::tally_now(desk, &records, true).await;
        let names = desk.names(&run);
        let owed: Vec<Still> = match only_said {
            true => Vec::new(),
            false => still_owed(desk, &records, &tally, run.stayed()).await,
        };
        let open = owed.into_iter().map(|owed| (owed, None));
        let said = (tally.stays().iter().cloned()).map(
            |Stays {
                 owed, by, reason, ..
             }| (Still::told(owed), Some((by, reason))),
        );
        let fence = |owed: &Owed| match only_said {
            true => owed.key.starts_with(PUT_BACK),
            false => !only_fences || owed.key.starts_with(FENCE) || owed.key.starts_with(PUT_BACK),
        };
        let whose = Whose::run(&*store, &run).await;
        let target = &run.meta.direction.target;
        let seen_there = run.meta.mode == Mode::Drill
            && (drilled.iter()).any(|(by, to)| to == target && by.same(&whose) == Same::Yes);
        if run.meta.mode == Mode::Drill && tally.ending() == Some(Ending::Done) {
            drilled.push((whose.clone(), target.clone()));
        }
        let settled = |owed: &Owed| seen_there && owed.key.starts_with(SEE);
        let all = open.chain(said);
        for (still, said) in all.filter(|(Still { owed, .. }, _)| fence(owed) && !settled(owed)) {
            let owed = still.owed;
            // The newest run that speaks of it says how it is now.
            let same =
                |(by, key): &(Whose, String)| *key == owed.key && by.same(&whose) == Same::Yes;
            if !told.iter().any(same) {
                // What was said of one run speaks for no other.
                if said.is_none() {
                    told.push((whose.clone(), owed.key.clone()));
                    unlooked |= still.unlooked;
                }
                rows.push(OwedRow {
                    run: run.id.clone(),
                    playbook: run.meta.playbook.clone(),
                    age: now.since(&run.meta.began),
                    stays: Some(names.letting_stay(&owed.key)),
                    owed: to_type(&names, owed),
                    said,
                });
            }
        }
    }
    rows.retain(|row| args.all || row.said.is_none());
    if desk.format == Format::Json {
        for row in &rows {
            let mut line = serde_json::json!({
                "run": row.run, "playbook": row.playbook, "owed": row.owed,
            });
            if let Some((by, reason)) = &row.said {
                line["stays"] = serde_json::json!({ "by": by, "reason": reason });
            }
            desk.print_text(&format!("{line}\n"));
        }
        for one in &damaged {
            // Whose playbook it is of cannot be told either.
            let line = serde_json::json!({
                "run": one.id,
                "playbook": null,
                "owed": { "key": format!("read {}", one.id), "what": cannot_be_told(one), "how": BY_HAND },
            });
            desk.print_text(&format!("{line}\n"));
        }
    } else if nothing_ran {
        desk.print_text(&format!("{}\n", clean(&desk.no_runs_yet())));
    } else {
        // Nobody says that nothing is owed who could not read all of it.
        if !rows.is_empty() || damaged.is_empty() {
            desk.print(&owed_table(&rows, &desk.style()));
        }
        for one in &damaged {
            desk.print_text(&format!("{}\n  {BY_HAND}\n", clean(&cannot_be_told(one))));
        }
    }
    Ok(match unlooked || !damaged.is_empty() {
        true => Exit::Unproven,
        false => Exit::Done,
    })
}

/// What a person does about a run of which nothing can be told.
const BY_HAND: &str = "look at what it was to change by hand";

/// What is said of a run that cannot be read. Whoever reads the list alone must not take it for nothing.
fn cannot_be_told(one: &Damaged) -> String {
    let alive = (one.writer.as_ref()).map_or_else(String::new, |w| format!(", alive ({w}),"));
    format!(
        "what run `{}`{alive} owes cannot be told: {}",
        one.id, one.why
    )
}

/// The same, with the commands as a person here would type them.
fn to_type(names: &Names, owed: Owed) -> Owed {
    Owed {
        how: names.to_type(&owed.how),
        ..owed
    }
}

/// Something that is owed still.
struct Still {
    owed: Owed,
    /// It could not be looked at now.
    unlooked: bool,
}

impl Still {
    fn told(owed: Owed) -> Still {
        Still {
            owed,
            unlooked: false,
        }
    }
}

/// What of the things that a run owes is still so, seen now. `stayed` says that it was to leave its changes.
async fn still_owed(desk: &Desk, records: &[Record], tally: &Tally, stayed: bool) -> Vec<Still> {
    let owed = tally.owed().to_vec();
    let (Some(plan), false) = (tally.plan(), owed.is_empty()) else {
        return owed.into_iter().map(Still::told).collect();
    };
    let entry = |owed: &Owed, word: &str| {
        let id = owed.key.strip_prefix(word)?;
        plan.entries.iter().position(|entry| entry.id == id)
    };
    let is_place = |index: &usize| matches!(plan.entries[*index].nature, Nature::Change(_));
    let unseen = || (owed.iter()).filter_map(|owed| to_see(plan, records, owed));
    // What a drill that remains wrote goes back with the names.
    let remains = owed.iter().any(|owed| owed.key.starts_with(RETURN));
    let wrote: Vec<usize> = match remains {
        true => tally
            .standing_entries()
            .into_iter()
            .filter(is_place)
            .collect(),
        false => Vec::new(),
    };
    let looked_at: Vec<usize> = (owed.iter())
        .filter_map(|owed| entry(owed, PUT_BACK).or(entry(owed, LOOK_AT)))
        .chain(wrote.iter().copied())
        .chain(unseen().map(|(index, _)| index).filter(is_place))
        .collect();
    // What an act did cannot be looked at.
    let unseen: Vec<(usize, Round)> = unseen()
        .filter(|(index, _)| plan.entries[*index].is_check())
        .collect();
    let hands: Vec<(usize, Round)> = match owed.iter().find_map(by_hand) {
        Some((_, round)) => (0..plan.entries.len())
            .filter(|index| plan.entries[*index].by_hand)
            .map(|index| (index, round))
            .collect(),
        None => Vec::new(),
    };
    let unseen = [unseen, hands].concat();
    // What is over once the names lead back to the side that was left.
    let away = |owed: &Owed| owed.key.starts_with(FENCE) || owed.key.starts_with(RETURN);
    let fences = owed.iter().any(away);
    if unseen.is_empty() && looked_at.is_empty() && !fences {
        return owed.into_iter().map(Still::told).collect();
    }
    let Ok(book) = book_of(desk, plan) else {
        let unlooked = |owed| Still {
            owed,
            unlooked: true,
        };
        return owed.into_iter().map(unlooked).collect();
    };
    let actual = desk.actual(&Arc::new(book));
    let leads = async {
        match fences {
            true => leads_in_dns(&actual.book, &actual.site).await,
            false => Ok(None),
        }
    };
    // Whoever waits for one list is told what could not be looked at in time.
    let (found, seen, leads) = tokio::join!(
        look_once_more(plan, &actual, baseline(records), &unseen, CHECKS),
        see_places(plan, &actual, &looked_at, PLACES),
        tokio::time::timeout(PLACES, leads),
    );
    let leads = match leads {
        Ok(leads) => leads.map_err(|unseen| unseen.detail),
        Err(_) => Err(format!("no answer within {}", short(PLACES))),
    };
    // Whoever moved the names back there has decided that it shall serve.
    let serves_again = matches!(&leads, Ok(Some(site)) if *site == plan.direction.source);
    let _late = tokio::time::timeout(PLACES, actual.site.exec.close()).await;
    // One check may be owed of each side.
    let looks = || unseen.iter().zip(&found);
    let passes = |of: (usize, Round)| {
        looks().any(|(look, (_, finding))| *look == of && finding.is_seen_good())
    };
    let looked = Looked {
        plan,
        tally,
        seen: &seen,
    };
    let still: Vec<usize> = (wrote.into_iter())
        .filter(|index| !looked.is_put_back(*index))
        .collect();
    let facts = (found.iter())
        .filter(|(index, _)| plan.entries[*index].by_hand)
        .flat_map(|(_, finding)| &finding.facts);
    let facts: Vec<&Fact> = facts.collect();
    let wanted = match stayed {
        true => Side::After,
        false => Side::Before,
    };
    (owed.into_iter())
        .filter(|owed| {
            let settled = to_see(plan, records, owed)
                .is_some_and(|of| passes(of) || looked.is(of.0, wanted))
                || serves_again && owed.key.starts_with(FENCE)
                || serves_again && owed.key.starts_with(RETURN) && still.is_empty()
                || entry(owed, PUT_BACK).is_some_and(|index| looked.is(index, Side::Before))
                || entry(owed, LOOK_AT).is_some_and(|index| looked.is(index, wanted));
            !settled
        })
        .filter_map(|owed| told_now(owed, &facts))
        .map(|owed| match serves_again && owed.key.starts_with(RETURN) {
            true => came_back_in_part(plan, &still, owed),
            false => owed,
        })
        .map(|owed| {
            let place = entry(&owed, PUT_BACK)
                .or(entry(&owed, LOOK_AT))
                .or(to_see(plan, records, &owed).map(|of| of.0));
            let unread = (seen.iter()).find_map(|(index, seen)| {
                Some(seen.as_ref().err()?).filter(|_| place == Some(*index))
            });
            // What it shows now is told where that is nothing.
            let unseen = to_see(plan, records, &owed).and_then(|of| {
                let (_, finding) = looks().find(|(look, _)| **look == of)?.1;
                (finding.outcome == Outcome::Unknown).then_some(&finding.headline)
            });
            let led = leads.as_ref().err().filter(|_| away(&owed));
            let by_hand = by_hand(&owed).is_some_and(|(what, _)| {
                let fact = facts.iter().find(|fact| fact.what == what);
                fact.is_none_or(|fact| fact.outcome == Outcome::Unknown)
            });
            let unlooked = unread.is_some() || unseen.is_some() || led.is_some() || by_hand;
            // One that nobody could see is told as it is seen now.
            let is_now = (place.filter(|_| to_see(plan, records, &owed).is_some()))
                .and_then(|place| looked.holds(place));
            let why = match (unread.or(led), unseen) {
                (Some(why), _) if led.is_some() => {
                    format!("; where the names lead cannot be read now: {why}")
                }
                (Some(why), _) => format!("; it cannot be read now: {why}"),
                (None, Some(why)) if !owed.what.ends_with(why.as_str()) => format!("; now: {why}"),
                (None, None) if by_hand => "; it cannot be looked at now".to_owned(),
                _ => is_now.map_or_else(String::new, |now| format!("; {now}")),
            };
            let what = format!("{}{why}", owed.what);
            Still {
                owed: Owed { what, ..owed },
                unlooked,
            }
        })
        .collect()
}

/// The name of what a person has to move, or to move back, and the round in which that is looked at.
fn by_hand(owed: &Owed) -> Option<(&str, Round)> {
    let back = owed.key.strip_prefix(MOVE_BACK);
    back.map(|what| (what, Round::Verify))
        .or_else(|| Some((owed.key.strip_prefix(MOVE)?, Round::There)))
}

/// What a person has to move, as it is seen now; `None` where it was moved.
fn told_now(owed: Owed, facts: &[&Fact]) -> Option<Owed> {
    let seen = by_hand(&owed).and_then(|(what, round)| {
        let fact = facts.iter().find(|fact| fact.what == what)?;
        Some((what.to_owned(), round, *fact))
    });
    match seen {
        Some((_, _, fact)) if !is_astray(fact) => None,
        Some((what, Round::There, fact)) => Some(Owed {
            what: format!("{what} does not move: {}", fact.actual),
            ..owed
        }),
        Some((what, _, fact)) => Some(Owed {
            what: format!("{what} is not as it was before the run: {}", fact.actual),
            ..owed
        }),
        None => Some(owed),
    }
}
