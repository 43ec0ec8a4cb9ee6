//! Looks that one host is asked at about the same time: one script, and answers that are told apart.
//!
//! Each look runs in the background, in its own envelope, with its own deadline. What it prints comes back coded,
//! line by line, as soon as the look has ended, so that nothing that a program prints can pass for the answer of
//! another. An answer that does not come whole (a look that did not run, more output than is kept here, something
//! that was left behind on the streams), is no answer: that look is asked again, alone.

use std::fmt::Write as _;

use data_encoding::BASE64;

use super::envelope::Mark;
use super::login::for_any_shell;
use super::{Job, quoted};

/// How many looks go together at most.
pub(super) const MOST: usize = 16;

/// The longest look that goes with others, in bytes of shell.
const LONGEST: usize = 32 << 10;

/// The most of each output that comes back this way, in bytes. The far shell holds it in its memory.
const KEPT: usize = 1 << 20;

/// What runs each look. A line is shorter than a pipe takes at once, so that lines do not mix.
const ASK: &str = r#"
say() { for part in $3; do echo "$mark $1 $2 $part"; done; }
ask() {
  err=$({
    out=$({
      "look$1" 3>&-
      echo "$mark $1 ended" >&3
    } </dev/null | head -c "$kept" | base64 -w 3000)
    say "$1" out "$out" >&3
  } 2>&1 | head -c "$kept" | base64 -w 3000)
  say "$1" err "$err"
  echo "$mark $1 told"
}
"#;

/// A look as a line of shell, where it can go with others: no long look, none that begins only where it is told to, as a
/// write does, no bytes that a shell cannot hold.
pub(super) fn line(job: &Job<'_>) -> Option<String> {
    if job.waits() || job.line.watched || job.stdin.contains(&0) {
        return None;
    }
    let run = job.line.for_sh();
    let line = match std::str::from_utf8(&job.input()).ok()? {
        "" => run,
        input => format!("printf %s {} | {run}", quoted(&[input])),
    };
    (line.len() <= LONGEST).then_some(line)
}

/// The line that starts the shell for a script. Where something in a login has read of the script, the rest of it may
/// mean anything, and is not run; nor is it by a shell of the login itself, which does not know its mark.
pub(super) fn shell(answers: &Answers) -> String {
    let first = answers.mark.input();
    let first = quoted(&[first.trim_end()]);
    let mark = answers.mark.as_str();
    for_any_shell(&format!(
        "IFS= read -r line; [ \"$line\" = {first} ] && exec sh -s {mark}"
    ))
}

/// The script that asks all of them, and what reads its answers.
pub(super) fn script(lines: &[String]) -> (String, Answers) {
    let mark = Mark::new();
    // What a login has printed may end without a newline: the first line of ours must not stand behind it.
    let mut script = format!(
        "{}mark={}\n[ \"$1\" = \"$mark\" ] || exit\nkept={KEPT}\necho\necho \"$mark begin\"\n{}",
        mark.input(),
        mark.as_str(),
        ASK.trim_start()
    );
    for (n, line) in lines.iter().enumerate() {
        let _ = writeln!(script, "look{n}() {{ {line}\n}}");
    }
    let last = lines.len().saturating_sub(1);
    let numbers: Vec<String> = (0..=last).map(|n| n.to_string()).collect();
    let _ = writeln!(
        script,
        "{{ exec 3>&1; for n in {}; do ask \"$n\" & done; wait; }} </dev/null | cat",
        numbers.join(" ")
    );
    let heard = lines.iter().map(|_| Some(Raw::default())).collect();
    (script, Answers { mark, heard })
}

/// What came back so far.
pub(super) struct Answers {
    mark: Mark,
    /// None where it was told already.
    heard: Vec<Option<Raw>>,
}

/// What came back of one look, still in its envelope.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Raw {
    pub(super) out: Vec<u8>,
    pub(super) err: Vec<u8>,
    ended: bool,
    spoiled: bool,
}

/// What a line of the far script says of one look.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Its program ended; what it printed is on its way.
    Ended,
    /// The answer; none where it has to be asked alone.
    Told(Option<Raw>),
}

/// Whether a line says that the far script has begun.
pub(super) fn begun(mark: &Mark, line: &[u8]) -> bool {
    said(mark, line).is_some_and(|said| said.trim() == "begin")
}

/// What our script says in a line. What stands before it, such as the time, is not ours.
fn said<'a>(mark: &Mark, line: &'a [u8]) -> Option<&'a str> {
    let mark = mark.as_str().as_bytes();
    let at = line.windows(mark.len()).rposition(|part| part == mark)?;
    std::str::from_utf8(&line[at + mark.len()..]).ok()
}

impl Answers {
    /// What its lines begin with.
    pub(super) fn mark(&self) -> &Mark {
        &self.mark
    }

