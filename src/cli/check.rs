//! `cutover check`

use std::sync::Arc;
use std::time::Duration;

use super::barred;
use super::common::{Desk, Failure, PlaybookArgs};
use super::nagios;
use super::perform::{Keep, Performance, Seen, all};
use super::unfinished::{self, Unfinished};
use super::whose::Whose;
use super::{Exit, Format};
use crate::clock::{Stamp, parse_span, short};
use crate::dns::caches;
use crate::engine::{Intention, SurveyError, survey};
use crate::event::{Event, Record};
use crate::plan::{Entry, Given, Mode, Plan, Stay};
use crate::playbook::Playbook;
use crate::report::{Line, MustEnd, would_be_refused};
use crate::step::Work;
use crate::steps::in_caches;
use crate::store::{Memory, Store};

/// Looks, now, and changes nothing: is the other side ready?
///
/// What it saw is kept in the state folder, for `cutover show` and as what an emergency knows of a side that is dead by
/// then. A drill or failover makes that folder, or `mkdir`; this verb does not.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) playbook: PlaybookArgs,
    /// Looks at this site as the one to go to, whatever DNS says
    #[arg(long, value_name = "SITE")]
    to: Option<String>,
    /// How long `--format nagios` looks before it answers with what it has seen by then; it keeps no check in the
    /// history, and leaves out, and says so, what takes longer by itself (`traffic` with an interval of 10s)
    #[arg(long, value_name = "SPAN", value_parser = parse_span, default_value = "9s")]
    pub(super) within: Duration,
}

/// What caches that do not like short TTLs make of them.
const FLOOR: Duration = Duration::from_secs(30);

/// How long it may take to reach a host and to start a program there, beside a look that counts.
const CONNECTS: Duration = Duration::from_secs(3);

pub(super) async fn run(desk: &Desk, args: &Args) -> Result<Exit, Failure> {
    match desk.format {
        Format::Nagios => Ok(nagios::run(desk, args).await),
        _ => look(desk, args, &Seen::default())
            .await
            .map(|looked| looked.exit),
    }
}

/// What a check came to.
pub(super) struct Looked {
    pub exit: Exit,
    /// Why a failover would be refused.
    pub refused: Option<String>,
    /// What a service depends on and does not lead where its users are.
    pub astray: Vec<String>,
}

