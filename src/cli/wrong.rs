//! Wrong arguments, told in the form that was asked for as well: whoever reads objects, or one line, looks at no other
//! stream.

use std::ffi::OsString;

use clap::ValueEnum;
use clap::error::ErrorKind;

use super::common::{Desk, Failure};
use super::nagios::on_one_line;
use super::{Color, Exit, Format, Global};

/// Tells it where a program listens, and returns what the program ends with.
pub(super) fn tell(error: &clap::Error, given: impl Iterator<Item = OsString>) -> Exit {
    let asked = Asked::of(given);
    let desk = Desk::new(&Global {
        state: None,
        format: asked.format.unwrap_or_default(),
        color: Color::Auto,
    });
    let why = why(error);
    match desk.format {
        Format::Json => {
            desk.print_text(&Failure::new(Exit::Usage, why).object());
            Exit::Usage
        }
        // There 2 means that the services are down.
        Format::Nagios if asked.checks => {
            let line = on_one_line(&format!("CUTOVER UNKNOWN - wrong arguments: {why}"));
            desk.print_text(&format!("{line}\n"));
            Exit::Playbook
        }
        _ => Exit::Usage,
    }
}

/// What can be told of arguments that cannot be read.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    format: Option<Format>,
    checks: bool,
}

impl Asked {
    fn of(given: impl Iterator<Item = OsString>) -> Asked {
        let mut asked = Asked::default();
        let mut is_format = false;
        for word in given.take_while(|word| word != "--") {
            let word = word.to_string_lossy();
            let value = match is_format {
                true => Some(&*word),
                false => word.strip_prefix("--format="),
            };
            is_format = word == "--format";
            asked.checks |= word == "check";
            let format = value.and_then(|value| Format::from_str(value, false).ok());
            asked.format = asked.format.or(format);
        }
        asked
    }
}

/// What is wrong, in a sentence.
fn why(error: &clap::Error) -> String {
    match error.kind() {
        // The list of verbs is no sentence, nor is the help.
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "no verb was given; `cutover --help` lists them".to_owned()
        }
        _ => in_one_line(&error.to_string()),
    }
}

/// The first paragraph: what is wrong. How it is used stands below it.
fn in_one_line(text: &str) -> String {
    let first = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = first.split_whitespace().collect();
    let words = words.join(" ");
    words.strip_prefix("error: ").unwrap_or(&words).to_owned()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::Arguments;
    use super::*;

    #[test]
    fn the_form_is_found_among_what_cannot_be_read() {
        let asked = |words: &[&str]| Asked::of(words.iter().map(OsString::from));
        let form = |words: &[&str]| asked(words).format;
        assert_eq!(form(&["lint", "--nonsense"]), None);
        assert_eq!(form(&["runs", "--format", "json"]), Some(Format::Json));
        assert_eq!(form(&["--format=json", "--no"]), Some(Format::Json));
        assert_eq!(form(&["lint", "--", "--format=json"]), None);
        assert_eq!(form(&["lint", "--format", "yaml"]), None);
        let nagios = asked(&["check", "--format", "nagios", "--no"]);
        assert_eq!((nagios.format, nagios.checks), (Some(Format::Nagios), true));
    }

    #[test]
    fn who_gives_no_verb_is_told_so_and_not_the_help() {
        for words in [&["cutover", "--format", "json"][..], &["cutover"]] {
            let wrong = Arguments::try_parse_from(words).unwrap_err();
            assert_eq!(
                why(&wrong),
                "no verb was given; `cutover --help` lists them"
            );
        }
        let wrong = Arguments::try_parse_from(["cutover", "runs", "--nonsense"]).unwrap_err();
        assert_eq!(why(&wrong), "unexpected argument '--nonsense' found");
    }

    #[test]
    fn what_is_wrong_fits_on_a_line() {
        let text =
            "error: these were not provided:\n  <PLAYBOOK>\n\nUsage: cutover lint <PLAYBOOK>\n";
        assert_eq!(in_one_line(text), "these were not provided: <PLAYBOOK>");
    }
}
