//! `check` for a monitoring system: one line, numbers behind a `|`, four exit codes, and an answer in time.
//!
//! The form is that of the Monitoring Plugins Development Guidelines: `LABEL=VALUE[UNIT];WARN;CRIT;MIN;MAX`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Exit;
use super::check::{Args, Looked, look};
use super::common::{Desk, Failure};
use super::perform::{Seen, all};
use super::stuck::{Stuck, Untold, Waiting, stuck, stuck_as_recorded};
use super::whose::Whose;
use crate::clock::short;
use crate::engine::leads_in_dns;
use crate::event::{Ending, Event, Record};
use crate::plan::{Outcome, Seconds};
use crate::words::count_of;
use crate::world::patience;

/// How much is told of why nothing was looked at, in characters.
const LONGEST_WHY: usize = 400;

/// Between the last answer that is waited for and the line.
const TELLS: Duration = Duration::from_secs(2);

/// What a line says, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Ok,
    Warning,
    Unknown,
    Critical,
}

impl Level {
    fn of(outcome: Outcome) -> Level {
        match outcome {
            Outcome::Pass => Level::Ok,
            Outcome::Warn | Outcome::Late => Level::Warning,
            Outcome::Unknown => Level::Unknown,
            Outcome::Fail => Level::Critical,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Level::Ok => "OK",
            Level::Warning => "WARNING",
            Level::Unknown => "UNKNOWN",
            Level::Critical => "CRITICAL",
        }
    }

    /// 0, 1, 2 or 3, whatever those mean elsewhere.
    fn exit(self) -> Exit {
        match self {
            Level::Ok => Exit::Done,
            Level::Warning => Exit::Error,
            Level::Critical => Exit::Usage,
            Level::Unknown => Exit::Playbook,
        }
    }
}

/// What there is to tell.
#[derive(Default)]
struct Told {
    /// Each with its level: runs that wait for a person come first.
    words: Vec<(Level, String)>,
    numbers: Numbers,
    left_out: String,
}

#[derive(Default)]
struct Numbers {
    checks: usize,
    passed: usize,
    warned: usize,
    unknown: usize,
    failed: usize,
    /// `None`: that cannot be told.
    stuck: Option<usize>,
    data_age: Option<Duration>,
    took: Duration,
}

/// Looks, and answers on one line of standard output, whatever happens.
pub(super) async fn run(desk: &Desk, args: &Args) -> Exit {
    let began = desk.clock.now();
    let file = args.playbook.playbook.file_stem().unwrap_or_default();
    let mut told = Told::default();
    // Where it cannot be read, the look says so.
    let (name, whose, book) = match desk.parse(&args.playbook) {
        Ok(Ok(book)) => {
            let whose = Whose::book(&book, &args.playbook.playbook);
            (book.name().to_owned(), whose, Some(Arc::new(book)))
        }
        _ => (
            file.to_string_lossy().into_owned(),
            Whose::file(&args.playbook.playbook),
            None,
        ),
    };
    let seen = Seen::default();
    let waiting = async {
        let store = desk.store_that_is_there()?;
        let waiting = stuck(desk, &*store, Some(&whose)).await?;
        // Only beside a run that waits it is told where the names lead, and then by those who publish it.
        let dns = match (&book, waiting.stuck.is_empty()) {
            (Some(book), false) => leads_in_dns(book, &desk.actual(book).site).await.ok(),
            _ => None,
        };
        Ok::<_, Failure>((waiting, dns))
    };
    // What does not answer is named in time.
    let until = Instant::now() + args.within.saturating_sub(TELLS).max(args.within / 2);
    let looks = patience::until(until, look(desk, args, &seen));
    // What came in time counts: the look may make a database in a folder that had none.
    let mut in_time = None;
    let both = async { tokio::join!(async { in_time = Some(waiting.await) }, looks).1 };
    let looked = tokio::time::timeout(args.within, both).await.ok();
    let waiting = match in_time {
        None => {
            let late = late_answer(desk, &whose).await;
            late.map(|late| late.map(|waiting| (waiting, None)))
        }
        told => told,
    };
    let seen = all(&seen);
    told.take_in(&seen, looked.is_some());
    match looked {
        None => told
            .words
            .push((Level::Unknown, too_late(args.within, seen.is_empty()))),
        Some(Err(failure)) => {
            let failure = failure.at(desk);
            desk.complain(&failure.message);
            let why: Vec<&str> = failure.message.split_whitespace().collect();
            let why = why.join(" ").chars().take(LONGEST_WHY).collect();
            told.words.push((Level::Unknown, why));
        }
        Some(Ok(Looked {
            refused: Some(why), ..
        })) => {
            // The site serves; what would move it is broken, and somebody has time to mend it.
            let why: Vec<&str> = why.split_whitespace().collect();
            let text = format!("a failover would be refused: {}", why.join(" "));
            told.words.push((Level::Warning, text));
        }
        Some(Ok(Looked { astray, .. })) => {
            // Its users are served, and not all of them by the side that is looked after.
            let astray = astray.into_iter();
            told.words.extend(astray.map(|text| (Level::Warning, text)));
        }
    }
    match waiting {
        Some(Ok((waiting, dns))) => {
            let dns = dns.as_ref().map(Option::as_deref);
            told.waiting(desk, &waiting, dns);
        }
        Some(Err(failure)) => {
            let text = format!("what earlier runs left cannot be told: {}", failure.message);
            told.words.push((Level::Unknown, text));
        }
        None => {
            let text = "what earlier runs left was not told in time".to_owned();
            told.words.push((Level::Unknown, text));
        }
    }
    told.numbers.took = desk.clock.now().since(&began);
    let (line, exit) = told.line(&name);
    desk.print_text(&line);
    exit
}

