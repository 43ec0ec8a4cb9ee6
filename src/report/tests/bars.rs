//! Runs on a terminal, with moving lines.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::fixture::{self, TRAFFIC};
use super::{names, stories};
use crate::clock::Clock;
use crate::event::{Event, Pulse};
use crate::report::screen::Screen;
use crate::report::{Bars, ENDS_A_HOLD, Reporter, Size, Style};

/// A line to a terminal that can be cut.
#[derive(Clone, Debug, Default)]
struct Wire(Arc<AtomicBool>);

impl Wire {
    fn cut(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(io::ErrorKind::BrokenPipe.into()),
            false => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn bars_on<W: Write + Clone + Send + 'static>(screen: &W, style: Style) -> Bars<W> {
    let clock = Clock::following_tokio("2026-11-22T03:00:00Z".parse().unwrap());
    let size: Size = Box::new(move || (u16::try_from(style.width).unwrap(), 100));
    Bars::with_rate(screen.clone(), size, None, clock, style, names())
}

#[tokio::test(start_paused = true)]
async fn whoever_sits_there_is_told_once_what_ends_a_hold() {
    for somebody in [false, true] {
        let screen = Screen::new(80);
        let style = Style::terminal(false, 80);
        let clock = Clock::following_tokio("2026-11-22T03:00:00Z".parse().unwrap());
        let names = names().with_somebody(somebody);
        let size: Size = Box::new(|| (80, 100));
        let mut bars = Bars::with_rate(screen.clone(), size, None, clock, style, names);
        for record in fixture::happy_drill() {
            bars.record(&record).unwrap();
            bars.tick().unwrap();
        }
        bars.finish().unwrap();
        let text = screen.text();
        assert_eq!(
            text.matches(ENDS_A_HOLD).count(),
            usize::from(somebody),
            "{text}"
        );
        if let Some((before, _)) = text.split_once(ENDS_A_HOLD) {
            assert!(before.ends_with("before the way back\n· "), "{before}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_terminal_shows_what_is_waited_for_and_until_when() {
    let screen = Screen::new(80);
    let mut bars = bars_on(&screen, Style::terminal(false, 80));
    let records = fixture::happy_drill();
    let flip = records
        .iter()
        .position(|r| matches!(r.event, Event::Intended { .. }));
    let settled = records
        .iter()
        .position(|r| matches!(r.event, Event::Settled { .. }));
    let held = records
        .iter()
        .position(|r| matches!(r.event, Event::HoldOver { .. }));
    for (i, record) in records.iter().enumerate() {
        if Some(i) == held {
            tokio::time::advance(Duration::from_secs(230)).await;
            bars.tick().unwrap();
            insta::assert_snapshot!("holding", screen.text());
        }
        bars.record(record).unwrap();
        if i == 2 {
            bars.tick().unwrap();
            insta::assert_snapshot!("checking", screen.text());
        }
        if Some(i) == flip {
            insta::assert_snapshot!("writing", screen.text());
        }
        if Some(i) == settled {
            tokio::time::advance(Duration::from_secs(42)).await;
            bars.pulse(&Pulse {
                entry: Some(TRAFFIC),
                note: "41% of the rate arrives at standby, of the 80% that are asked for".into(),
                until: None,
                fraction: None,
            })
            .unwrap();
            insta::assert_snapshot!("following", screen.text());
        }
    }
    bars.finish().unwrap();
    insta::assert_snapshot!("at_the_end", screen.text());
}

#[tokio::test(start_paused = true)]
async fn pulses_leave_no_trace_on_a_terminal() {
    for (name, records) in stories() {
        let mut texts = Vec::new();
        for pulses in [0, 1, 2] {
            let screen = Screen::new(80);
            let mut bars = bars_on(&screen, Style::terminal(true, 80));
            for record in &records {
                for entry in 0..7 * pulses {
                    let pulse = Pulse {
                        entry: Some(entry % 7),
                        note: "\x1b[2J12,000 files".into(),
                        until: Some(record.at.clone()),
                        fraction: Some(7.0),
                    };
                    bars.pulse(&pulse).unwrap();
                    bars.tick().unwrap();
                }
                bars.record(record).unwrap();
            }
            bars.finish().unwrap();
            texts.push(screen.text());
        }
        assert_eq!(texts[0], texts[1], "{name}");
        assert_eq!(texts[0], texts[2], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_moving_line_is_wider_than_the_terminal() {
    let mut records = fixture::happy_drill();
    if let Event::Started { plan, .. } = &mut records[0].event {
        for entry in &mut plan.entries {
            entry.id += "-with-a-name-that-goes-on-and-on";
            entry.title += " and a title that goes on and on and on";
        }
    }
    for width in [40, 60, 80] {
        let screen = Screen::new(width);
        let mut bars = bars_on(&screen, Style::terminal(false, width));
        bars.record(&records[0]).unwrap();
        let moving: Vec<String> = (screen.text().lines().map(str::to_owned))
            .filter(|line| line.starts_with(|c| "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏".contains(c)))
            .collect();
        assert_eq!(moving.len(), 3, "{}", screen.text());
        assert!(moving.iter().all(|line| line.contains('…')), "{moving:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn enter_leaves_no_moving_line_standing() {
    static TYPED: AtomicUsize = AtomicUsize::new(0);
    let records = fixture::happy_drill();
    let shown = |typing: bool, drawn_in_between: bool| {
        let mut screen = Screen::new(80);
        let bars = bars_on(&screen, Style::terminal(false, 80));
        let mut bars = bars.minding(|| TYPED.load(Ordering::Relaxed));
        for record in &records {
            bars.record(record).unwrap();
            bars.tick().unwrap();
            if typing {
                // The terminal shows it at once; the program hears of it a little later.
                screen.write_all(b"\r\n").unwrap();
                if drawn_in_between {
                    bars.tick().unwrap();
                }
                TYPED.fetch_add(1, Ordering::Relaxed);
            }
        }
        bars.finish().unwrap();
        // Where nothing moved, Enter leaves an empty line as it does anywhere.
        let text = screen.text();
        let lines = text.lines().filter(|line| !line.is_empty());
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let untouched = shown(false, false);
    assert_eq!(shown(true, false), untouched);
    assert_eq!(shown(true, true), untouched);
}

#[tokio::test(start_paused = true)]
async fn a_terminal_that_is_gone_ends_the_bars() {
    let wire = Wire::default();
    let mut bars = bars_on(&wire, Style::terminal(false, 80));
    let records = fixture::happy_drill();
    bars.record(&records[0]).unwrap();
    wire.cut();
    assert!(bars.tick().is_err());
    assert!(bars.record(&records[2]).is_err());
    assert!(bars.finish().is_err());
}
