//! The way from indicatif to a terminal, on which a terminal that is gone cannot end the program.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::TermLike;

/// Columns and rows, asked for at each drawing, since a window can be resized.
pub type Size = Box<dyn Fn() -> (u16, u16) + Send + Sync>;

/// Writes control sequences to any writer.
///
/// indicatif panics on some errors of its terminal, and again while it cleans up, which aborts the whole
/// process. So it never hears of one: the first error is kept for [`Terminal::check`], and nothing is
/// written after it.
pub(super) struct Terminal<W> {
    inner: Arc<Mutex<Inner<W>>>,
    size: Arc<Size>,
}

struct Inner<W> {
    to: W,
    /// What is written until the next flush, so that a drawing appears at once.
    pending: Vec<u8>,
    failed: Option<io::Error>,
}

impl<W: Write + Send> Terminal<W> {
    pub(super) fn new(to: W, size: Size) -> Terminal<W> {
        Terminal {
            inner: Arc::new(Mutex::new(Inner {
                to,
                pending: Vec::new(),
                failed: None,
            })),
            size: Arc::new(size),
        }
    }

    /// The error that ended it, if one did.
    pub(super) fn check(&self) -> io::Result<()> {
        match &self.lock().failed {
            Some(error) => Err(io::Error::new(error.kind(), error.to_string())),
            None => Ok(()),
        }
    }

    /// No code runs under the lock that could leave it half done.
    fn lock(&self) -> MutexGuard<'_, Inner<W>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, text: &str) {
        let mut inner = self.lock();
        if inner.failed.is_none() {
            inner.pending.extend_from_slice(text.as_bytes());
        }
    }

    pub(super) fn send(&self) {
        let mut inner = self.lock();
        let pending = std::mem::take(&mut inner.pending);
        if inner.failed.is_none() {
            let sent = inner.to.write_all(&pending).and_then(|()| inner.to.flush());
            inner.failed = sent.err();
        }
    }

    fn move_by(&self, n: usize, direction: char) -> io::Result<()> {
        if n > 0 {
            self.push(&format!("\x1b[{n}{direction}"));
        }
        Ok(())
    }
}

impl<W> Clone for Terminal<W> {
    fn clone(&self) -> Terminal<W> {
        Terminal {
            inner: self.inner.clone(),
            size: self.size.clone(),
        }
    }
}

impl<W> fmt::Debug for Terminal<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal").finish_non_exhaustive()
    }
}

impl<W: Write + Send> TermLike for Terminal<W> {
    fn width(&self) -> u16 {
        (self.size)().0.max(1)
    }

    fn height(&self) -> u16 {
        (self.size)().1.max(1)
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.move_by(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.move_by(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.move_by(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.move_by(n, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.push(text);
        self.push("\n");
        Ok(())
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.push(text);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.push("\r\x1b[2K");
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        // The cursor waits where the line begins: what is typed there, or `^C`, wraps into no other row, and the
        // next drawing covers it.
        self.push("\r");
        self.send();
        Ok(())
    }
}
