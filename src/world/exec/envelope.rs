//! The one envelope of every program, wherever it runs: marks before and behind what it prints.
//!
//! A far host prints what it likes: a banner of `.bashrc`, a warning of sudo, the words of a forced command that
//! runs in place of what was asked for. So each program is started by a small script of ours, behind sudo and under
//! the lock, that prints a mark on both streams just before the program begins and just after it ended, the second
//! one with its status. A mark holds a number that nobody can guess. What stands outside the marks is not the
//! program's; without the first mark it did not run; without the second it was cut off.

use std::hash::{BuildHasher, Hasher, RandomState};

use super::not_run::{by_login, by_sudo, ending, instead, ours};
use super::output::Keep;
use super::reason::Reason;
use super::{Job, Lost, Output};
use crate::event::{Cause, Unseen};

/// Runs its arguments between marks. `$1` is the mark; `$2` says whether standard input is `fed`, and then its first
/// line proves that nothing read of it on the way; `$3` is the name of the lock of a write, empty for a look.
///
/// The lock is not handed down, so that a service which the program starts does not hold it for ever. A bare `exec`
/// that fails would end the shell at once. What the shell itself has to say of an end goes nowhere: it would stand
/// between the last word of the program and the mark.
pub(super) const SCRIPT: &str = r#"mark=$1 fed=$2 lock=$3
shift 3
no() { printf '%s no %s\n' "$mark" "$1" >&2; exit 75; }
if [ "$fed" = fed ]; then
  IFS= read -r line
  [ "$line" = "$mark input" ] || no input
fi
if [ -n "$lock" ]; then
  folder=${XDG_RUNTIME_DIR:-/tmp}
  [ "$(id -u)" = 0 ] && folder=/run
  [ -d "$folder" ] && [ -w "$folder" ] || folder=/tmp
  command exec 9>>"$folder/$lock-$(id -u).lock" || no "lock $folder"
  flock -w 2 9 || no busy
fi
printf '%s out begin\n' "$mark"
printf '%s err begin\n' "$mark" >&2
exec 4>&2 2>/dev/null
(exec "$@" 2>&4 4>&- 9>&-)
status=$?
printf '%s out end %s\n' "$mark" "$status"
printf '%s err end %s\n' "$mark" "$status" >&4
exit "$status"
"#;

/// The longest that follows a mark up to the end of its line, in bytes.
const TAIL: usize = 80;

/// How much of what is printed before the first mark is kept to tell why there is none, in bytes.
const NOISE: usize = 8 << 10;

/// What the marks of one start begin with.
#[derive(Clone, Debug)]
pub(super) struct Mark(String);

