//! The end of each run on a short card: three questions, what stands, times, what is owed, what to type.

use super::lines::{fact_rows, labelled_rows};
use super::numbers::{count, date_time, rounded};
use super::proof::Proof;
use super::say::ending_phrase;
use super::tally::{Because, Serves, Standing, Tally};
use super::text::{Line, Role, Style};
use super::typed::to_type;
use crate::clock::short;
use crate::event::Ending;
use crate::plan::{Mode, Outcome, Plan, Question, Seconds, Way};
use crate::words::quoted;

/// Where the labels end.
const LABEL: usize = 9;

/// Where the answers to the questions begin.
const ANSWER: usize = 45;

/// So many rows of one cause are shown.
const ROWS: usize = 4;

/// What the person would type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The run, as `cutover show` takes it.
    pub run: String,
    /// The playbook, as it was given on the command line.
    pub playbook: String,
    /// The state folder, where every command must be told it.
    pub state: Option<String>,
    /// Somebody sits at this terminal, and may end a hold.
    pub somebody: bool,
    pub given: Given,
}

/// What the run was asked for beside its playbook: a command that is proposed says it again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// `--set`, each as it was typed.
    pub sets: Vec<String>,
    /// `--to`
    pub to: Option<String>,
    pub emergency: bool,
    /// The file of a saved plan.
    pub plan: Option<String>,
}

impl Names {
    pub fn new(run: impl Into<String>, playbook: impl Into<String>) -> Names {
        Names {
            run: run.into(),
            playbook: playbook.into(),
            state: None,
            somebody: false,
            given: Given::default(),
        }
    }

    /// The same, where the run was asked for with more than its playbook.
    pub fn with_given(mut self, given: Given) -> Names {
        self.given = given;
        self
    }

    /// The same, where somebody can type while the run goes on.
    pub fn with_somebody(mut self, somebody: bool) -> Names {
        self.somebody = somebody;
        self
    }

    /// The same, where journals live in a folder that commands do not find by themselves.
    pub fn with_state(mut self, state: Option<String>) -> Names {
        self.state = state;
        self
    }

    /// A text with its commands as the person would type them.
    pub(super) fn to_type(&self, text: &str) -> String {
        let whole = |text: String, short: &str, long: String| {
            text.replace(&format!("`cutover {short}`"), &format!("`{long}`"))
        };
        let text = to_type(text, self.state.as_deref());
        let text = whole(text, "check", self.of_playbook("check", &[]));
        whole(text, "rollback", self.of_run("rollback", &[]))
    }

    /// A command about the playbook, with what was put over it.
    fn of_playbook(&self, verb: &str, more: &[&str]) -> String {
        let mut words = vec![verb, &self.playbook];
        words.extend(more);
        words.extend((self.given.sets.iter()).flat_map(|set| ["--set", set.as_str()]));
        self.command(&words)
    }

    /// The same, where the run goes to the site that this one was told to go to, in the way that it was told.
    fn going(&self, verb: &str, emergency: bool) -> String {
        let to = self.given.to.as_deref();
        let mut more: Vec<&str> = to.iter().flat_map(|to| ["--to", to]).collect();
        more.extend((emergency && self.given.emergency).then_some("--emergency"));
        self.of_playbook(verb, &more)
    }

    /// A command about this run.
    fn of_run(&self, verb: &str, more: &[&str]) -> String {
        let mut words = vec![verb, &self.run];
        words.extend(more);
        self.command(&words)
    }

    /// A command of this program, as a person here types it.
    fn command(&self, words: &[&str]) -> String {
        let mut all = vec!["cutover"];
        all.extend(words);
        all.extend((self.state.iter()).flat_map(|state| ["--state", state.as_str()]));
        quoted(&all)
    }
}

