//! `cutover plan --compare`: what has changed since an earlier dry run.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::common::{Desk, Failure};
use super::{Exit, Format, world};
use crate::event::Ending;
use crate::plan::Outcome;
use crate::report::{Line, Role, count, json_line};
use crate::seen::{Change, How, SeenWorld, changes};

/// What a dry run is compared with.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Compare {
    /// Says only what has changed since an earlier dry run: its file of `--out-world`, or what it printed
    /// with `--format json`. The same file may be given to `--out-world`; the first time it need not exist
    #[arg(long, value_name = "PREVIOUS")]
    compare: Option<PathBuf>,
    /// Exits with 8 where all is well and something has changed
    #[arg(long, requires = "compare")]
    fail_on_change: bool,
}

/// What an earlier dry run saw, and where that is kept.
pub(super) struct Previous {
    path: PathBuf,
    seen: SeenWorld,
}

impl Compare {
    /// Reads what is compared with, before anything is looked at. `None`: nothing is, or this is the first
    /// of a row of dry runs that each are compared with the one before.
    pub(super) fn previous(
        &self,
        desk: &Desk,
        out_world: Option<&Path>,
    ) -> Result<Option<Previous>, Failure> {
        let Some(path) = &self.compare else {
            return Ok(None);
        };
        if out_world == Some(path) && !world::exists(path) {
            desk.say(&format!(
                "cutover: `{}` is not there yet: nothing to compare with before the next dry run",
                path.display()
            ));
            return Ok(None);
        }
        let seen = world::read(path)?;
        let path = path.clone();
        Ok(Some(Previous { path, seen }))
    }

    /// Prints what has changed; the exit code stays that of the dry run, unless a change was asked to count.
    pub(super) fn tell(
        &self,
        desk: &Desk,
        previous: &Previous,
        now: &SeenWorld,
        exit: Exit,
    ) -> Result<Exit, Failure> {
        // Half a look would tell of half the world as gone.
        if matches!(now.ending, None | Some(Ending::Stopped)) {
            desk.say("cutover: nothing was compared: the dry run was stopped before its end");
            return Ok(exit);
        }
        let then = &previous.seen;
        let list = changes(then, now).map_err(|why| {
            let path = previous.path.display();
            let message = format!("cannot compare with `{path}`: {why}");
            Failure::new(Exit::Usage, message)
        })?;
        match desk.format {
            Format::Json => {
                let line = json!({
                    "playbook": now.playbook,
                    "since": then.began,
                    "now": now.began,
                    "ending": now.ending,
                    "changes": list,
                });
                let line = json_line(&line).map_err(|e| Failure::new(Exit::Error, e))?;
                desk.print_text(&format!("{line}\n"));
            }
            _ => desk.print(&lines(then, now, &list)),
        }
        // What stays where it is was said when it came, and is in the list where it goes.
        let well = exit == Exit::Done || exit == Exit::Unproven && now.is_all_seen();
        Ok(match (self.fail_on_change && well, list.is_empty()) {
            (false, _) => exit,
            (true, true) => Exit::Done,
            (true, false) => Exit::Busy,
        })
    }
}

/// One line for each change, below what it belongs to; then what is as bad as before.
fn lines(then: &SeenWorld, now: &SeenWorld, list: &[Change]) -> Vec<Line> {
    let since = then.began.strftime("%Y-%m-%d %H:%M:%SZ");
    let head = match list.len() {
        0 => format!("{}: nothing has changed since {since}", now.playbook),
        n => {
            let changes = count(n, "change");
            format!("{}: {changes} since {since}", now.playbook)
        }
    };
    let mut lines = vec![Line::new().and(Role::Strong, head)];
    let mut about = None;
    for change in list {
        if about != Some(&change.about) {
            lines.push(Line::new().text(&change.about));
            about = Some(&change.about);
        }
        let role = match change.how {
            How::Appeared => Role::Added,
            How::Vanished => Role::Removed,
            How::Changed => Role::Caution,
        };
        lines.push(Line::new().text("  ").and(role, change.to_string()));
    }
    lines.extend(still(now, list));
    lines
}