/// Which side is active, as the places of a run tell it and as DNS does. Where the two differ, what was seen counts.
fn is_active(site: Option<&str>, dns: Option<Option<&str>>) -> String {
    match (site, dns) {
        (Some(site), None) => format!(": {site} is active as its journal tells"),
        (Some(site), Some(Some(dns))) if site == dns => format!(": {site} is active"),
        (_, Some(Some(dns))) => format!(" (DNS leads to {dns})"),
        (_, Some(None)) => " (in DNS the names lead to no one site)".to_owned(),
        (None, None) => String::new(),
    }
}

/// What is told where the time was over. Before the first look it is read where the names lead.
fn too_late(within: Duration, before_all: bool) -> String {
    let within = short(within);
    match before_all {
        true => format!(
            "nothing was looked at within {within}: a name server, the provider or the disk of the state folder does not \
             answer; `cutover check` says which"
        ),
        false => format!("not all was looked at within {within}, the rest may be anything"),
    }
}

/// What waits for a person, where the looks took too long: their places are asked once more, and not for long.
async fn late_answer(desk: &Desk, whose: &Whose) -> Option<Result<Waiting, Failure>> {
    const SHORT: Duration = Duration::from_millis(500);
    let waiting = async {
        let store = desk.store_that_is_there()?;
        let waiting = stuck_as_recorded(desk, &*store, Some(whose)).await;
        waiting.map_err(Failure::from)
    };
    tokio::time::timeout(SHORT, waiting).await.ok()
}

impl Told {
    /// Takes in what earlier runs have left. `dns` is the site to which all name servers lead, where they told; `Some(None)`
    /// where they lead to no one site.
    fn waiting(&mut self, desk: &Desk, waiting: &Waiting, dns: Option<Option<&str>>) {
        for stuck in waiting.stuck.iter().rev() {
            self.waits(desk, stuck, dns);
        }
        if waiting.nothing_ran {
            self.left_out += &format!("; {}", desk.no_runs_yet());
        }
        // What cannot be read has no number.
        let all_is_told = waiting.untold.is_empty();
        // One may have left two things.
        let runs: BTreeSet<&str> =
            (waiting.stuck.iter().map(|stuck| stuck.run.id.as_str())).collect();
        self.numbers.stuck = all_is_told.then_some(runs.len());
        for Untold { run, open } in &waiting.untold {
            let (level, what) = match open {
                true => (
                    Level::Critical,
                    "began to write and came to no end; what stands of it",
                ),
                false => (Level::Unknown, "cannot be read; what it left"),
            };
            let text = format!(
                "run {} {what} cannot be told: {}; look at what it was to change by hand",
                run.id, run.why
            );
            self.words.insert(0, (level, text));
        }
    }

    fn waits(&mut self, desk: &Desk, stuck: &Stuck, dns: Option<Option<&str>>) {
        let level = match stuck.stands {
            true => Level::Critical,
            false => Level::Warning,
        };
        let now = is_active(stuck.site.as_deref(), dns);
        let how = crate::report::to_type(&stuck.how, desk.state_to_type().as_deref());
        let text = format!("{}{now}; {how}", stuck.what);
        self.words.insert(0, (level, text));
    }

    /// Takes in what was looked at.
    fn take_in(&mut self, records: &[Record], complete: bool) {
        let Some(Event::Started { plan, .. }) = records.first().map(|record| &record.event) else {
            return;
        };
        for record in records {
            let Event::Looked { entry, finding, .. } = &record.event else {
                continue;
            };
            let level = Level::of(finding.outcome);
            self.numbers.count(level);
            if let Some(Seconds(age)) = finding.data_age {
                self.numbers.data_age = self.numbers.data_age.max(Some(age));
            }
            if level != Level::Ok {
                let id = plan.entries.get(*entry).map_or("", |e| e.id.as_str());
                let text = format!("{id} {}: {}", finding.outcome, finding.headline);
                self.words.push((level, text));
            }
        }
        let ending = records.iter().rev().find_map(|record| match record.event {
            Event::Ended { ending } => Some(ending),
            _ => None,
        });
        // Somebody stopped it: what was not looked at may be anything.
        if complete && matches!(ending, None | Some(Ending::Stopped)) {
            let text = "stopped before its end".to_owned();
            self.words.push((Level::Unknown, text));
        }
        if complete && self.numbers.checks == 0 {
            let text = "no check looked at anything".to_owned();
            self.words.push((Level::Unknown, text));
        }
        self.left_out = (plan.left_out.iter())
            .map(|step| format!("; {} is left out {}", step.what, step.why))
            .collect();
    }

