//! What the displays of a run print, without anybody who looks at them.

use std::io;

use crate::event::Record;
use crate::report::{JsonLines, Lines, Names, Reporter, Style, Times};

/// So wide that nothing is cut off or wrapped, and a secret would be found in one piece.
const WIDTH: usize = 100_000;

/// Prints the records of a run as plain lines with the card at their end, and as lines of JSON.
pub(super) fn print(records: &[Record]) -> io::Result<String> {
    let mut out = Vec::new();
    let names = Names::new("run", "playbook.toml");
    let style = Style {
        width: WIDTH,
        ..Style::plain()
    };
    show(Lines::new(&mut out, style, Times::OfDay, names), records)?;
    show(JsonLines::new(&mut out), records)?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn show(mut display: impl Reporter, records: &[Record]) -> io::Result<()> {
    records
        .iter()
        .try_for_each(|record| display.record(record))?;
    display.finish()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;
    use crate::cli::simulate::tell;
    use crate::clock::Clock;
    use crate::event::Pulse;
    use crate::plan::Mode;
    use crate::report::Bars;
    use crate::secret::Secret;
    use crate::simulate::{CANARY, Model, Performer, Property, Script, rehearse};

    #[test]
    fn what_a_provider_says_is_in_the_lines_and_the_card_and_the_json() {
        let model = Arc::new(Model::sketch(Mode::Failover, "kck"));
        let script = Script::parse("c1/write=refused", &model.plan).unwrap();
        let performance = Performer::new(print).unwrap().perform(&model, &script);
        assert_eq!(performance.lapses, []);
        let text = print(&performance.records).unwrap();
        let said = "the provider refused it (logged in with [secret])";
        let (json, lines): (Vec<&str>, Vec<&str>) =
            text.lines().partition(|line| line.starts_with('{'));
        let card = lines.iter().position(|line| line.is_empty()).unwrap();
        let (lines, card) = lines.split_at(card);
        for shown in [json.as_slice(), lines, card] {
            assert!(shown.iter().any(|line| line.contains(said)), "{text}");
        }
    }

    /// What reaches a terminal.
    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Paper {
        fn bytes(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    impl io::Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.bytes().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What the moving lines show of a run, where each step at work tells `note` as its passing news.
    fn drawn(records: &[Record], entries: usize, note: &str) -> String {
        const COLUMNS: u16 = 1_000;
        let paper = Paper::default();
        let style = Style {
            width: COLUMNS.into(),
            ..Style::plain()
        };
        let names = Names::new("run", "playbook.toml");
        let size = Box::new(|| (COLUMNS, 50));
        let clock = Clock::real();
        let mut bars = Bars::with_rate(paper.clone(), size, None, clock, style, names);
        for record in records {
            bars.record(record).unwrap();
            for entry in (0..entries).map(Some).chain([None]) {
                let pulse = Pulse {
                    entry,
                    note: note.to_owned(),
                    until: None,
                    fraction: None,
                };
                bars.pulse(&pulse).unwrap();
            }
            bars.tick().unwrap();
        }
        bars.finish().unwrap();
        String::from_utf8_lossy(&paper.bytes()).into_owned()
    }

    #[test]
    fn the_moving_lines_tell_no_secret() {
        let model = Arc::new(Model::sketch(Mode::Failover, "kck"));
        let script = Script::parse("c1/write=refused", &model.plan).unwrap();
        let records = Performer::new(print)
            .unwrap()
            .perform(&model, &script)
            .records;
        let note = format!("asks with {:?}", Secret::new(CANARY));
        let text = drawn(&records, model.plan.entries.len(), &note);
        assert!(text.contains("logged in with [secret]"), "{text}");
        assert!(text.contains("asks with [secret]"), "{text}");
        assert!(!text.contains(CANARY));
        // A secret that got as far as the records, or as a pulse, would be found in what was drawn.
        let leaky = serde_json::to_string(&records)
            .unwrap()
            .replace("[secret]", CANARY);
        let leaky: Vec<Record> = serde_json::from_str(&leaky).unwrap();
        assert!(drawn(&leaky, 0, "").contains(&format!("logged in with {CANARY}")));
        let pulses = drawn(
            &records,
            model.plan.entries.len(),
            &format!("asks with {CANARY}"),
        );
        assert!(pulses.contains(&format!("asks with {CANARY}")));
    }

    #[test]
    fn a_display_that_tells_a_secret_has_a_story() {
        let model = Arc::new(Model::sketch(Mode::Failover, "kck"));
        let tells = |records: &[Record]| Ok(print(records)?.replace("[secret]", CANARY));
        let found = rehearse(&model, false, tells, &()).unwrap().found;
        let first = found
            .iter()
            .find(|found| found.property == Property::NoSecret)
            .unwrap();
        let told = tell::broken(&model, first.property, &first.script, &first.seen);
        assert_eq!(told.name, "failover:c1/write=refused");
        assert_eq!(told.rule, "no-secret-in-any-output");
        assert!(
            first.seen.contains("what a display prints"),
            "{}",
            first.seen
        );
        assert!(!first.seen.contains(CANARY));
    }
}
