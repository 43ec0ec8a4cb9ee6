//! The one envelope of every program, wherever it runs: marks before and behind what it prints.
//!
//! A far host prints what it likes: a banner of `.bashrc`, a warning of sudo, the words of a forced command that
//! runs in place of what was asked for. So each program is started by a small script of ours, behind sudo and under
//! the lock, that prints a mark on both streams just before the program begins and just after it ended, the second
//! one with its status. A mark holds a number that nobody can guess. What stands outside the marks is not the
//! program's; without the second mark it was cut off.
//!
//! That there is no first mark proves nothing: something may keep it back, and let the program run. What proves that
//! a write did not run is that it was never told to begin, or that our own script says that it did not.

use std::hash::{BuildHasher, Hasher, RandomState};

use super::coded::{Coded, Whose};
use super::not_run::{by_login, by_sudo, cut_off, ending, has_waited, instead, ours, unheard};
use super::output::{Keep, Own};
use super::reason::Reason;
use super::{Job, Lost, Output};
use crate::event::{Cause, Unseen};

/// The longest that follows a mark up to the end of its line, in bytes.
const TAIL: usize = 80;

/// How much of what is printed before the first mark is kept to tell why there is none, in bytes.
pub(super) const NOISE: usize = 8 << 10;

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

    /// The line that tells a look to go on though its input ends.
    pub(super) fn stays(&self) -> String {
        format!("{} stays\n", self.0)
    }

    /// The line that lets a write begin, and gives it so many seconds.
    pub(super) fn go(&self, secs: u64) -> String {
        format!("{} go {secs}\n", self.0)
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
    /// Whether our own script is ready to start the program, and waits to be told.
    ready: bool,
    /// Whether a mark of the other stream stood here.
    mixed: bool,
}

/// How a program ended, as our own script tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct End {
    status: i32,
    how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Itself,
    /// A signal ended it.
    Signal,
    /// Its deadline did.
    Late,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Before,
    Within,
    After(End),
}

/// What follows a mark.
enum Said {
    Ready,
    Begin,
    End(End),
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
            ready: false,
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
                Said::Ready => self.ready = true,
                Said::Begin => self.at = At::Within,
                Said::End(end) => self.at = At::After(end),
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
        let end = what.strip_prefix("end ").and_then(End::read);
        match (self.at, what, end) {
            _ if name != self.name => match (name, what, end) {
                ("out" | "err", "begin", _) | ("out" | "err", _, Some(_)) => Said::OfTheOther,
                _ => Said::Nothing,
            },
            (At::Before, "ready", _) => Said::Ready,
            (At::Before, "begin", _) => Said::Begin,
            (At::Within, _, Some(end)) => Said::End(end),
            _ => Said::Nothing,
        }
    }
}

impl End {
    fn read(text: &str) -> Option<End> {
        let (status, how) = match text.split_once(' ') {
            None => (text, How::Itself),
            Some((status, "signal")) => (status, How::Signal),
            Some((status, "late")) => (status, How::Late),
            Some(_) => return None,
        };
        let status = status.parse().ok()?;
        Some(End { status, how })
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
    out: Stream,
    err: Stream,
    /// What reads each stream of a session, where the outputs come coded.
    coded: Option<[Coded; 2]>,
    /// The stream of the session that brings each output: a login may send a copy of it on the other.
    carriers: [Option<Whose>; 2],
    /// Whether a write was told to begin.
    told: bool,
}

impl Heard {
    pub(super) fn new(mark: &Mark) -> Heard {
        Heard {
            out: Stream::new(mark, "out"),
            err: Stream::new(mark, "err"),
            coded: None,
            carriers: [None; 2],
            told: false,
        }
    }

    /// The same, where the outputs come coded.
    pub(super) fn coded(mark: &Mark) -> Heard {
        Heard {
            coded: Some([Coded::new(mark), Coded::new(mark)]),
            ..Heard::new(mark)
        }
    }

    /// Takes what came on one stream, nothing at its end, and hands over what is the program's.
    pub(super) fn take(&mut self, from: Whose, chunk: &[u8], own: &mut Own<'_>) {
        let Heard { out, err, .. } = self;
        let mut take = |whose, bytes: &[u8]| match whose {
            Whose::Out => out.take(bytes, &mut |bytes| own.out(bytes)),
            Whose::Err => err.take(bytes, &mut |bytes| own.err(bytes)),
        };
        let carriers = &mut self.carriers;
        let mut once = |whose, bytes: &[u8]| {
            if *carriers[whose as usize].get_or_insert(from) == from {
                take(whose, bytes);
            }
        };
        match &mut self.coded {
            None => take(from, chunk),
            Some(coded) if chunk.is_empty() => coded[from as usize].close(&mut once),
            Some(coded) => coded[from as usize].take(chunk, &mut once),
        }
        if chunk.is_empty() && self.coded.is_none() {
            match from {
                Whose::Out => self.out.close(&mut |bytes| own.out(bytes)),
                Whose::Err => self.err.close(&mut |bytes| own.err(bytes)),
            }
        }
    }