/// The card of a run, as far as its records go.
pub fn card(tally: &Tally, names: &Names, style: &Style) -> Vec<Line> {
    let Some(plan) = tally.plan() else {
        return vec![Line::new().text("nothing was recorded of this run")];
    };
    let mut lines = vec![Line::new()];
    lines.extend(title(tally, plan, names, style));
    lines.push(Line::new());
    lines.extend(questions(tally, style));
    lines.push(Line::new());
    if tally.ending() != Some(Ending::Done) {
        lines.extend(why(tally, names, style));
    }
    lines.extend(now(tally, plan, style));
    lines.extend(times(tally, plan, style));
    lines.extend(left_out(plan, style));
    lines.extend(owed(tally, names, style));
    lines.extend(next(tally, plan, names, style));
    lines
}

fn title(tally: &Tally, plan: &Plan, names: &Names, style: &Style) -> Vec<Line> {
    let (role, phrase) = match tally.ending() {
        None => (Role::Unclear, "not ended: it still runs, or was cut off"),
        Some(ending) => {
            let role = match ending {
                Ending::Done => Role::Good,
                Ending::DoneUnproven => Role::Waiting,
                Ending::Refused | Ending::Stale | Ending::Undone => Role::Caution,
                Ending::Held | Ending::Stopped => Role::Bad,
            };
            (role, ending_phrase(ending, plan.mode))
        }
    };
    let first = Line::new()
        .and(Role::Strong, format!("{} of {}", plan.mode, plan.playbook))
        .text(": ")
        .and(role, phrase);
    let mut facts = vec![format!(
        "{} -> {}",
        plan.direction.source, plan.direction.target
    )];
    facts.push(format!("run {}", names.run));
    if let Some(started) = tally.started() {
        facts.push(format!("{} by {}", date_time(started), tally.by()));
    }
    facts.push(format!("took {}", short(tally.took())));
    let second = Line::new().and(Role::Dim, facts.join(", "));
    let mut lines = first.wrap(style.width, 2);
    lines.extend(second.wrap(style.width, 2));
    lines
}

fn questions(tally: &Tally, style: &Style) -> Vec<Line> {
    let asked = [
        (
            Question::Ready,
            "Is the target up to date, and does it work?",
        ),
        (Question::Fast, "Is it fast enough for the load?"),
        (Question::Moves, "Does every service move?"),
    ];
    (asked.into_iter())
        .flat_map(|(question, text)| {
            let (role, word, reason) = match tally.answer(question) {
                Proof::Yes(reason) => (Role::Good, "yes", reason),
                Proof::No(reason) => (Role::Bad, "no", reason),
                Proof::NotProven(reason) => (Role::Unclear, "not proven", reason),
            };
            let answer = Line::new().and(role, word).text(format!(": {reason}"));
            if style.width < ANSWER + 24 {
                let mut lines = Line::new().text(text).wrap(style.width, 0);
                lines.extend(Line::new().text("  ").line(answer).wrap(style.width, 4));
                return lines;
            }
            let line = Line::new().text(text).pad_to(ANSWER).line(answer);
            line.wrap(style.width, ANSWER)
        })
        .collect()
}

fn why(tally: &Tally, names: &Names, style: &Style) -> Vec<Line> {
    let mut lines = Vec::new();
    let answers: Vec<String> = [Question::Ready, Question::Fast, Question::Moves]
        .into_iter()
        .filter_map(|question| match tally.answer(question) {
            Proof::No(reason) => Some(reason),
            Proof::Yes(_) | Proof::NotProven(_) => None,
        })
        .collect();
    for (
        i,
        Because {
            subject,
            outcome,
            text,
            facts,
            advice,
            ..
        },
    ) in tally.because().iter().enumerate()
    {
        let mut line = label(if i == 0 { "Why" } else { "" });
        if !subject.is_empty() {
            line = line.and(Role::Strong, subject).text(" ");
        }
        if *outcome > Outcome::Warn {
            let colon = if answers.contains(text) { "" } else { ": " };
            line = line.and((*outcome).into(), outcome.to_string()).text(colon);
        }
        // What is the answer to a question already stands once.
        if !answers.contains(text) {
            line = line.text(text);
        }
        lines.extend(line.wrap(style.width, LABEL + 2));
        for row in fact_rows(facts, LABEL + 2, ROWS) {
            lines.extend(row.wrap(style.width, LABEL + 4));
        }
        for advice in advice {
            lines.extend(labelled_rows(
                advice.label(),
                &names.to_type(advice.text()),
                LABEL + 2,
            ));
        }
    }
    lines
}