/// Looks; what is recorded is added to `seen` as it comes.
pub(super) async fn look(desk: &Desk, args: &Args, seen: &Seen) -> Result<Looked, Failure> {
    let book = desk.playbook(&args.playbook)?;
    let actual = desk.actual(&book);
    let intention = Intention {
        mode: Mode::Check,
        like: Mode::Failover,
        to: args.to.clone(),
        hold: None,
    };
    actual.connect_ahead();
    let (store, mut keep, unusable) = store_or_none(desk);
    let whose = Whose::book(&book, &args.playbook.playbook);
    let earlier = unfinished::of_this(desk, &*store, &whose).await?;
    let mut plan = match survey(&actual, &intention).await {
        Ok(plan) => plan,
        Err(why) => return Err(beside(desk, earlier, why)),
    };
    if desk.format == Format::Nagios {
        leave_out_what_takes_longer(&mut plan, &book, args.within);
        answer_in_time(&mut plan, args.within);
        // Asked every few minutes, it would fill the history with what the monitoring keeps itself.
        keep = match keep {
            Keep::All => Keep::Sights,
            other => other,
        };
    }
    let performance = Performance {
        desk,
        actual: &actual,
        store: Arc::clone(&store),
        playbook: args.playbook.playbook.display().to_string(),
        given: Given {
            sets: args.playbook.set.clone(),
            to: args.to.clone(),
            ..Given::default()
        },
        first: MustEnd::of(earlier.as_ref().map(|earlier| earlier.first.clone())),
        comes_back: true,
        yes: false,
    };
    let mut against: Vec<Failure> = unusable.into_iter().collect();
    // It tells of earlier runs by itself.
    if desk.format != Format::Nagios {
        against.extend(earlier.map(|earlier| earlier.failure));
    }
    let known = match desk.format {
        Format::Nagios => 0,
        _ => against.len(),
    };
    let mut changes = None;
    // Whether the changes could be planned: a key that is not taken any more would stop a failover.
    let bars = async {
        let dry = Intention {
            mode: Mode::Plan,
            ..intention
        };
        match survey(&actual, &dry).await {
            Err(why) => against.push(why.into()),
            Ok(plan) => {
                match unfinished::of_another(desk, &*store, &whose, &plan).await {
                    // What is told already is not told twice; that a run of its own goes on is no news for the
                    // monitoring.
                    Ok(Some(other)) if performance.first.is(&other.first) => {}
                    Ok(Some(other)) if desk.format == Format::Nagios && other.own => {}
                    Ok(Some(other)) => {
                        performance.first.set(other.first);
                        against.push(other.failure);
                    }
                    Ok(None) => {}
                    Err(why) => against.push(why),
                }
                changes = Some(plan);
            }
        }
        barred::bars(&against)
    };
    let exit = performance.dry(plan, keep, true, seen, bars).await?;
    let refused = (!against[known..].is_empty()).then(|| {
        let all: Vec<&str> = (against[known..].iter())
            .map(|failure| failure.message.as_str())
            .collect();
        all.join("; ")
    });
    let astray: Vec<String> = changes.iter().flat_map(astray).collect();
    if desk.format == Format::Nagios || exit == Exit::Stopped {
        return Ok(Looked {
            exit,
            refused,
            astray,
        });
    }
    let exit = barred::tell(desk, &against, exit);
    let stays = changes.iter().flat_map(would_stay);
    for told in astray.iter().cloned().chain(stays) {
        desk.complain(&told);
    }
    if desk.format == Format::Text
        && let Some(plan) = changes
        && let Some(sentence) = forecast(desk, &plan, &all(seen))
    {
        let lines = Line::new().text(sentence).wrap(desk.style().width, 0);
        desk.print_text("\n");
        desk.print(&lines);
    }
    Ok(Looked {
        exit,
        refused,
        astray,
    })
}

/// What a service depends on and does not lead where its users are, each in a sentence.
fn astray(plan: &Plan) -> Vec<String> {
    let source = &plan.direction.source;
    let astray = plan.astray.iter();
    astray
        .map(|stay| {
            let Stay { what, why } = stay;
            format!("{what} does not lead to `{source}`, as its service does: {why}")
        })
        .collect()
}

/// What else a failover would not move.
fn would_stay(plan: &Plan) -> Vec<String> {
    let stays = (plan.behind.iter()).filter(|stay| !plan.astray.contains(stay));
    stays
        .map(|stay| format!("a failover would not move {}: {}", stay.what, stay.why))
        .collect()
}

/// Why there is no plan; an unfinished run is told before it, since it may be the cause.
pub(super) fn beside(desk: &Desk, earlier: Option<Unfinished>, why: SurveyError) -> Failure {
    if let Some(earlier) = earlier
        && desk.format != Format::Nagios
    {
        desk.complain(&would_be_refused(&earlier.failure.message));
    }
    why.into()
}

/// The store, or one in memory where there is none: what only looks must work on a bare CI machine, and makes no folder.
/// Beside it why the one that is there cannot be used: a failover could not begin.
pub(super) fn store_or_none(desk: &Desk) -> (Arc<dyn Store>, Keep, Option<Failure>) {
    match desk.store_if_there() {
        Ok(Some(store)) => (store, Keep::All, None),
        Ok(None) => (Arc::new(Memory::new()), Keep::Nothing, None),
        Err(failure) => (Arc::new(Memory::new()), Keep::Nothing, Some(failure)),
    }
}

