//! Single keys at the terminal: while somebody may press one, it does not wait for Enter.

use std::io::Stdin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use rustix::process::Signal;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios};

/// More than this is no answer: a terminal itself takes no longer lines (termios(3): 4095 bytes and their end).
const LONGEST: usize = 4096;

/// Whether somebody may press a key.
static WANTED: AtomicBool = AtomicBool::new(false);

/// How the terminal was, while it gives single keys.
static FORMER: Mutex<Option<Former>> = Mutex::new(None);

struct Former {
    modes: Termios,
    /// So many bytes were typed before single keys counted, and are not read yet.
    before: usize,
}

fn former() -> MutexGuard<'static, Option<Former>> {
    FORMER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As long as it lives, keys count by themselves and are not shown. Where there is no terminal, or another job has
/// it, nothing changes: lines count as ever.
pub(super) struct Keys(());

impl Keys {
    pub(super) fn listen() -> Keys {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let hook = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                // Whoever holds it for this moment may be the one that panics: waiting could be for ever.
                if let Ok(mut former) = FORMER.try_lock() {
                    put_back(&mut former);
                }
                hook(panic);
            }));
        });
        WANTED.store(true, Ordering::SeqCst);
        set();
        Keys(())
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        give_up();
    }
}

/// Puts the terminal back for good: the program may end next.
pub(super) fn give_up() {
    WANTED.store(false, Ordering::SeqCst);
    restore();
}

/// Whether the terminal gives single keys now; then it shows nothing of what is typed.
pub(super) fn single() -> bool {
    former().is_some()
}

/// Asks the terminal for single keys, where they are wanted. Called again and again: a job that comes back to the
/// foreground finds the terminal as its shell left it.
pub(super) fn set() {
    let stdin = std::io::stdin();
    let mut former = former();
    if former.is_some() || !WANTED.load(Ordering::SeqCst) || !in_front(&stdin) {
        return;
    }
    let Ok(modes) = rustix::termios::tcgetattr(&stdin) else {
        return;
    };
    let mut keys = modes.clone();
    keys.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
    keys.special_codes[SpecialCodeIndex::VMIN] = 1;
    keys.special_codes[SpecialCodeIndex::VTIME] = 0;
    // What would stop or end the program at once arrives as a key: the terminal is put right first.
    keys.special_codes[SpecialCodeIndex::VSUSP] = 0;
    keys.special_codes[SpecialCodeIndex::VQUIT] = 0;
    if rustix::termios::tcsetattr(&stdin, OptionalActions::Now, &keys).is_ok() {
        let waits = rustix::io::ioctl_fionread(&stdin).unwrap_or_default();
        let before = usize::try_from(waits).unwrap_or(usize::MAX);
        *former = Some(Former { modes, before });
    }
}

/// Puts the terminal back as it was, for now.
fn restore() {
    put_back(&mut former());
}

fn put_back(former: &mut Option<Former>) {
    let stdin = std::io::stdin();
    if let Some(Former { modes, .. }) = former.take()
        // In the background the terminal is somebody else's, and asking would stop this job.
        && in_front(&stdin)
    {
        let _gone = rustix::termios::tcsetattr(&stdin, OptionalActions::Now, &modes);
    }
}

fn in_front(stdin: &Stdin) -> bool {
    rustix::termios::tcgetpgrp(stdin).is_ok_and(|group| group == rustix::process::getpgrp())
}

/// What somebody is typing.
#[derive(Debug, Default)]
pub(super) struct Typing(Vec<u8>);

/// Something that was typed as far as it counts, and whether the terminal showed it and went to the next row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entered {
    pub(super) line: String,
    pub(super) shown: bool,
}

impl Typing {
    /// Takes what was read, and returns what counts: lines, and single keys while they are asked for.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Vec<Entered> {
        let Some((early, suspends, quits)) = former().as_mut().map(|former| {
            let early = former.before.min(bytes.len());
            former.before -= early;
            let of = |index| former.modes.special_codes[index];
            (
                early,
                of(SpecialCodeIndex::VSUSP),
                of(SpecialCodeIndex::VQUIT),
            )
        }) else {
            return self.take(bytes, false);
        };
        let (early, keys) = bytes.split_at(early);
        let mut entered = self.take(early, false);
        entered.extend(self.take(keys, true));
        for (code, signal) in [(suspends, Signal::TSTP), (quits, Signal::QUIT)] {
            if code != 0 && keys.contains(&code) {
                restore();
                let _ended = rustix::process::kill_current_process_group(signal);
            }
        }
        entered
    }

    fn take(&mut self, bytes: &[u8], single: bool) -> Vec<Entered> {
        // An arrow, a function key.
        if single && bytes.first() == Some(&0x1b) {
            return Vec::new();
        }
        let mut entered = Vec::new();
        for byte in bytes {
            match byte {
                b'\n' | b'\r' => {
                    let line = String::from_utf8_lossy(&self.0).trim().to_owned();
                    self.0.clear();
                    entered.push(Entered {
                        line,
                        shown: !single,
                    });
                }
                b'b' | b'B' if single => {
                    self.0.clear();
                    entered.push(Entered {
                        line: "b".to_owned(),
                        shown: false,
                    });
                }
                // Ctrl-D and its like are no text.
                _ if single && byte.is_ascii_control() => {}
                _ if self.0.len() < LONGEST => self.0.push(*byte),
                _ => {}
            }
        }
        entered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_key_counts_at_once_and_a_line_once_it_ends() {
        let mut typing = Typing::default();
        let mut take = |bytes: &[u8], single| -> Vec<(String, bool)> {
            let entered = typing.take(bytes, single);
            (entered.into_iter())
                .map(|entered| (entered.line, entered.shown))
                .collect()
        };
        let one = |line: &str, shown| vec![(line.to_owned(), shown)];
        assert_eq!(take(b"b", false), []);
        assert_eq!(take(b"\n", false), one("b", true));
        assert_eq!(take(b"b", true), one("b", false));
        assert_eq!(take(b"\n", true), one("", false));
        // What was begun before single keys counted waits for its Enter.
        assert_eq!(take(b"sto", false), []);
        assert_eq!(take(b"p\r", true), one("stop", false));
        // Arrows: one of them ends in a B.
        assert_eq!(take(b"\x1b[B", true), []);
        assert_eq!(take(b"\x04", true), []);
        assert_eq!(take(b"\n", true), one("", false));
        assert_eq!(take(b"x", true), []);
        assert_eq!(take(b"B", true), one("b", false));
        assert_eq!(take(b"a\nb\n", false).len(), 2);
        assert_eq!(take(&[b'x'; 10_000], false), []);
        assert_eq!(take(b"\n", false)[0].0.len(), LONGEST);
    }
}