    /// Whether the program surely began.
    pub(super) fn begun(&self) -> bool {
        self.out.begun() || self.err.begun()
    }

    /// Whether a write waits to be told to begin.
    pub(super) fn waits(&self) -> bool {
        self.out.ready && !self.told
    }

    /// A write was told to begin: from now on it may have run.
    pub(super) fn tell(&mut self) {
        self.told = true;
    }

    /// Whether the program may have begun: a write was told to, and does not say that it did not.
    pub(super) fn may_have_begun(&self, job: &Job<'_>) -> bool {
        self.begun() || job.write() && self.told && self.refusal().is_none()
    }

    /// Whether nothing that comes now is the program's.
    pub(super) fn ended(&self) -> bool {
        self.out.ended() && self.err.ended()
    }

    /// The output, where the program ended.
    fn whole(&self, stdout: Keep, stderr: Keep) -> Option<Output> {
        // A forced command may run what was asked for and throw its errors away; then there are none to tell.
        let At::After(End { status, how }) = self.out.at else {
            return None;
        };
        (self.err.ended() || !self.err.begun()).then(|| Output {
            status: (how != How::Signal).then_some(status),
            truncated: stdout.truncated || stderr.truncated,
            stdout: stdout.bytes,
            stderr: stderr.bytes,
            missing: false,
            late: how == How::Late,
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
        if self.spoiled() {
            let what = format!(
                "let something write into what `{program}` prints (its login files, or a forced command, leave a \
                 program behind), so that it cannot be read"
            );
            return Err(self.lost(job, told(Cause::Garbled, what)));
        }
        if self.out.mixed || self.err.mixed {
            let what = format!("mixes the two outputs of `{program}`, so that neither can be read");
            return Err(self.lost(job, told(Cause::Garbled, what)));
        }
        let begun = self.begun();
        if let Some(output) = self.whole(stdout, stderr) {
            return Ok(output);
        }
        if self.err.ended() && !self.out.begun() {
            let what = format!(
                "ran `{program}`, and let nothing through of what it printed: something in its login (.bashrc, \
                 .zshenv) sends that elsewhere"
            );
            return Err(Lost::midway(told(Cause::Garbled, what)));
        }
        if begun {
            let what = format!(
                "cut `{program}` off before its end: {}",
                cut_off(status, job.host.sudo)
            );
            return Err(Lost::midway(told(Cause::Garbled, what)));
        }
        if !job.write() && self.refusal() == Some("missing") {
            return Ok(Output {
                status: Some(127),
                stdout: Vec::new(),
                stderr: Vec::new(),
                truncated: false,
                missing: true,
                late: false,
                marked: Marked(()),
            });
        }
        if self.may_have_begun(job) {
            let what = format!(
                "was told to run `{program}`, and then said nothing: {}",
                ending(status)
            );
            return Err(Lost::midway(told(Cause::Garbled, what)));
        }
        Err(Lost::before(self.not_run(job, status)))
    }

    /// Something went wrong on the way.
    pub(super) fn lost(&self, job: &Job<'_>, why: Unseen) -> Lost {
        let began = !job.write() || self.may_have_begun(job);
        Lost { why, began }
    }

    fn spoiled(&self) -> bool {
        (self.coded.iter().flatten()).any(|stream| stream.spoiled)
    }

    /// Why our own script did not start the program.
    fn refusal(&self) -> Option<&str> {
        let refusal = self.err.refusal.as_deref();
        refusal.or(self.out.refusal.as_deref())
    }

    /// Why there is no first mark.
    fn not_run(&self, job: &Job<'_>, status: Option<i32>) -> Unseen {
        // What sudo says stands in the outputs; what the login says stands around them.
        let (mut out, mut err) = (text(&self.out.noise), text(&self.err.noise));
        let sudo = job.host.sudo.then(|| by_sudo(&err)).flatten();
        if let Some([around_out, around_err]) = &self.coded {
            out.push_str(&text(&around_out.noise));
            err.push_str(&text(&around_err.noise));
        }
        let (cause, why) = match self.refusal() {
            // It has waited, and nobody heard it in time.
            Some(why) if has_waited(why) => unheard(self.out.ready),
            Some(why) => ours(job, why),
            None => (sudo)
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
mod tests;