fn now(tally: &Tally, plan: &Plan, style: &Style) -> Vec<Line> {
    let source = &plan.direction.source;
    let target = &plan.direction.target;
    let standing = |which: fn(Standing) -> bool| {
        (plan.entries.iter().enumerate())
            .filter(|(i, entry)| entry.writes() && entry.there && which(tally.standing(*i)))
            .count()
    };
    let changes = (plan.entries.iter())
        .filter(|entry| entry.writes() && entry.there)
        .count();
    let back = standing(|s| s == Standing::PutBack);
    let all = count(changes, "change");
    let stand = || standing(|s| matches!(s, Standing::Stands | Standing::Already));
    // Who serves is said only of what a check saw after the last write.
    let side = tally.seen_serving().map(|(way, all)| match way {
        Way::There => (target, all),
        Way::Back => (source, all),
    });
    let served = |again: &str| match side {
        Some((side, true)) => format!("{side} serves{again}; "),
        _ => String::new(),
    };
    let unseen = match side {
        Some((_, true)) => String::new(),
        Some((side, false)) => format!("; not everything was seen to lead to {side}"),
        None => "; no check has seen since which side serves".to_owned(),
    };
    let unproven = match &side {
        Some((_, false)) => unseen.as_str(),
        _ => "; not everything was seen",
    };
    let text = match (tally.ending(), plan.mode) {
        (Some(Ending::Done | Ending::DoneUnproven), Mode::Plan) if changes == 0 => {
            "nothing was changed, and there is nothing to change".to_owned()
        }
        (_, Mode::Check | Mode::Plan) => "nothing was changed".to_owned(),
        (Some(Ending::Done), Mode::Drill) if tally.anything_stands() => {
            let left = standing(|s| {
                !matches!(
                    s,
                    Standing::Untouched | Standing::Already | Standing::PutBack
                )
            });
            let again = served(" again");
            format!("{again}{back} of {all} put back, {left} left standing{unseen}")
        }
        (Some(Ending::Done), Mode::Drill) => {
            format!("{}{all} made, seen, and put back{unseen}", served(" again"))
        }
        (Some(Ending::DoneUnproven), Mode::Drill) => {
            format!("{}{all} made and put back{unproven}", served(" again"))
        }
        (Some(Ending::Done | Ending::DoneUnproven), _) if !tally.ever_wrote() => {
            format!(
                "{}no change was needed, and none was made{unseen}",
                served("")
            )
        }
        (Some(Ending::Done), _) => format!("{}{all} made and seen{unseen}", served("")),
        (Some(Ending::DoneUnproven), _) => {
            format!("{}{all} made{unproven}", served(""))
        }
        (Some(Ending::Refused | Ending::Stale), _) => "nothing was changed".to_owned(),
        (Some(Ending::Undone), _) if back == 0 => {
            format!("{}no change took effect{unseen}", served(", as before"))
        }
        (Some(Ending::Undone), _) => {
            let back = count(back, "change");
            format!("{}{back} put back{unseen}", served(", as before"))
        }
        (Some(Ending::Held | Ending::Stopped) | None, _) => match tally.serves() {
            Serves::Source if back > 0 => {
                format!(
                    "no change stands; {} put back{unseen}",
                    count(back, "change")
                )
            }
            Serves::Source => "nothing was changed".to_owned(),
            Serves::Target if changes == 1 => format!("the change stands{unseen}"),
            Serves::Target => format!("all of {all} stand{unseen}"),
            Serves::Unsure => format!("between the sites: {} of {all} stand for sure", stand()),
        },
    };
    let mut lines = label("Now").text(text).wrap(style.width, LABEL);
    if tally.ever_wrote() {
        let room = style.width.saturating_sub(LABEL + 2 + 24).max(12);
        let id_width = (plan.entries.iter())
            .filter(|entry| entry.writes() && entry.there)
            .map(|entry| entry.id.chars().count())
            .max()
            .unwrap_or(0)
            .min(room);
        for (i, entry) in plan.entries.iter().enumerate() {
            if !entry.writes() || !entry.there {
                continue;
            }
            let (role, word) = match tally.standing(i) {
                Standing::Untouched => (Role::Dim, "not changed"),
                Standing::Stands => (Role::Strong, "stands"),
                Standing::Already => (Role::Dim, "was so already"),
                Standing::PutBack => (Role::Good, "as before"),
                Standing::Half => (Role::Bad, "only part of it stands"),
                Standing::Foreign => (Role::Bad, "changed by somebody else"),
                Standing::Unclear => (Role::Unclear, "begun, and not seen since"),
            };
            let id = Line::new().and(Role::Plain, &entry.id).cut(id_width, style);
            lines.push(
                Line::new()
                    .text(" ".repeat(LABEL))
                    .line(id)
                    .pad_to(LABEL + id_width + 2)
                    .and(role, word),
            );
        }
    }
    if let Some(by) = tally.accepted_by() {
        let text = format!("{by} let it go on with what was not proven");
        lines.extend(label("").and(Role::Dim, text).wrap(style.width, LABEL));
    }
    lines
}

