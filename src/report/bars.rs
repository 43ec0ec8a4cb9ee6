//! A terminal: one moving line for each step at work, finished ones above as lines that stay.

use std::collections::BTreeMap;
use std::io::{self, Write};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Reporter;
use super::card::{Names, card};
use super::lines::{advice_rows, fact_rows, id_width, tone_role};
use super::now::{Cursor, Now};
use super::say::{Sentence, Tone, Weight};
use super::tally::Tally;
use super::terminal::{Size, Terminal};
use super::text::{Line, Role, Style, render};
use crate::clock::{Clock, Stamp, short};
use crate::event::{Event, Pulse, Record, Round};
use crate::plan::{Nature, Outcome, Plan, Way};

/// So many rows of one finding are shown; the journal has all.
const ROWS: usize = 6;

/// The widest column of step ids.
const ID_WIDTH: usize = 24;

/// More moving lines than this would push the story off the screen.
const MOST_BARS: usize = 12;

/// Draws on a terminal.
pub struct Bars<W> {
    multi: MultiProgress,
    terminal: Terminal<W>,
    /// By entry; `None` is the run as a whole.
    bars: BTreeMap<Option<usize>, ProgressBar>,
    template: ProgressStyle,
    pulses: BTreeMap<Option<usize>, Pulse>,
    clock: Clock,
    style: Style,
    names: Names,
    tally: Tally,
    cursor: Cursor,
    typed: Typed,
}

/// How many lines somebody typed at the terminal so far.
pub type TypedLines = fn() -> usize;

/// The lines that were typed, and those of them that the drawing knows of.
struct Typed {
    count: TypedLines,
    known: usize,
}

