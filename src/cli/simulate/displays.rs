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
    use std::sync::Arc;

    use super::*;
    use crate::cli::simulate::tell;
    use crate::plan::Mode;
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

    #[test]
    fn a_display_that_tells_a_secret_has_a_story() {
        let model = Arc::new(Model::sketch(Mode::Failover, "kck"));
        let tells = |records: &[Record]| Ok(print(records)?.replace("[secret]", CANARY));
        let found = rehearse(&model, false, tells).unwrap().found;
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
