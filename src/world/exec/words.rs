//! What is put around a program: language, time zone, priority, privilege, deadline, lock.

use std::fmt::Write as _;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{GRACE, Inquiry, Output, Reach, Via, quoted};
use crate::event::Answer;
use crate::plan::Place;

/// Every program speaks English and counts in UTC, so that its output can be parsed.
pub(super) const ENVIRONMENT: [(&str, &str); 3] =
    [("LC_ALL", "C.UTF-8"), ("LANGUAGE", "C"), ("TZ", "UTC")];

/// Printed on standard error by the wrapper of a write that found its lock taken.
const BUSY: &str = "cutover-lock-is-taken";

/// Printed there where its lock cannot be made, before the folder.
const NO_LOCK: &str = "cutover-lock-is-not-there: ";

/// Printed on standard error by the wrapper of a write just before the program starts: what is behind it was
/// said by the program, whatever it looks like.
const BEGINS: &str = "cutover-write-begins\n";

/// Takes the lock (its name is `$1`) and runs the rest. The lock is not handed down, so that a service
/// which the program starts does not hold it for ever. A bare `exec` that fails would end the shell at once.
const UNDER_LOCK: &str = r#"
name=$1; shift
folder=${XDG_RUNTIME_DIR:-/tmp}
[ "$(id -u)" = 0 ] && folder=/run
[ -d "$folder" ] && [ -w "$folder" ] || folder=/tmp
command exec 9>>"$folder/$name-$(id -u).lock" || { echo "cutover-lock-is-not-there: $folder" >&2; exit 75; }
flock -w 2 9 || { echo "cutover-lock-is-taken" >&2; exit 75; }
echo "cutover-write-begins" >&2
"$@" 9>&-
"#;

/// Runs the words, and ends them where standard input ends: then whoever asked has gone. `timeout`, which
/// they begin with, makes a process group of its own; all of that is ended.
const WHILE_ASKED: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
asked=$!
{ read -r gone; kill -TERM "-$asked" || kill "$asked"; } <&3 >/dev/null 2>&1 3<&- &
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
}

impl Line {
    /// A look: language, priority, privilege; and, where dropping the connection would not end it, its own
    /// deadline on the far side.
    pub(super) fn look(host: &Reach, inquiry: &Inquiry, timeout: Duration) -> Line {
        let mut words = privilege(host);
        let watched = inquiry.nice && inquiry.stdin.is_empty() && host.via != Via::Local;
        if watched {
            words.extend(["sh", "-c", WHILE_ASKED, "sh"].map(String::from));
        }
        if inquiry.nice {
            words.extend(["nice", "-n", "19"].map(String::from));
        }
        if host.sudo || host.via != Via::Local {
            words.extend(deadline(timeout));
        }
        words.extend_from_slice(&inquiry.argv);
        Line {
            words,
            program: program(&inquiry.argv).to_owned(),
            watched,
        }
    }

    /// A write: under its lock, and under a deadline of its own everywhere, since a write must end in time
    /// even where we were killed.
    pub(super) fn write(host: &Reach, argv: &[String], time: Duration, lock: &Lock) -> Line {
        let mut words = privilege(host);
        words.extend(["sh", "-c", UNDER_LOCK, "sh"].map(String::from));
        words.push(lock.0.clone());
        words.extend(deadline(time));
        words.extend_from_slice(argv);
        Line {
            words,
            program: program(argv).to_owned(),
            watched: false,
        }
    }