impl<W: Write + Send + 'static> Bars<W> {
    /// Draws on `to`, a terminal of this `size`. `clock` is asked for how much time is left, whenever
    /// something is drawn.
    pub fn new(to: W, size: Size, clock: Clock, style: Style, names: Names) -> Bars<W> {
        Bars::with_rate(to, size, Some(20), clock, style, names)
    }

    /// Draws at most so often a second; without a rate, at each news.
    pub(crate) fn with_rate(
        to: W,
        size: Size,
        rate: Option<u8>,
        clock: Clock,
        style: Style,
        names: Names,
    ) -> Bars<W> {
        let terminal = Terminal::new(to, size);
        let boxed = Box::new(terminal.clone());
        let target = match rate {
            Some(rate) => ProgressDrawTarget::term_like_with_hz(boxed, rate),
            None => ProgressDrawTarget::term_like(boxed),
        };
        let ticks: &[&str] = if style.ascii {
            &["-", "\\", "|", "/", " "]
        } else {
            &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏", " "]
        };
        let template = ProgressStyle::with_template("{spinner} {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner())
            .tick_strings(ticks);
        Bars {
            multi: MultiProgress::with_draw_target(target),
            terminal,
            bars: BTreeMap::new(),
            template,
            pulses: BTreeMap::new(),
            clock,
            style,
            names,
            tally: Tally::new(),
            cursor: Cursor::new(),
            typed: Typed {
                count: || 0,
                known: 0,
            },
        }
    }

    /// Watches how much is typed: the terminal shows each line, and moves the cursor below the moving lines.
    pub fn minding(mut self, count: TypedLines) -> Bars<W> {
        self.typed = Typed {
            count,
            known: count(),
        };
        self
    }

    /// Takes in what the run did before, without showing it: a resume.
    pub fn knowing(mut self, past: &[Record]) -> Bars<W> {
        for record in past {
            self.tally.fold(record);
            self.cursor.fold(&self.tally, record);
        }
        self
    }

    /// Brings the cursor back to the moving lines after somebody pressed Enter, so that none of them is left
    /// standing. Where nothing moves, what is typed stays as it is: it may be an answer.
    fn mind_what_was_typed(&mut self) {
        // A line that is being read at this moment may not be counted.
        let typed = (self.typed.count)().max(self.typed.known);
        let news = typed - self.typed.known;
        self.typed.known = typed;
        if !self.bars.is_empty() {
            // The line is cleared too: a drawing may have come in between.
            self.terminal.push(&"\r\x1b[2K\x1b[1A".repeat(news));
        }
    }

    /// Writes lines that stay, above those that move.
    fn print(&self, lines: &[Line]) -> io::Result<()> {
        if lines.is_empty() {
            return self.terminal.check();
        }
        let text = render(lines, &self.style);
        self.multi.suspend(|| {
            self.terminal.push(&text);
            self.terminal.send();
        });
        self.terminal.check()
    }

    fn permanent(&self, plan: &Plan, sentence: &Sentence) -> Vec<Line> {
        let id_width = id_width(plan, ID_WIDTH);
        let mark = mark(sentence.tone, self.style.ascii);
        let id = Line::new()
            .text(sentence.subject(plan))
            .cut(id_width, &self.style);
        let mut head = Line::new()
            .and(tone_role(sentence.tone), mark)
            .text(" ")
            .line(id);
        if sentence.entry.is_some() {
            head = head.pad_to(2 + id_width + 2);
        }
        let indent = head.width();
        let mut lines = head.text(&sentence.text).wrap(self.style.width, indent);
        for row in fact_rows(&sentence.facts, indent, ROWS) {
            lines.extend(row.wrap(self.style.width, indent + 2));
        }
        // A command stays whole, so that it can be copied.
        lines.extend(advice_rows(sentence, indent, &self.names));
        lines
    }

    /// Makes the moving lines those of what the run does now.
    fn reconcile(&mut self) {
        let wanted: Vec<Option<usize>> = match self.cursor.now() {
            Now::Looking { left, .. } => left.iter().copied().map(Some).take(MOST_BARS).collect(),
            Now::Writing { entry, .. } | Now::Waiting { entry } => vec![Some(*entry)],
            Now::Holding | Now::Preparing => vec![None],
            // Where a person is asked, nothing moves: somebody may be typing.
            Now::Asking { .. } | Now::Deciding { .. } => Vec::new(),
            Now::Starting | Now::Closing | Now::Ended => Vec::new(),
        };
        let gone: Vec<Option<usize>> = (self.bars.keys())
            .filter(|key| !wanted.contains(key))
            .copied()
            .collect();
        for key in gone {
            self.pulses.remove(&key);
            if let Some(bar) = self.bars.remove(&key) {
                bar.finish_and_clear();
                self.multi.remove(&bar);
            }
        }
        for key in wanted {
            if !self.bars.contains_key(&key) {
                let bar = ProgressBar::new_spinner().with_style(self.template.clone());
                self.bars.insert(key, self.multi.add(bar));
            }
        }
        self.draw();
    }

    fn draw(&self) {
        let Some(plan) = self.tally.plan() else {
            return;
        };
        let now = self.clock.now();
        for (key, bar) in &self.bars {
            let line = self.moving(plan, *key, &now);
            bar.set_message(line.render(&self.style));
        }
    }

    /// What it waits for, and until when.
    fn moving(&self, plan: &Plan, key: Option<usize>, now: &Stamp) -> Line {
        let id_width = id_width(plan, ID_WIDTH);
        let entry = key.and_then(|i| plan.entries.get(i));
        let id = Line::new()
            .text(entry.map_or("", |entry| entry.id.as_str()))
            .cut(id_width, &self.style);
        let only = self.bars.len() == 1;
        let pulse = (self.pulses.get(&key)).or_else(|| self.pulses.get(&None).filter(|_| only));
        let mut note = match pulse {
            Some(pulse) if !pulse.note.is_empty() => pulse.note.clone(),
            _ => self.default_note(plan, key),
        };
        if let Some(fraction) = pulse.and_then(|pulse| pulse.fraction) {
            note = format!("{:.0}% {note}", fraction.clamp(0.0, 1.0) * 100.0);
        }
        let until =
            (pulse.and_then(|pulse| pulse.until.clone())).or_else(|| self.default_until(plan, key));
        let right = match (until, self.cursor.since()) {
            (Some(until), _) if until.left(now).is_zero() => "any moment now".to_owned(),
            (Some(until), _) => {
                format!("until {}Z ({})", until.told_at(now), short(until.left(now)))
            }
            (None, Some(since)) => short(now.since(since)),
            (None, None) => String::new(),
        };
        // The spinner and its space come before, and one column stays free at the end.
        let room = self.style.width.saturating_sub(3);
        let left_room = room.saturating_sub(right.chars().count() + 2);
        let left = (id.pad_to(id_width + 2).text(note)).cut(left_room, &self.style);
        left.pad_to(left_room + 2).and(Role::Dim, right)
    }

    fn default_note(&self, plan: &Plan, key: Option<usize>) -> String {
        let entry = key.and_then(|i| plan.entries.get(i));
        match (self.cursor.now(), entry) {
            (Now::Looking { round, .. }, Some(entry)) => match round {
                Round::There => entry.title.clone(),
                Round::Return => format!("way back: {}", entry.title),
                Round::Probe => format!("does the old side serve? {}", entry.title),
                Round::Verify => format!("as before? {}", entry.title),
            },
            (Now::Writing { way: Way::Back, .. }, Some(entry)) => {
                format!("putting back: {}", entry.title)
            }
            (Now::Holding, _) => format!("on {}, before the way back", plan.direction.target),
            (Now::Preparing, _) => "looks that are needed before the first write".into(),
            (_, Some(entry)) => entry.title.clone(),
            (_, None) => String::new(),
        }
    }

    fn default_until(&self, plan: &Plan, key: Option<usize>) -> Option<Stamp> {
        let since = self.cursor.since()?;
        let entry = key.and_then(|i| plan.entries.get(i));
        let span = match (self.cursor.now(), entry) {
            (Now::Looking { .. }, Some(entry)) => entry.pace.within.max(entry.pace.timeout),
            (Now::Writing { .. }, Some(entry)) => entry.pace.timeout,
            (Now::Waiting { .. }, Some(entry)) => match &entry.nature {
                Nature::Wait { time } => *time,
                _ => return None,
            },
            (Now::Holding, _) => plan.hold,
            _ => return None,
        };
        Some(since.plus(span)).filter(|_| !span.is_zero())
    }
}