fn times(tally: &Tally, plan: &Plan, style: &Style) -> Vec<Line> {
    let looks_only = matches!(plan.mode, Mode::Check | Mode::Plan);
    let mut rows = Vec::new();
    if !looks_only {
        let promised = plan.objectives.rto;
        rows.push(match (tally.rto(), promised) {
            (Some(took), _) => measured("RTO", took, promised).text(match tally.ending() {
                Some(Ending::DoneUnproven) => {
                    ", from the decision to the last look; not everything was seen"
                }
                _ => ", from the decision to the verified target",
            }),
            (None, Some(Seconds(most))) => {
                Line::new().text(format!("RTO not reached; {} promised", rounded(most)))
            }
            (None, None) => Line::new().text("RTO not reached; none promised"),
        });
    }
    match (tally.rpo(), plan.objectives.rpo) {
        (Some(age), promised) => {
            rows.push(measured("RPO", age, promised).text(", the age of the target's data"));
        }
        (None, Some(Seconds(most))) => {
            rows.push(Line::new().text(format!("RPO not measured; {} promised", rounded(most))));
        }
        (None, None) => {}
    }
    if let Some(back) = tally.way_back() {
        rows.push(Line::new().text(format!("the way back took {}", short(back))));
    }
    (rows.into_iter().enumerate())
        .flat_map(|(i, row)| {
            label(if i == 0 { "Times" } else { "" })
                .line(row)
                .wrap(style.width, LABEL + 2)
        })
        .collect()
}

fn measured(what: &str, took: std::time::Duration, promised: Option<Seconds>) -> Line {
    let line = Line::new().text(format!("{what} "));
    match promised {
        None => line.text(format!("{}, none promised", short(took))),
        Some(Seconds(most)) if took <= most => {
            line.and(Role::Good, format!("{} of {}", short(took), rounded(most)))
        }
        Some(Seconds(most)) => line.and(
            Role::Bad,
            format!("missed: {} of {}", short(took), rounded(most)),
        ),
    }
}

/// What the playbook leaves out: whoever reads the answers above must know what nobody looked at.
fn left_out(plan: &Plan, style: &Style) -> Vec<Line> {
    let mut lines = Vec::new();
    for (i, step) in plan.left_out.iter().enumerate() {
        let line = label(if i == 0 { "Left out" } else { "" })
            .and(Role::Caution, &step.what)
            .text(format!(" {}", step.why));
        lines.extend(line.wrap(style.width, LABEL + 2));
    }
    lines
}

fn owed(tally: &Tally, names: &Names, style: &Style) -> Vec<Line> {
    if tally.owed().is_empty() {
        return label("Owed").text("nothing").wrap(style.width, LABEL);
    }
    let mut lines = Vec::new();
    for (i, owed) in tally.owed().iter().enumerate() {
        let line = label(if i == 0 { "Owed" } else { "" }).and(Role::Caution, &owed.what);
        lines.extend(line.wrap(style.width, LABEL + 2));
        if !owed.how.is_empty() {
            lines.extend(labelled_rows("how", &names.to_type(&owed.how), LABEL + 2));
        }
    }
    lines
}

