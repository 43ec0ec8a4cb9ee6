//! `cutover check`

use std::sync::Arc;
use std::time::Duration;

use super::common::{Desk, Failure, PlaybookArgs};
use super::perform::Performance;
use super::{Exit, Format};
use crate::clock::{Stamp, short};
use crate::dns::caches;
use crate::engine::{Intention, survey};
use crate::event::{Ending, Event, Record};
use crate::plan::{Mode, Outcome, Plan};
use crate::report::Line;
use crate::store::{Memory, Store};

/// Looks, now, and changes nothing: is the other side ready?
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    playbook: PlaybookArgs,
    /// Looks at this site as the one to go to, whatever DNS says
    #[arg(long, value_name = "SITE")]
    to: Option<String>,
}

/// What caches that do not like short TTLs make of them.
const FLOOR: Duration = Duration::from_secs(30);

/// How much a monitoring system is told of why nothing was looked at, in characters.
const LONGEST_WHY: usize = 400;

pub(super) async fn run(desk: &Desk, args: &Args) -> Result<Exit, Failure> {
    match look(desk, args).await {
        // A monitoring system reads one line of standard output and knows four exit codes, whatever happens.
        Err(failure) if desk.format == Format::Nagios => {
            let failure = failure.at(desk);
            desk.complain(&failure.message);
            let name = args.playbook.playbook.file_stem().unwrap_or_default();
            desk.print_text(&not_looked(&name.to_string_lossy(), &failure.message));
            Ok(Exit::Playbook)
        }
        done => done,
    }
}

async fn look(desk: &Desk, args: &Args) -> Result<Exit, Failure> {
    let book = desk.playbook(&args.playbook)?;
    let actual = desk.actual(&book);
    let intention = Intention {
        mode: Mode::Check,
        like: Mode::Failover,
        to: args.to.clone(),
        hold: None,
    };
    actual.connect_ahead();
    let plan = survey(&actual, &intention).await?;
    let (store, kept) = store_or_none(desk);
    let performance = Performance {
        desk,
        actual: &actual,
        store,
        playbook: args.playbook.playbook.display().to_string(),
        yes: false,
    };
    let (exit, records) = performance.dry(plan, kept, true).await?;
    if exit == Exit::Stopped && desk.format != Format::Nagios {
        return Ok(exit);
    }
    // Whether the changes could be planned: a key that is not taken any more would stop a failover.
    let dry = Intention {
        mode: Mode::Plan,
        ..intention
    };
    let planned = survey(&actual, &dry)
        .await
        .map_err(|error| error.to_string());
    match (desk.format, planned) {
        (Format::Nagios, planned) => {
            let (line, exit) = nagios(book.name(), &records, planned.err());
            desk.print_text(&line);
            return Ok(exit);
        }
        (_, Err(why)) => {
            desk.complain(&format!("a failover would be refused: {why}"));
            return Ok(match exit {
                Exit::Done => Exit::Refused,
                other => other,
            });
        }
        (Format::Text, Ok(plan)) => {
            if let Some(sentence) = forecast(desk, &plan) {
                let lines = Line::new().text(sentence).wrap(desk.style().width, 0);
                desk.print_text("\n");
                desk.print(&lines);
            }
        }
        (Format::Json | Format::Junit | Format::Github, Ok(_)) => {}
    }
    Ok(exit)
}

/// The store, or one in memory where there is none: what only looks must work on a bare CI machine.
pub(super) fn store_or_none(desk: &Desk) -> (Arc<dyn Store>, bool) {
    match desk.store() {
        Ok(store) => (store, true),
        Err(failure) => {
            desk.complain(&format!("not kept: {}", failure.message));
            (Arc::new(Memory::new()), false)
        }
    }
}

/// Until when caches would hold the present records if they were changed now.
fn forecast(desk: &Desk, plan: &Plan) -> Option<String> {
    let served: Vec<caches::Kept> = plan
        .edits()
        .filter_map(|(_, edit)| caches::served(&edit.before).ok())
        .flatten()
        .collect();
    let now = desk.clock.now();
    let expiry = caches::forecast(&now, Duration::ZERO, &served, &[], FLOOR)?;
    Some(sentence(&expiry, &now))
}