    /// The line for a far shell.
    pub(super) fn for_shell(&self, sudo: bool) -> String {
        let mut line = String::from("env ");
        for (name, value) in ENVIRONMENT {
            let _ = write!(line, "{name}={value} ");
        }
        if sudo {
            // sudo clears the environment, so it is set again behind it; see `privilege`.
            line.clear();
        } else {
            // A shell without a login often lacks the folders of the system's own programs.
            line.push_str(r#"PATH="$PATH:/usr/sbin:/sbin" "#);
        }
        line.push_str(&quoted(&self.words));
        line
    }
}

fn privilege(host: &Reach) -> Vec<String> {
    if !host.sudo {
        return Vec::new();
    }
    let mut words: Vec<String> = ["sudo", "-n", "env"].map(String::from).into();
    words.extend(ENVIRONMENT.map(|(name, value)| format!("{name}={value}")));
    words
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
    /// The same place of the same host has the same lock in every run.
    pub(super) fn of(host: &str, place: &Place) -> Lock {
        let sum = Sha256::digest(format!("{host}\0{}\0{}", place.step, place.name));
        let mut name = String::from("cutover-");
        for byte in sum.iter().take(8) {
            let _ = write!(name, "{byte:02x}");
        }
        Lock(name)
    }
}

/// What the end of a write means. Only what surely did nothing is refused.
pub(super) fn answer(argv: &[String], output: &Output, lock: &Lock) -> Answer {
    let program = program(argv);
    let stderr = String::from_utf8_lossy(&output.stderr);
    if output.status == Some(0) {
        let stdout = String::from_utf8_lossy(&output.stdout);
        return Answer::Done {
            note: last_line(&stdout),
        };
    }
    let (before, said) = match stderr.split_once(BEGINS) {
        Some((_, said)) => (None, said),
        None => (Some(&*stderr), &*stderr),
    };
    if let Some(why) = before.and_then(|before| did_not_begin(program, output.status, before, lock))
    {
        return Answer::Refused { why };
    }
    // The program itself may well use `timeout`, but not to run what is missing under its own name.
    let first = said.lines().next().unwrap_or("");
    if before.is_none()
        && matches!(output.status, Some(126 | 127))
        && first.starts_with("timeout: failed to run command")
        && first.contains(program)
    {
        return Answer::Refused {
            why: format!("`{program}` cannot be run: {}", printable(first)),
        };
    }
    let ended = match output.status {
        Some(124) => "was ended at its deadline".to_owned(),
        Some(status) => format!("ended with status {status}"),
        None => "was ended by a signal".to_owned(),
    };
    let said = last_line(said);
    Answer::Unclear {
        why: if said.is_empty() {
            format!("`{program}` {ended}")
        } else {
            format!("`{program}` {ended}: {said}")
        },
    }
}

/// Why the wrapper did not start the program, where it says so. Behind a warning of sudo there may be more.
fn did_not_begin(program: &str, status: Option<i32>, said: &str, lock: &Lock) -> Option<String> {
    let line = |begin: &str| said.lines().rev().find(|line| line.starts_with(begin));
    match status {
        Some(75) if line(BUSY).is_some() => Some(format!(
            "an earlier write to the same place is still running (it holds the lock `{}`)",
            lock.0
        )),
        Some(75) => {
            let folder = line(NO_LOCK)?.strip_prefix(NO_LOCK)?;
            let (name, folder) = (&lock.0, printable(folder));
            Some(format!("its lock `{name}` cannot be made in `{folder}`"))
        }
        Some(1) => line("sudo: ")
            .map(|line| format!("sudo does not let `{program}` run: {}", printable(line))),
        _ => None,
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

    #[test]
    fn a_far_look_has_a_deadline_of_its_own_and_a_near_one_needs_none() {
        let inquiry = Inquiry::looks_only(["cat", "/a b"])
            .niced()
            .stdin(b"x".into());
        let time = Duration::from_millis(1500);
        let near = Line::look(&host(false, Via::Local), &inquiry, time);
        assert_eq!(near.words, ["nice", "-n", "19", "cat", "/a b"]);
        let line = Line::look(&host(false, far()), &inquiry, time).for_shell(false);
        assert_eq!(
            line,
            "env LC_ALL=C.UTF-8 LANGUAGE=C TZ=UTC PATH=\"$PATH:/usr/sbin:/sbin\" \
             nice -n 19 timeout -k 5 2 cat '/a b'"
        );
        let line = Line::look(&host(true, far()), &inquiry, time).for_shell(true);
        assert_eq!(
            line,
            "sudo -n env LC_ALL=C.UTF-8 LANGUAGE=C TZ=UTC nice -n 19 timeout -k 5 2 cat '/a b'"
        );
    }

    fn output(status: Option<i32>, stdout: &str, stderr: &str) -> Output {
        Output {
            status,
            stdout: stdout.into(),
            stderr: stderr.into(),
            truncated: false,
        }
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the shell itself runs the wrapper"
    )]
    fn where_the_lock_cannot_be_made_the_program_does_not_run() {
        let folder = tempfile::tempdir().unwrap();
        let touched = folder.path().join("touched");
        let run = |name: &str| {
            let output = std::process::Command::new("sh")
                .args(["-c", UNDER_LOCK, "sh", name, "touch"])
                .arg(&touched)
                .output()
                .unwrap();
            let (out, err) = (output.stdout, output.stderr);
            let output = Output {
                status: output.status.code(),
                stdout: out,
                stderr: err,
                truncated: false,
            };
            answer(&["touch".to_owned()], &output, &Lock(name.to_owned()))
        };
        let Answer::Refused { why } = run("no-such-folder/lock") else {
            panic!("a write without its lock is not refused");
        };
        assert!(why.contains("cannot be made in `/"), "{why}");
        assert!(!touched.exists());
        let note = String::new();
        let name = format!("cutover-test-{}", std::process::id());
        assert_eq!(run(&name), Answer::Done { note });
        assert!(touched.exists());
    }

    #[test]
    fn only_what_surely_did_nothing_is_refused() {
        let lock = Lock("cutover-0".into());
        let argv = ["systemctl".to_owned(), "start".into()];
        let ask = |status, out: &str, err: &str| answer(&argv, &output(status, out, err), &lock);
        assert_eq!(
            ask(Some(0), "a\nok\n\n", ""),
            Answer::Done { note: "ok".into() }
        );
        let begun = |err: &str| format!("{BEGINS}{err}");
        let missing = "timeout: failed to run command ‘systemctl’: No such file or directory\n";
        let warning = "sudo: unable to resolve host alpha: Name or service not known\n";
        let refused = [
            (Some(75), "cutover-lock-is-taken\n".to_owned()),
            (Some(75), format!("{warning}cutover-lock-is-taken\n")),
            (Some(127), begun(missing)),
            (Some(1), "sudo: a password is required\n".into()),
            (Some(1), format!("{warning}sudo: a password is required\n")),
        ];
        for (status, err) in &refused {
            assert!(
                matches!(ask(*status, "", err), Answer::Refused { .. }),
                "{err}"
            );
        }
        let unclear = [
            (Some(75), "no lock\n".to_owned()),
            (Some(127), begun("sh: 1: x: not found\n")),
            (Some(1), String::new()),
            (Some(124), begun("")),
            (None, String::new()),
            // The program ran, and may have done a part before it failed with words like these.
            (Some(1), format!("{warning}{}", begun(""))),
            (Some(1), begun("sudo: a password is required\n")),
            (Some(75), begun("cutover-lock-is-taken\n")),
            (
                Some(127),
                begun("timeout: failed to run command ‘other’: No such file or directory\n"),
            ),
        ];
        for (status, err) in &unclear {
            let Answer::Unclear { why } = ask(*status, "", err) else {
                panic!("{status:?} {err}");
            };
            assert!(!why.contains(BEGINS.trim_end()), "{why}");
        }
    }
}
