//! What is typed at the terminal: lines that are read, and those that nobody reads.

use std::io::{IsTerminal, StdinLock, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::keys::{self, Entered, Keys, Typing};

/// How often the terminal is asked whether a line waits there that nobody reads.
const GLANCE: Duration = Duration::from_millis(20);

/// How many lines were typed and read so far.
static READ: AtomicUsize = AtomicUsize::new(0);

/// Whether what is typed is read.
static READS: AtomicBool = AtomicBool::new(false);

/// What was typed where nobody reads it.
static UNREAD: Mutex<Unread> = Mutex::new(Unread {
    counts: false,
    lines: 0,
    bytes: 0,
});

struct Unread {
    /// Whether they are counted at all.
    counts: bool,
    lines: usize,
    /// How much waited at the terminal when it was asked last.
    bytes: u64,
}

impl Unread {
    /// Asks the terminal, which tells line by line: more than before was ended by Enter.
    fn look(&mut self) -> Result<usize, Errno> {
        if self.counts {
            let bytes = rustix::io::ioctl_fionread(std::io::stdout())?;
            self.lines += usize::from(bytes > self.bytes);
            self.bytes = bytes;
        }
        Ok(self.lines)
    }
}

fn unread() -> MutexGuard<'static, Unread> {
    UNREAD.lock().unwrap_or_else(|e| e.into_inner())
}

/// A line that somebody typed, and when; `None` for the end of input (Ctrl-D), which is no answer of anybody.
pub(super) struct Typed {
    pub(super) line: Option<String>,
    pub(super) at: Instant,
}

/// Whether somebody can answer a question here.
pub(super) fn interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// How many lines somebody typed so far; each moved the cursor to the next row. The terminal is asked, so that
/// whoever draws now knows of what was typed just before.
pub(super) fn typed_lines() -> usize {
    // Asked for in this order, a line that is being read at this moment counts once or not yet, and never twice.
    let read = READ.load(Ordering::SeqCst);
    let waits = match READS.load(Ordering::SeqCst) {
        // A single key is not shown.
        true if keys::single() => Ok(0),
        true => rustix::io::ioctl_fionread(std::io::stdin()).map(|bytes| usize::from(bytes > 0)),
        false => unread().look(),
    };
    read + waits.unwrap_or_default()
}

/// Counts the lines that are typed at the terminal where nobody reads them. They are left there: who types
/// ahead, types for the shell. Several within one glance count as one.
#[expect(clippy::disallowed_methods, reason = "a thread of its own waits")]
pub(super) fn count_unread_lines() {
    let counted = std::mem::replace(&mut unread().counts, true);
    if counted || !std::io::stdout().is_terminal() {
        return;
    }
    std::thread::spawn(|| {
        while unread().look().is_ok() {
            std::thread::sleep(GLANCE);
        }
    });
}

/// From now on until this is dropped, a key that somebody presses counts without Enter, where keys are read.
pub(super) fn single_keys() -> Option<Keys> {
    READS.load(Ordering::SeqCst).then(Keys::listen)
}

/// Reads standard input on a thread of its own, once for the whole program: a thread that waits for a line
/// cannot be taken back. Once the terminal is gone, what it returns ends.
pub(super) fn lines() -> mpsc::UnboundedReceiver<Typed> {
    static SUBSCRIBER: Mutex<Option<mpsc::UnboundedSender<Typed>>> = Mutex::new(None);
    let (send, receive) = mpsc::unbounded_channel();
    let mut subscriber = SUBSCRIBER.lock().unwrap_or_else(|e| e.into_inner());
    let running = subscriber.replace(send).is_some();
    drop(subscriber);
    if !running {
        READS.store(true, Ordering::SeqCst);
        std::thread::spawn(|| {
            let stdin = std::io::stdin().lock();
            let mut typing = Typing::default();
            let mut bytes = [0; 256];
            while await_typing(&stdin).is_ok() {
                let read = match rustix::io::read(&stdin, &mut bytes) {
                    Ok(read) => read,
                    Err(Errno::INTR | Errno::AGAIN) => continue,
                    Err(_) => break,
                };
                let at = Instant::now();
                let tell = |line, shown| {
                    READ.fetch_add(usize::from(shown), Ordering::SeqCst);
                    let subscriber = SUBSCRIBER.lock().unwrap_or_else(|e| e.into_inner());
                    if let Some(send) = subscriber.as_ref() {
                        let _nobody = send.send(Typed { line, at });
                    }
                };
                if read == 0 {
                    typing = Typing::default();
                    // The terminal shows nothing of it: the next row begins as it does after Enter.
                    let _gone = writeln!(std::io::stderr());
                    tell(None, true);
                }
                for Entered { line, shown } in typing.read(&bytes[..read]) {
                    tell(Some(line), shown);
                }
            }
            // Nobody can answer here any more, and whoever waits for an answer hears that.
            drop(SUBSCRIBER.lock().unwrap_or_else(|e| e.into_inner()).take());
        });
    }
    receive
}

/// Waits until somebody typed a line for this program, or ended the input, or pressed a key where single ones count: a
/// job in the background that reads all the same is stopped by the terminal, in the middle of what it does.
#[expect(clippy::disallowed_methods, reason = "a thread of its own waits")]
fn await_typing(stdin: &StdinLock<'_>) -> Result<(), Errno> {
    loop {
        let in_front = match rustix::termios::tcgetpgrp(stdin) {
            Ok(group) => group == rustix::process::getpgrp(),
            // It is no terminal of ours that could stop us.
            Err(Errno::NOTTY) => true,
            Err(gone) => return Err(gone),
        };
        keys::set();
        // How many bytes wait does not tell of Ctrl-D, which is none.
        let mut asked = [PollFd::new(stdin, PollFlags::IN)];
        match poll(&mut asked, Some(&Timespec::default())) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
        let found = asked[0].revents();
        if found.intersects(PollFlags::HUP | PollFlags::ERR) {
            return Err(Errno::IO);
        }
        if in_front && found.contains(PollFlags::IN) {
            return Ok(());
        }
        std::thread::sleep(GLANCE);
    }
}