/// Commands with what they are for.
fn next(tally: &Tally, plan: &Plan, names: &Names, style: &Style) -> Vec<Line> {
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut row = |command: String, what: &str| rows.push((command, what.to_owned()));
    let emergency = names.given.emergency || plan.mode == Mode::Emergency;
    let show = names.of_run("show", &[]);
    let owed = names.command(&["owed"]);
    let rollback = names.of_run("rollback", &[]);
    // A check knows no emergency; the dry run of one looks at the same.
    let again = match emergency || plan.mode == Mode::Plan {
        true => names.going("plan", true),
        false => names.going("check", false),
    };
    match (tally.ending(), plan.mode) {
        (Some(Ending::Done | Ending::DoneUnproven), Mode::Check) => {
            row(names.going("plan", true), "each change and its undo");
        }
        (Some(Ending::Done | Ending::DoneUnproven), Mode::Plan) => {
            if !emergency {
                row(names.going("drill", false), "do it, and come back");
            }
            let failover = match &names.given.plan {
                Some(file) => {
                    let more = ["--plan", file, "--emergency"];
                    names.of_playbook("failover", &more[..if emergency { 3 } else { 2 }])
                }
                None => names.going("failover", true),
            };
            row(failover, "do it, and stay");
        }
        (Some(Ending::Done), Mode::Drill) => row(show, "everything that was seen"),
        (Some(Ending::DoneUnproven), Mode::Drill) => {
            row(owed, "what is left to be seen or done");
            row(show, "everything that was seen");
        }
        (Some(Ending::Done | Ending::DoneUnproven), _) => {
            if tally.ending() == Some(Ending::DoneUnproven) || !tally.owed().is_empty() {
                row(owed, "what is left to be seen or done");
            }
            let home = names.of_playbook("failover", &["--to", &plan.direction.source]);
            row(home, "fail back, data first");
            if tally.anything_stands() {
                row(rollback, "only put back what was changed");
            }
        }
        (Some(Ending::Refused), _) => {
            row(again, "look again, when it is mended");
            row(show, "everything that was seen");
        }
        (Some(Ending::Stale), _) => row(names.going("plan", true), "make a new plan"),
        (Some(Ending::Undone), _) => {
            row(show, "what happened, in order");
            row(again, "look again, when it is mended");
        }
        (Some(Ending::Held | Ending::Stopped) | None, Mode::Check | Mode::Plan) => {
            row(again, "look again");
        }
        (Some(Ending::Held | Ending::Stopped) | None, _) => {
            let stands = tally.anything_stands();
            if tally
                .because()
                .iter()
                .any(|b| b.text.contains("somebody else"))
            {
                row(show, "what was seen, before all else");
            }
            row(
                names.of_run("resume", &[]),
                "look again, and go on from here",
            );
            if tally.ending() == Some(Ending::Held) {
                row(
                    names.of_run("resume", &["--accept"]),
                    "go on with what was not seen: you looked yourself",
                );
            }
            if stands && tally.old_side_sick() {
                row(
                    names.of_run("rollback", &["--anyway"]),
                    "put back what stands, sick or not",
                );
            } else if stands {
                row(rollback, "put back what stands");
            }
        }
    }
    let widest = |part: fn(&(String, String)) -> &String| {
        let widths = rows.iter().map(|row| part(row).chars().count());
        widths.max().unwrap_or(0)
    };
    // Side by side where all fit; else one below the other, since a command is never cut.
    let column = LABEL + widest(|row| &row.0) + 2;
    let beside = column + widest(|row| &row.1) <= style.width;
    let mut lines = Vec::new();
    for (i, (command, what)) in rows.iter().enumerate() {
        let line = label(if i == 0 { "Next" } else { "" }).and(Role::Command, command);
        if beside {
            lines.push(line.pad_to(column).and(Role::Dim, what));
        } else {
            lines.push(line);
            lines.push(label("").text("  ").and(Role::Dim, what));
        }
    }
    lines
}

fn label(text: &str) -> Line {
    Line::new().and(Role::Dim, text).pad_to(LABEL)
}