    /// The line, and the exit code.
    fn line(&self, name: &str) -> (String, Exit) {
        let level = (self.words.iter().map(|(level, _)| *level)).max();
        let level = level.unwrap_or(Level::Ok);
        let words: Vec<&str> = self.words.iter().map(|(_, text)| text.as_str()).collect();
        let text = match (words.is_empty(), self.numbers.checks) {
            (true, checks) => count_of(checks, "check passes", "checks pass"),
            (false, _) => words.join("; "),
        };
        let told = on_one_line(&format!("{name}: {text}{}", self.left_out));
        let numbers = self.numbers.performance_data();
        let line = format!("CUTOVER {} - {told} | {numbers}\n", level.word());
        (line, level.exit())
    }
}

impl Numbers {
    fn count(&mut self, level: Level) {
        self.checks += 1;
        *match level {
            Level::Ok => &mut self.passed,
            Level::Warning => &mut self.warned,
            Level::Unknown => &mut self.unknown,
            Level::Critical => &mut self.failed,
        } += 1;
    }

    fn performance_data(&self) -> String {
        let Numbers {
            checks,
            passed,
            warned,
            unknown,
            failed,
            stuck,
            ..
        } = self;
        let mut text = format!(
            "checks={checks};;;0 passed={passed};;;0 warned={warned};;;0 unknown={unknown};;;0 \
             failed={failed};;;0 unfinished_runs={};;0;0 time={:.3}s;;;0",
            // The word of the guidelines for what could not be told.
            stuck.map_or_else(|| "U".to_owned(), |stuck| stuck.to_string()),
            self.took.as_secs_f64()
        );
        if let Some(age) = self.data_age {
            text += &format!(" data_age={}s;;;0", age.as_secs());
        }
        text
    }
}

/// Text on one line, where `|` begins the numbers.
pub(super) fn on_one_line(text: &str) -> String {
    crate::report::clean(text)
        .replace('|', "/")
        .replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Stamp;
    use crate::event::{Finding, Round};
    use crate::plan::Mode;

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
    fn a_site_is_active_where_nothing_that_was_seen_says_otherwise() {
        for (site, dns, told) in [
            (Some("new"), None, ": new is active as its journal tells"),
            (Some("new"), Some(Some("new")), ": new is active"),
            (Some("new"), Some(Some("old")), " (DNS leads to old)"),
            (None, Some(Some("old")), " (DNS leads to old)"),
            (
                Some("new"),
                Some(None),
                " (in DNS the names lead to no one site)",
            ),
            (None, Some(None), " (in DNS the names lead to no one site)"),
            (None, None, ""),
        ] {
            assert_eq!(is_active(site, dns), told, "{site:?} {dns:?}");
        }
    }

    #[test]
    fn what_came_too_late_is_told_by_what_was_waited_for() {
        let within = Duration::from_secs(9);
        let nothing = too_late(within, true);
        assert!(
            nothing
                .contains("a name server, the provider or the disk of the state folder does not"),
            "{nothing}"
        );
        let some = too_late(within, false);
        assert_eq!(
            some,
            "not all was looked at within 9.0s, the rest may be anything"
        );
    }

    #[test]
    fn a_check_that_was_stopped_is_not_ok() {
        let of = |outcome, ending| {
            let mut told = Told::default();
            told.take_in(&records(outcome, ending), true);
            told.line("site")
        };
        let (line, exit) = of(Outcome::Pass, Ending::Done);
        assert_eq!(
            (line.as_str(), exit),
            (
                "CUTOVER OK - site: 1 check passes | checks=1;;;0 passed=1;;;0 warned=0;;;0 unknown=0;;;0 \
                 failed=0;;;0 unfinished_runs=U;;0;0 time=0.000s;;;0\n",
                Exit::Done
            )
        );
        let (line, exit) = of(Outcome::Pass, Ending::Stopped);
        assert!(
            line.starts_with("CUTOVER UNKNOWN - site: stopped before its end | "),
            "{line}"
        );
        assert_eq!(exit as u8, 3);
        let (line, exit) = of(Outcome::Fail, Ending::Stopped);
        assert!(
            line.starts_with("CUTOVER CRITICAL - site: k0 fail: as it is; stopped"),
            "{line}"
        );
        assert_eq!(exit as u8, 2);
    }
}