/// Leaves out the steps of which one look takes longer than there is time, and says so: that they were not looked at
/// here is no doubt about them.
fn leave_out_what_takes_longer(plan: &mut Plan, book: &Playbook, within: Duration) {
    for step in book.steps() {
        let Work::Check(check) = &step.work else {
            continue;
        };
        let takes = check.takes() + CONNECTS;
        let is_of = |entry: &Entry| entry.step == step.id;
        if check.takes().is_zero() || takes <= within || !plan.entries.iter().any(is_of) {
            continue;
        }
        plan.entries.retain(|entry| !is_of(entry));
        plan.left_out.push(Stay {
            what: step.id.clone(),
            why: format!("here: a look takes {}, see `--within`", short(takes)),
        });
    }
}

/// Gives each look less time than the whole has, so that what does not answer is named; and looks again only as long as
/// another look has its time, so that what refuses at once is named as well.
fn answer_in_time(plan: &mut Plan, within: Duration) {
    let one = within.saturating_sub(CONNECTS).max(within / 2);
    for entry in &mut plan.entries {
        entry.pace.timeout = entry.pace.timeout.min(one);
        entry.pace.within = entry.pace.within.min(within.saturating_sub(one));
    }
}

/// Until when caches would hold the present records if they were changed now. The ones that were looked at may hold them
/// for longer than is served now.
fn forecast(desk: &Desk, plan: &Plan, records: &[Record]) -> Option<String> {
    let served: Vec<caches::Kept> = plan
        .edits()
        .filter_map(|(_, edit)| caches::served(&edit.before).ok())
        .flatten()
        .collect();
    let now = desk.clock.now();
    let sights = records.iter().filter_map(|record| match &record.event {
        Event::BaselineTaken { sights } => Some(sights),
        _ => None,
    });
    let held: Vec<caches::Version> = sights
        .flat_map(|sights| in_caches(&plan.direction, sights))
        .collect();
    let expiry = caches::forecast(&now, Duration::ZERO, &served, &held, FLOOR)?;
    Some(sentence(&expiry, &now))
}

fn sentence(expiry: &caches::Expiry, now: &Stamp) -> String {
    let (strict, floored) = (expiry.strict.told_at(now), expiry.floored.told_at(now));
    let longer = match strict == floored {
        true => String::new(),
        false => format!(
            ", those that keep everything for at least {} until {floored} UTC",
            short(FLOOR)
        ),
    };
    format!(
        "If you flipped now, caches that keep to the rules would hold the old addresses until \
         {strict} UTC ({}){longer}.",
        short(expiry.strict.left(now)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_is_repeated_leaves_time_for_the_last_one() {
        let secs = Duration::from_secs;
        let mut plan = crate::fake::plan(Mode::Check, "kk");
        plan.entries[0].pace.within = secs(600);
        plan.entries[0].pace.timeout = secs(10);
        plan.entries[1].pace.within = secs(1);
        plan.entries[1].pace.timeout = secs(2);
        answer_in_time(&mut plan, secs(9));
        let pace = |at: usize| (plan.entries[at].pace.within, plan.entries[at].pace.timeout);
        assert_eq!(pace(0), (secs(3), secs(6)));
        assert_eq!(pace(1), (secs(1), secs(2)));
    }

    #[test]
    fn the_forecast_names_a_second_time_only_where_it_differs() {
        let now = Stamp {
            wall: "2026-11-22T03:00:00Z".parse().unwrap(),
            boot_ms: 0,
            boot_id: String::new(),
        };
        let of = |ttl: u64| {
            let strict = now.plus(Duration::from_secs(ttl));
            let floored = now.plus(Duration::from_secs(ttl).max(FLOOR));
            sentence(&caches::Expiry { strict, floored }, &now)
        };
        assert!(
            of(300).ends_with("until 03:05:00 UTC (5m 00s)."),
            "{}",
            of(300)
        );
        // Whoever reads a time of day takes it for one of today.
        assert!(
            of(172_800).ends_with("until 2026-11-24 03:00:00 UTC (2d 0h)."),
            "{}",
            of(172_800)
        );
        let low = "until 03:00:05 UTC (5.0s), those that keep everything for at least 30s until 03:00:30 UTC.";
        assert!(of(5).ends_with(low), "{}", of(5));
    }
}