/// What is no news and explains the exit code: checks that fail, or cannot be told, as they did before.
fn still(now: &SeenWorld, list: &[Change]) -> Vec<Line> {
    let told = |id: &str| {
        (list.iter())
            .any(|change| change.about == id && matches!(&*change.what, "outcome" | "check"))
    };
    let bad = now.checks.iter().filter_map(|check| {
        let finding = check.finding.as_ref()?;
        let word = match finding.outcome {
            Outcome::Fail => "fails",
            Outcome::Unknown => "is unknown",
            Outcome::Pass | Outcome::Warn | Outcome::Late => return None,
        };
        (!told(&check.id)).then(|| {
            Line::new()
                .text(format!("as before, {} ", check.id))
                .and(finding.outcome.into(), word)
                .text(format!(": {}", finding.headline))
        })
    });
    bad.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Finding, Record, Round};
    use crate::plan::Mode;
    use crate::report::{Style, render};

    fn seen(outcome: Outcome) -> SeenWorld {
        let plan = crate::fake::plan(Mode::Plan, "kc");
        let started = Event::Started {
            plan: Box::new(plan),
            by: "root@ops1".into(),
            version: "0.1.0".into(),
        };
        let looked = Event::Looked {
            entry: 0,
            round: Round::There,
            finding: Finding::new(outcome, "1 of 2 probes pass"),
        };
        let at = crate::clock::Stamp {
            wall: "2026-11-22T03:05:00Z".parse().unwrap(),
            boot_ms: 0,
            boot_id: "one".into(),
        };
        let records: Vec<Record> = (0..)
            .zip([started, looked])
            .map(|(seq, event)| Record {
                seq,
                at: at.clone(),
                event,
            })
            .collect();
        SeenWorld::of(&records, Vec::new()).unwrap()
    }

    fn told(then: Outcome, now: Outcome) -> String {
        let (then, now) = (seen(then), seen(now));
        let list = changes(&then, &now).unwrap();
        render(&lines(&then, &now, &list), &Style::plain())
    }

    #[test]
    fn what_is_as_bad_as_before_explains_the_exit_code() {
        assert_eq!(
            told(Outcome::Pass, Outcome::Pass),
            "sketch: nothing has changed since 2026-11-22 03:05:00Z\n"
        );
        assert_eq!(
            told(Outcome::Fail, Outcome::Fail),
            "sketch: nothing has changed since 2026-11-22 03:05:00Z\n\
             as before, k0 fails: 1 of 2 probes pass\n"
        );
        assert_eq!(
            told(Outcome::Pass, Outcome::Unknown),
            "sketch: 1 change since 2026-11-22 03:05:00Z\n\
             k0\n  ~ outcome: unknown, was pass: 1 of 2 probes pass\n"
        );
    }

    #[test]
    fn what_stays_where_it_was_is_no_news() {
        let all_seen = |outcome| {
            let mut seen = seen(outcome);
            seen.ending = Some(Ending::DoneUnproven);
            seen.is_all_seen()
        };
        assert!(all_seen(Outcome::Pass) && all_seen(Outcome::Warn));
        for outcome in [Outcome::Late, Outcome::Unknown, Outcome::Fail] {
            assert!(!all_seen(outcome), "{outcome}");
        }
        // A warning that could not tell something, and what did not come to its end.
        let mut unclear = seen(Outcome::Warn);
        assert!(!unclear.is_all_seen());
        unclear.ending = Some(Ending::DoneUnproven);
        unclear.checks[0].unseen.push(crate::seen::NotSeen {
            what: "old".into(),
            why: "no answer".into(),
        });
        assert!(!unclear.is_all_seen());
    }
}