impl<W: Write + Send + 'static> Reporter for Bars<W> {
    fn record(&mut self, record: &Record) -> io::Result<()> {
        self.mind_what_was_typed();
        self.tally.fold(record);
        let mut sentences = self.cursor.tell(&self.tally, record, self.names.somebody);
        let Some(plan) = self.tally.plan() else {
            return Ok(());
        };
        sentences.retain(|sentence| {
            sentence.weight == Weight::Fact && !matches!(record.event, Event::Ended { .. })
        });
        let lines: Vec<Line> = (sentences.iter())
            .flat_map(|sentence| self.permanent(plan, sentence))
            .collect();
        self.reconcile();
        self.print(&lines)
    }

    fn pulse(&mut self, pulse: &Pulse) -> io::Result<()> {
        self.mind_what_was_typed();
        // News of a step that is no longer at work comes too late.
        if pulse.entry.is_none() || self.bars.contains_key(&pulse.entry) {
            self.pulses.insert(pulse.entry, pulse.clone());
            self.draw();
        }
        self.terminal.check()
    }

    fn notice(&mut self, text: &str) -> io::Result<()> {
        self.mind_what_was_typed();
        let line = Line::new()
            .and(Role::Caution, mark(Tone::Run, self.style.ascii))
            .text(" ")
            .and(Role::Caution, text);
        self.print(&line.wrap(self.style.width, 2))
    }

    fn tick(&mut self) -> io::Result<()> {
        self.mind_what_was_typed();
        for bar in self.bars.values() {
            bar.tick();
        }
        self.draw();
        self.terminal.check()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.mind_what_was_typed();
        for bar in std::mem::take(&mut self.bars).into_values() {
            bar.finish_and_clear();
            self.multi.remove(&bar);
        }
        let card = card(&self.tally, &self.names, &self.style);
        self.print(&card)
    }
}

fn mark(tone: Tone, ascii: bool) -> &'static str {
    let (pretty, plain) = match tone {
        Tone::Judged(Outcome::Pass) => ("✓", "+"),
        Tone::Judged(Outcome::Warn) => ("!", "!"),
        Tone::Judged(Outcome::Late) => ("◷", "~"),
        Tone::Judged(Outcome::Unknown) => ("?", "?"),
        Tone::Judged(Outcome::Fail) => ("✗", "x"),
        Tone::Run => ("·", "-"),
        Tone::Change => ("→", ">"),
        Tone::Ask => ("?", "?"),
        Tone::Owed => ("!", "!"),
    };
    if ascii { plain } else { pretty }
}