fn sentence(expiry: &caches::Expiry, now: &Stamp) -> String {
    let at = |stamp: &Stamp| stamp.wall.strftime("%H:%M:%S").to_string();
    let (strict, floored) = (at(&expiry.strict), at(&expiry.floored));
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

/// Text on one line of a monitoring plugin, where `|` begins the numbers.
fn on_one_line(text: &str) -> String {
    crate::report::clean(text).replace('|', "/")
}

/// The line where nothing was looked at, and why.
fn not_looked(name: &str, why: &str) -> String {
    let why: Vec<&str> = why.split_whitespace().collect();
    let why: String = why.join(" ").chars().take(LONGEST_WHY).collect();
    let (name, why) = (on_one_line(name), on_one_line(&why));
    format!("CUTOVER UNKNOWN - {name}: {why}\n")
}

/// One line, and the exit codes of a monitoring plugin: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
fn nagios(name: &str, records: &[Record], unplanned: Option<String>) -> (String, Exit) {
    let mut worst = Outcome::Pass;
    let mut words = Vec::new();
    let mut looked = 0;
    let plan = match records.first().map(|record| &record.event) {
        Some(Event::Started { plan, .. }) => plan,
        _ => return (not_looked(name, "nothing was recorded"), Exit::Playbook),
    };
    let ending = records.iter().rev().find_map(|record| match record.event {
        Event::Ended { ending } => Some(ending),
        _ => None,
    });
    for record in records {
        if let Event::Looked { entry, finding, .. } = &record.event {
            looked += 1;
            worst = worst.max(finding.outcome);
            if finding.outcome != Outcome::Pass {
                let id = plan
                    .entries
                    .get(*entry)
                    .map_or("", |entry| entry.id.as_str());
                let headline = on_one_line(&finding.headline);
                words.push(format!("{id} {}: {headline}", finding.outcome));
            }
        }
    }
    // Somebody stopped it: what was not looked at may be anything.
    if matches!(ending, None | Some(Ending::Stopped)) {
        worst = match worst {
            Outcome::Fail => Outcome::Fail,
            _ => Outcome::Unknown,
        };
        words.push("stopped before its end".to_owned());
    }
    if let Some(why) = unplanned {
        worst = worst.max(Outcome::Unknown);
        // A reason may have several lines.
        let why: Vec<&str> = why.split_whitespace().collect();
        let why = on_one_line(&why.join(" "));
        words.push(format!("a failover would be refused: {why}"));
    }
    let (word, exit) = match worst {
        _ if looked == 0 => ("UNKNOWN", Exit::Playbook),
        Outcome::Pass => ("OK", Exit::Done),
        Outcome::Warn | Outcome::Late => ("WARNING", Exit::Error),
        Outcome::Fail => ("CRITICAL", Exit::Usage),
        Outcome::Unknown => ("UNKNOWN", Exit::Playbook),
    };
    let text = match words.is_empty() {
        true if looked == 1 => "1 check passes".to_owned(),
        true => format!("{looked} checks pass"),
        false => words.join("; "),
    };
    let left_out: String = (plan.left_out.iter())
        .map(|step| on_one_line(&format!("; {} is left out {}", step.what, step.why)))
        .collect();
    (format!("CUTOVER {word} - {name}: {text}{left_out}\n"), exit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Finding, Round};

    fn records(outcome: Outcome, ending: Ending) -> Vec<Record> {
        let started = Event::Started {
            plan: Box::new(crate::fake::plan(Mode::Check, "kk")),
            by: "root@ops1".into(),
            version: "0.1.0".into(),
        };
        let looked = Event::Looked {
            entry: 0,
            round: Round::There,
            finding: Finding::new(outcome, "as it is"),
        };
        let at = Stamp {
            wall: "2026-11-22T03:00:00Z".parse().unwrap(),
            boot_ms: 0,
            boot_id: "one".into(),
        };
        let events = [started, looked, Event::Ended { ending }];
        (0..)
            .zip(events)
            .map(|(seq, event)| Record {
                seq,
                at: at.clone(),
                event,
            })
            .collect()
    }

    #[test]
    fn a_check_that_was_stopped_is_not_ok() {
        let of = |outcome, ending| nagios("site", &records(outcome, ending), None);
        let (line, exit) = of(Outcome::Pass, Ending::Done);
        assert_eq!(
            (line.as_str(), exit),
            ("CUTOVER OK - site: 1 check passes\n", Exit::Done)
        );
        let (line, exit) = of(Outcome::Pass, Ending::Stopped);
        assert_eq!(
            (line.as_str(), exit as u8),
            ("CUTOVER UNKNOWN - site: stopped before its end\n", 3)
        );
        let (line, exit) = of(Outcome::Fail, Ending::Stopped);
        assert!(
            line.starts_with("CUTOVER CRITICAL - site: k0 fail: as it is; stopped"),
            "{line}"
        );
        assert_eq!(exit as u8, 2);
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
        let low = "until 03:00:05 UTC (5.0s), those that keep everything for at least 30s until 03:00:30 UTC.";
        assert!(of(5).ends_with(low), "{}", of(5));
    }
}
