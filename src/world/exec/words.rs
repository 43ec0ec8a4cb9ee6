//! What is put around a program: language, time zone, priority, privilege, envelope, deadline, lock.

use std::fmt::Write as _;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::envelope::Mark;
use super::login::for_any_shell;
use super::script::{CODER, SCRIPT};
use super::{Command, GRACE, Inquiry, Output, Reach, Via, quoted};
use crate::event::Answer;
use crate::plan::Place;

/// Every program speaks English and counts in UTC, so that its output can be parsed. Names are bytes, and the one
/// locale that each host has is `C`.
pub(super) const ENVIRONMENT: [(&str, &str); 3] =
    [("LC_ALL", "C"), ("LANGUAGE", "C"), ("TZ", "UTC")];

/// Runs the words, and ends them where standard input ends: then whoever asked has gone, unless a line says that they
/// stay. `timeout`, which they begin with, makes a process group of its own; all of that is ended.
const WHILE_ASKED: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
asked=$!
{ read -r stays || kill -TERM "-$asked" || kill "$asked"; } <&3 >/dev/null 2>&1 3<&- &
watch=$!
exec 3<&-
wait "$asked"
status=$?
kill "$watch" 2>/dev/null
exit "$status"
"#;

/// A program and its wrapping, as words.
pub(super) struct Line {
    /// The words as they are typed, the program last.
    pub(super) words: Vec<String>,
    /// The program's own name, for messages.
    pub(super) program: String,
    /// Whether it ends where its standard input ends.
    pub(super) watched: bool,
    /// What stands before and behind its output.
    pub(super) mark: Mark,
    /// The lock that it holds; empty for a look.
    pub(super) lock: String,
}

impl Line {
    /// A look: language, privilege, priority; and, where dropping the connection would not end it, its own
    /// deadline on the far side.
    pub(super) fn look(host: &Reach, inquiry: &Inquiry, timeout: Duration) -> Line {
        let fed = !inquiry.stdin.is_empty();
        let watched = inquiry.nice && !fed && host.via != Via::Local;
        let input = if fed || watched { "fed" } else { "" };
        let mut line = Line::begin(host, &inquiry.argv, input, String::new());
        line.watched = watched;
        if line.watched {
            line.add(["sh", "-c", WHILE_ASKED, "sh"]);
        }
        line.look_at(host, inquiry, timeout);
        line
    }

    /// A look that begins where it is told to, as a write does.
    pub(super) fn rehearsal(host: &Reach, inquiry: &Inquiry, timeout: Duration) -> Line {
        let mut line = Line::begin(host, &inquiry.argv, "told", String::new());
        line.look_at(host, inquiry, timeout);
        line
    }

    fn look_at(&mut self, host: &Reach, inquiry: &Inquiry, timeout: Duration) {
        if inquiry.nice {
            self.add(["nice", "-n", "19"]);
        }
        if host.sudo || host.via != Via::Local {
            self.words.extend(deadline(timeout));
        }
        self.words.extend_from_slice(&inquiry.argv);
    }

    /// A write: under its lock, and under the deadline that it is told when it begins, since it must end in time even
    /// where we were killed.
    pub(super) fn write(host: &Reach, command: &Command, lock: &Lock) -> Line {
        // It is told to begin on its standard input, whatever else it reads there.
        let mut line = Line::begin(host, &command.argv, "told", lock.0.clone());
        line.words.extend_from_slice(&command.argv);
        line
    }

    /// What every line begins with. `input` says what the script of ours reads first.
    fn begin(host: &Reach, argv: &[String], input: &str, lock: String) -> Line {
        let mut line = Line {
            words: Vec::new(),
            program: program(argv).to_owned(),
            watched: false,
            mark: Mark::new(),
            lock,
        };
        if host.sudo {
            line.add(["sudo", "-n", "env"]);
            // sudo clears the environment, so it is set again behind it.
            line.words
                .extend(ENVIRONMENT.map(|(name, value)| format!("{name}={value}")));
        }
        line.add(["sh", "-c", SCRIPT, "sh"]);
        let (mark, lock) = (line.mark.as_str().to_owned(), line.lock.clone());
        line.add([&*mark, input, &*lock, program(argv)]);
        line
    }

    fn add<const N: usize>(&mut self, words: [&str; N]) {
        self.words.extend(words.map(String::from));
    }

    /// The line for a far `sh`. sudo itself shall speak English, too.
    pub(super) fn for_sh(&self) -> String {
        format!("{}{}", surroundings(), quoted(&self.words))
    }

    /// The line for whatever shell a far account has, with its outputs coded.
    pub(super) fn for_login(&self) -> String {
        let coder = quoted(&["sh", "-c", CODER, "sh", self.mark.as_str()]);
        let words = quoted(&self.words);
        for_any_shell(&format!("exec {}{coder} {words}", surroundings()))
    }
}