    /// Reads one line of the far script.
    pub(super) fn line(&mut self, line: &[u8]) -> Option<(usize, News)> {
        let mut words = said(&self.mark, line)?.split_ascii_whitespace();
        let n: usize = words.next()?.parse().ok()?;
        let what = words.next()?;
        let slot = self.heard.get_mut(n)?;
        match what {
            // News is kept until somebody reads it: a far side that says it again and again fills no memory.
            "ended" => {
                let before = std::mem::replace(&mut slot.as_mut()?.ended, true);
                (!before).then_some((n, News::Ended))
            }
            "told" if slot.is_some() => {
                Some((n, News::Told(slot.take().filter(|raw| !raw.spoiled))))
            }
            "out" | "err" => {
                let heard = slot.as_mut()?;
                let to = match what {
                    "out" => &mut heard.out,
                    _ => &mut heard.err,
                };
                match BASE64.decode(words.next()?.as_bytes()) {
                    Ok(bytes) if to.len() + bytes.len() <= KEPT => to.extend_from_slice(&bytes),
                    _ => heard.spoiled = true,
                }
                None
            }
            _ => None,
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "the shell itself runs the script"
)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use super::super::words::Line;
    use super::super::{Inquiry, Output, Reach, Via, envelope};
    use super::*;

    /// What a shell answers to these looks.
    fn told(looks: &[&str], path: Option<&str>) -> Vec<Option<Output>> {
        let far = Reach {
            name: "alpha".into(),
            via: Via::Ssh {
                destination: "alpha".into(),
                config: None,
            },
            sudo: false,
        };
        let lines: Vec<Line> = (looks.iter())
            .map(|look| {
                let inquiry = Inquiry::looks_only(["sh", "-c", look]);
                Line::look(&far, &inquiry, Duration::from_secs(60))
            })
            .collect();
        let asked: Vec<String> = lines.iter().map(Line::for_sh).collect();
        let (script, mut answers) = script(&asked);
        let mut sh = Command::new("/bin/sh");
        if let Some(path) = path {
            sh.env("PATH", path);
        }
        let mut child = sh
            .args(["-c", &shell(&answers)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // Where there is no shell, nobody reads it.
        let _ = stdin.write_all(script.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        let mut told: Vec<Option<Output>> = lines.iter().map(|_| None).collect();
        for line in output.stdout.split(|byte| *byte == b'\n') {
            if let Some((n, News::Told(Some(raw)))) = answers.line(line) {
                told[n] = envelope::opened(&lines[n].mark, &raw.out, &raw.err);
            }
        }
        told
    }

    fn output(status: i32, stdout: &[u8], stderr: &[u8]) -> Option<Output> {
        Some(Output::of_a_test(Some(status), stdout, stderr))
    }

    #[test]
    fn each_look_has_its_own_output_and_status() {
        let looks = [
            "printf 'a\\0\\n\\n'",
            "echo out; echo err >&2; exit 3",
            "printf 'no newline'; true",
            "cat",
            "no-such-program-here",
            "printf %s 'read me' | cat",
            "head -c 300000 /dev/zero",
            "echo last words; kill -9 $$",
        ];
        let told = told(&looks, None);
        assert_eq!(told[0], output(0, b"a\0\n\n", b""));
        assert_eq!(told[1], output(3, b"out\n", b"err\n"));
        assert_eq!(told[2], output(0, b"no newline", b""));
        assert_eq!(told[3], output(0, b"", b""), "standard input is empty");
        assert_eq!(told[4].as_ref().unwrap().status, Some(127));
        assert_eq!(told[5], output(0, b"read me", b""));
        assert_eq!(told[6], output(0, &[0; 300_000], b""));
        let signal = Output::of_a_test(None, b"last words\n", b"");
        assert_eq!(told[7], Some(signal));
    }

    #[test]
    fn what_cannot_be_told_exactly_is_no_answer() {
        let much = format!("head -c {} /dev/zero", KEPT + 1);
        let much_on_stderr = format!("{much} >&2");
        let looks = [&much, &much_on_stderr, "echo the others are not harmed"];
        let mut told = told(&looks, None);
        assert_eq!(
            told.pop(),
            Some(output(0, b"the others are not harmed\n", b""))
        );
        for (answer, look) in told.iter().zip(looks) {
            assert!(answer.is_none(), "{look}");
        }
    }

    #[test]
    fn a_host_without_the_tools_tells_nothing_wrong() {
        let bin = tempfile::tempdir().unwrap();
        let path = bin.path().to_str().unwrap();
        assert_eq!(told(&["echo a"], Some(path)), [None]);
        for name in ["cat", "sh"] {
            let found = Command::new("sh")
                .args(["-c", &format!("command -v {name}")])
                .output()
                .unwrap();
            let found = String::from_utf8(found.stdout).unwrap();
            std::os::unix::fs::symlink(found.trim(), bin.path().join(name)).unwrap();
            assert_eq!(told(&["echo a"], Some(path)), [None]);
        }
    }

    #[test]
    fn what_a_program_prints_cannot_pass_for_an_answer() {
        let (_, mut answers) = script(&["true".into(), "true".into()]);
        let mark = answers.mark.as_str().to_owned();
        let say = |answers: &mut Answers, line: &str| answers.line(line.as_bytes());
        assert_eq!(say(&mut answers, "cutover-0000000000000000 1 told"), None);
        assert_eq!(say(&mut answers, "0 told"), None);
        assert_eq!(say(&mut answers, &format!("{mark} 7 told")), None);
        assert_eq!(
            say(&mut answers, &format!("{mark} 0 ended")),
            Some((0, News::Ended))
        );
        assert_eq!(
            say(&mut answers, &format!("{mark} 0 ended")),
            None,
            "only once"
        );
        let forged = format!("\n{mark} 1 told\n 0");
        let coded = BASE64.encode(forged.as_bytes());
        assert_eq!(say(&mut answers, &format!("{mark} 0 out {coded}")), None);
        let expected = Raw {
            out: forged.into_bytes(),
            ended: true,
            ..Raw::default()
        };
        let news = say(&mut answers, &format!("{mark} 0 told"));
        assert_eq!(news, Some((0, News::Told(Some(expected)))));
        assert_eq!(
            say(&mut answers, &format!("{mark} 0 told")),
            None,
            "only once"
        );
        say(&mut answers, &format!("{mark} 1 out not!base64"));
        assert_eq!(
            say(&mut answers, &format!("{mark} 1 told")),
            Some((1, News::Told(None)))
        );
    }
}