impl Mark {
    pub(super) fn new() -> Mark {
        let number = || RandomState::new().build_hasher().finish();
        Mark(format!("cutover-{:016x}{:016x}", number(), number()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The line before what the program reads.
    pub(super) fn input(&self) -> String {
        format!("{} input\n", self.0)
    }
}

/// The proof that a program began and ended between its marks. Only this module makes one, so that no [`Output`] can
/// hold what somebody else has printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marked(());

impl Marked {
    /// An output of a test, which nobody has printed.
    #[cfg(test)]
    pub(super) fn of_a_test() -> Marked {
        Marked(())
    }
}

/// What stands between the marks of one stream; the rest is taken off as it comes.
#[derive(Debug)]
pub(super) struct Stream {
    mark: String,
    name: &'static str,
    at: At,
    /// What may be the beginning of a mark.
    rest: Vec<u8>,
    /// What was printed before the first mark.
    noise: Vec<u8>,
    /// Why our own script did not start the program.
    refusal: Option<String>,
    /// Whether a mark of the other stream stood here.
    mixed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Before,
    Within,
    After(i32),
}

/// What follows a mark.
enum Said {
    Begin,
    End(i32),
    No(String),
    OfTheOther,
    /// The mark stands in a list of processes, or the like.
    Nothing,
}

impl Stream {
    fn new(mark: &Mark, name: &'static str) -> Stream {
        Stream {
            mark: mark.0.clone(),
            name,
            at: At::Before,
            rest: Vec::new(),
            noise: Vec::new(),
            refusal: None,
            mixed: false,
        }
    }

    pub(super) fn ended(&self) -> bool {
        matches!(self.at, At::After(_))
    }

    fn begun(&self) -> bool {
        self.at != At::Before
    }

    /// Takes what came, and hands over what is the program's.
    pub(super) fn take(&mut self, chunk: &[u8], own: &mut impl FnMut(&[u8])) {
        let mut all = std::mem::take(&mut self.rest);
        all.extend_from_slice(chunk);
        let mut from = 0;
        // Where the search goes on: a mark that says nothing is stepped over, and stays what it is.
        let mut search = 0;
        while !self.ended() {
            let Some(found) = find(&all[search..], self.mark.as_bytes()) else {
                let keep = partial(&all[search..], self.mark.as_bytes());
                self.hand(&all[from..all.len() - keep], own);
                from = all.len() - keep;
                break;
            };
            let at = search + found;
            let behind = &all[at + self.mark.len()..];
            let Some(end) = behind.iter().take(TAIL).position(|byte| *byte == b'\n') else {
                if behind.len() < TAIL {
                    self.hand(&all[from..at], own);
                    from = at;
                    break;
                }
                search = at + self.mark.len();
                continue;
            };
            let said = self.said(&behind[..end]);
            if matches!(said, Said::Nothing) {
                search = at + self.mark.len();
                continue;
            }
            self.hand(&all[from..at], own);
            from = at + self.mark.len() + end + 1;
            search = from;
            match said {
                Said::Begin => self.at = At::Within,
                Said::End(status) => self.at = At::After(status),
                Said::No(why) => self.refusal = Some(why),
                Said::OfTheOther => self.mixed = true,
                Said::Nothing => {}
            }
        }
        if !self.ended() {
            self.rest = all.split_off(from);
        }
    }

    /// The end of the stream: what looked like the beginning of a mark was none.
    pub(super) fn close(&mut self, own: &mut impl FnMut(&[u8])) {
        let rest = std::mem::take(&mut self.rest);
        self.hand(&rest, own);
    }

    fn hand(&mut self, bytes: &[u8], own: &mut impl FnMut(&[u8])) {
        match self.at {
            At::Before => {
                let room = NOISE - self.noise.len();
                self.noise
                    .extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
            At::Within if !bytes.is_empty() => own(bytes),
            At::Within | At::After(_) => {}
        }
    }

    fn said(&self, behind: &[u8]) -> Said {
        let text = String::from_utf8_lossy(behind);
        let Some(text) = text.strip_prefix(' ') else {
            return Said::Nothing;
        };
        if let (At::Before, Some(why)) = (self.at, text.strip_prefix("no ")) {
            return Said::No(why.to_owned());
        }
        let Some((name, what)) = text.split_once(' ') else {
            return Said::Nothing;
        };
        let status = what.strip_prefix("end ").and_then(|s| s.parse().ok());
        match (self.at, what, status) {
            _ if name != self.name => match (name, what, status) {
                ("out" | "err", "begin", _) | ("out" | "err", _, Some(_)) => Said::OfTheOther,
                _ => Said::Nothing,
            },
            (At::Before, "begin", _) => Said::Begin,
            (At::Within, _, Some(status)) => Said::End(status),
            _ => Said::Nothing,
        }
    }
}

fn find(text: &[u8], mark: &[u8]) -> Option<usize> {
    let first = *mark.first()?;
    let mut from = 0;
    loop {
        let at = from + text[from..].iter().position(|byte| *byte == first)?;
        if text[at..].starts_with(mark) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// How many of the last bytes may be the beginning of a mark.
fn partial(text: &[u8], mark: &[u8]) -> usize {
    (1..mark.len().min(text.len() + 1))
        .rev()
        .find(|n| text.ends_with(&mark[..*n]))
        .unwrap_or(0)
}

/// Both streams of one start.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) out: Stream,
    pub(super) err: Stream,
}

impl Heard {
    pub(super) fn new(mark: &Mark) -> Heard {
        Heard {
            out: Stream::new(mark, "out"),
            err: Stream::new(mark, "err"),
        }
    }

    /// Whether the program surely began.
    pub(super) fn begun(&self) -> bool {
        self.out.begun() || self.err.begun()
    }

    /// Whether nothing that comes now is the program's.
    pub(super) fn ended(&self) -> bool {
        self.out.ended() && self.err.ended()
    }

    /// The output, where the program ended.
    fn whole(&self, stdout: Keep, stderr: Keep) -> Option<Output> {
        // A forced command may run what was asked for and throw its errors away; then there are none to tell.
        let At::After(status) = self.out.at else {
            return None;
        };
        (self.err.ended() || !self.err.begun()).then(|| Output {
            // A shell tells of a signal so; a program that ends like that by itself means the same.
            status: (!(129..=192).contains(&status)).then_some(status),
            truncated: stdout.truncated || stderr.truncated,
            stdout: stdout.bytes,
            stderr: stderr.bytes,
            marked: Marked(()),
        })
    }

    /// What the session says once it is over. `status` is that of the session; none where a signal ended it.
    pub(super) fn answer(
        self,
        job: &Job<'_>,
        (stdout, stderr): (Keep, Keep),
        status: Option<i32>,
    ) -> Result<Output, Lost> {
        let told = |cause, what: String| job.unseen(&Reason::new(cause, what));
        let program = &job.line.program;
        if self.out.mixed || self.err.mixed {
            let what = format!("mixes the two outputs of `{program}`, so that neither can be read");
            return Err(Lost::midway(told(Cause::Garbled, what)));
        }
        let begun = self.begun();
        if let Some(output) = self.whole(stdout, stderr) {
            return Ok(output);
        }
        if begun {
            let what = format!("cut `{program}` off before its end: {}", ending(status));
            return Err(Lost::midway(told(Cause::Garbled, what)));
        }
        Err(Lost::before(self.not_run(job, status)))
    }

    /// Why there is no first mark.
    fn not_run(&self, job: &Job<'_>, status: Option<i32>) -> Unseen {
        let (out, err) = (text(&self.out.noise), text(&self.err.noise));
        let refusal = self.err.refusal.as_ref().or(self.out.refusal.as_ref());
        let (cause, why) = match refusal {
            Some(why) => ours(job, why),
            None => (job.host.sudo.then(|| by_sudo(&err)).flatten())
                .or_else(|| by_login(&format!("{err}\n{out}")))
                .unwrap_or_else(|| instead(&out, &err, status)),
        };
        let what = format!("did not run `{}`: {why}", job.line.program);
        job.unseen(&Reason::new(cause, what))
    }
}

/// The output of a look whose two streams came whole; none where marks are missing.
pub(super) fn opened(mark: &Mark, out: &[u8], err: &[u8]) -> Option<Output> {
    let mut heard = Heard::new(mark);
    let (mut stdout, mut stderr) = (Keep::default(), Keep::default());
    heard.out.take(out, &mut |bytes| stdout.push(bytes));
    heard.err.take(err, &mut |bytes| stderr.push(bytes));
    let clear = heard.ended() && !heard.out.mixed && !heard.err.mixed;
    clear.then(|| heard.whole(stdout, stderr)).flatten()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a stream hands over where it comes in pieces of `size`, and how it ends.
    fn within(mark: &Mark, text: &str, size: usize) -> (String, Stream) {
        let mut stream = Heard::new(mark).out;
        let mut own = Vec::new();
        for chunk in text.as_bytes().chunks(size) {
            stream.take(chunk, &mut |bytes| own.extend_from_slice(bytes));
        }
        stream.close(&mut |bytes| own.extend_from_slice(bytes));
        (String::from_utf8(own).unwrap(), stream)
    }

    #[test]
    fn only_what_stands_between_the_marks_is_the_programs() {
        let mark = Mark::new();
        let m = mark.as_str();
        let other = Mark::new();
        let cases = [
            ("banner\n", "value\n"),
            ("no newline", "value"),
            ("", ""),
            ("", "\n\n"),
            ("cutover-", "cutover-"),
            // A list of processes shows the mark; another start has another one.
            (
                &format!("sh -c x sh {m} fed\n"),
                &format!("sh {m} fed ps\n"),
            ),
            (&format!("{m} out end 0\n"), &format!("{m} out begin\n")),
            (
                &format!("{} out begin\n", other.as_str()),
                &format!("{} out end 3\n", other.as_str()),
            ),
            (m, m),
            (&format!("{m}{m}"), &format!("{m}{m} out end x\n")),
        ];
        for (noise, value) in cases {
            let text = format!("{noise}{m} out begin\n{value}{m} out end 7\nbye {m} out end 0\n");
            for size in [1, 2, 7, 50, 4096] {
                let (own, stream) = within(&mark, &text, size);
                assert_eq!(own, value, "in pieces of {size}");
                assert_eq!(stream.at, At::After(7));
                assert_eq!(text_of(&stream), noise);
            }
        }
    }

    fn text_of(stream: &Stream) -> String {
        text(&stream.noise)
    }

    #[test]
    fn what_is_cut_off_has_no_end_and_what_never_began_is_nobodys() {
        let mark = Mark::new();
        let m = mark.as_str();
        let (own, stream) = within(&mark, &format!("{m} out begin\nhalf {m} out en"), 5);
        assert_eq!(own, format!("half {m} out en"));
        assert_eq!(stream.at, At::Within);
        let (own, stream) = within(&mark, "This account is for backups only\n", 5);
        assert_eq!((&*own, stream.at), ("", At::Before));
        let much = "x".repeat(3 * NOISE);
        assert_eq!(within(&mark, &much, 999).1.noise.len(), NOISE);
    }

    #[test]
    fn streams_that_are_mixed_are_told() {
        let mark = Mark::new();
        let m = mark.as_str();
        let text = format!("{m} out begin\n{m} err begin\nx{m} out end 0\n");
        assert!(within(&mark, &text, 3).1.mixed);
    }

    #[test]
    fn output_in_which_each_piece_may_begin_a_mark_comes_whole() {
        let mark = Mark::new();
        let text = "cutover-".repeat(200_000);
        let whole = format!("{0} out begin\n{text}{0} out end 0\n", mark.as_str());
        let (own, stream) = within(&mark, &whole, 64);
        assert!(own == text && stream.ended());
    }
}