fn surroundings() -> String {
    let mut line = String::from("env ");
    for (name, value) in ENVIRONMENT {
        let _ = write!(line, "{name}={value} ");
    }
    // A shell without a login often lacks the folders of the system's own programs.
    line.push_str(r#"PATH="$PATH:/usr/sbin:/sbin" "#);
    line
}

fn deadline(time: Duration) -> [String; 4] {
    let secs = time.as_millis().div_ceil(1000).max(1);
    [
        "timeout".into(),
        "-k".into(),
        GRACE.as_secs().to_string(),
        secs.to_string(),
    ]
}

pub(super) fn program(argv: &[String]) -> &str {
    argv.first().map_or("", String::as_str)
}

/// The name of the lock of one place.
pub(super) struct Lock(String);

impl Lock {
    /// The same place of the same host has the same lock in every run of a playbook, and in none of another one.
    pub(super) fn of(playbook: &str, host: &str, place: &Place) -> Lock {
        let words = format!("{playbook}\0{host}\0{}\0{}", place.step, place.name);
        let sum = Sha256::digest(words);
        let mut name = String::from("cutover-");
        for byte in sum.iter().take(8) {
            let _ = write!(name, "{byte:02x}");
        }
        Lock(name)
    }
}

/// What the end of a write means. It ran, so nothing that it says, and no status, proves that it did nothing.
pub(super) fn answer(argv: &[String], output: &Output) -> Answer {
    let program = program(argv);
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status == Some(0) {
        let stdout = String::from_utf8_lossy(&output.stdout);
        return Answer::Done {
            note: last_line(&stdout),
        };
    }
    let ended = match output.status {
        Some(_) if output.late => "was ended at its deadline".to_owned(),
        Some(status) => format!("ended with status {status}"),
        None => "was ended by a signal".to_owned(),
    };
    let said = last_line(&said);
    Answer::Unclear {
        why: if said.is_empty() {
            format!("`{program}` {ended}")
        } else {
            format!("`{program}` {ended}: {said}")
        },
    }
}

fn last_line(text: &str) -> String {
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    printable(line.unwrap_or("").trim())
}

/// What a far side said, fit for the screen: at most 300 characters, without control characters.
pub(in crate::world) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(sudo: bool, via: Via) -> Reach {
        Reach {
            name: "alpha".into(),
            via,
            sudo,
        }
    }

    fn far() -> Via {
        Via::Ssh {
            destination: "alpha".into(),
            config: None,
        }
    }

    /// The words behind the envelope.
    fn inside(line: &Line) -> &[String] {
        let begin = line
            .words
            .iter()
            .position(|word| *word == line.mark.as_str());
        &line.words[begin.unwrap() + 4..]
    }

    #[test]
    fn a_far_look_has_a_deadline_of_its_own_and_a_near_one_needs_none() {
        let inquiry = Inquiry::looks_only(["cat", "/a b"])
            .niced()
            .stdin(b"x".into());
        let time = Duration::from_millis(1500);
        let near = Line::look(&host(false, Via::Local), &inquiry, time);
        assert_eq!(inside(&near), ["nice", "-n", "19", "cat", "/a b"]);
        let far_one = Line::look(&host(false, far()), &inquiry, time);
        let words = ["nice", "-n", "19", "timeout", "-k", "5", "2", "cat", "/a b"];
        assert_eq!(inside(&far_one), words);
        let env = "env LC_ALL=C LANGUAGE=C TZ=UTC PATH=\"$PATH:/usr/sbin:/sbin\" ";
        let line = far_one.for_sh();
        assert!(line.starts_with(&format!("{env}sh -c '")), "{line}");
        let line = Line::look(&host(true, far()), &inquiry, time).for_sh();
        let sudo = "sudo -n env LC_ALL=C LANGUAGE=C TZ=UTC sh -c '";
        assert!(line.starts_with(&format!("{env}{sudo}")), "{line}");
    }

    #[test]
    fn a_place_has_one_lock_in_every_run_of_a_playbook_and_shares_it_with_no_other() {
        let lock = |playbook, host, step: &str, name: &str| {
            let (step, name) = (step.to_owned(), name.to_owned());
            Lock::of(playbook, host, &Place { step, name }).0
        };
        let one = lock("shop", "standby", "jobs", "jobs");
        assert_eq!(one, lock("shop", "standby", "jobs", "jobs"));
        for other in [
            lock("blog", "standby", "jobs", "jobs"),
            lock("", "standby", "jobs", "jobs"),
            lock("shop", "spare", "jobs", "jobs"),
            lock("shop", "standby", "mail", "jobs"),
            lock("shop", "standby", "jobs", "mail"),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn each_start_has_a_mark_of_its_own() {
        let inquiry = Inquiry::looks_only(["true"]);
        let mark = || {
            let line = Line::look(&host(false, far()), &inquiry, Duration::from_secs(1));
            line.mark.as_str().to_owned()
        };
        assert_ne!(mark(), mark());
    }

    #[test]
    fn what_ran_is_never_refused() {
        let argv = ["systemctl".to_owned(), "start".into()];
        let ask = |status, out: &str, err: &str| {
            let output = Output::of_a_test(status, out.as_bytes(), err.as_bytes());
            answer(&argv, &output)
        };
        assert_eq!(
            ask(Some(0), "a\nok\n\n", ""),
            Answer::Done { note: "ok".into() }
        );
        // The program ran, and may have done a part before it failed with words like these.
        let unclear = [
            (Some(75), "no lock\n"),
            (Some(127), "sh: 1: x: not found\n"),
            (Some(1), ""),
            (Some(124), ""),
            (None, ""),
            (Some(1), "sudo: a password is required\n"),
            (
                Some(127),
                "timeout: failed to run command 'systemctl': No such file or directory\n",
            ),
        ];
        for (status, err) in unclear {
            let answer = ask(status, "", err);
            assert!(matches!(answer, Answer::Unclear { .. }), "{status:?} {err}");
        }
    }
}
