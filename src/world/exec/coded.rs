//! Reads what [`CODER`](super::script::CODER) prints: the outputs of a program, piece by piece, out of whatever else
//! a session prints.

use data_encoding::{BASE64, HEXLOWER};

use super::envelope::{Mark, NOISE};

/// The longest line that may hold a piece, in bytes: the coder takes 64 KiB at a time.
const LONGEST: usize = 256 << 10;

/// One stream of a session.
#[derive(Debug)]
pub(super) struct Coded {
    mark: String,
    line: Vec<u8>,
    /// The number of the next piece of each output.
    next: [usize; 2],
    /// What else was printed.
    pub(super) noise: Vec<u8>,
    /// Whether a piece came that is not whole, or not the next one.
    pub(super) spoiled: bool,
}

/// Whose piece it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Out,
    Err,
}

impl Coded {
    pub(super) fn new(mark: &Mark) -> Coded {
        Coded {
            mark: mark.as_str().to_owned(),
            line: Vec::new(),
            next: [0; 2],
            noise: Vec::new(),
            spoiled: false,
        }
    }

    /// Takes what came, and hands over what the program printed.
    pub(super) fn take(&mut self, chunk: &[u8], own: &mut impl FnMut(Whose, &[u8])) {
        for part in chunk.split_inclusive(|byte| *byte == b'\n') {
            let fits = part.len().min(LONGEST - self.line.len());
            self.line.extend_from_slice(&part[..fits]);
            if part.ends_with(b"\n") {
                self.close(own);
            }
        }
    }

    /// The end of a line.
    pub(super) fn close(&mut self, own: &mut impl FnMut(Whose, &[u8])) {
        let line = std::mem::take(&mut self.line);
        match piece(&self.mark, &line) {
            None => {
                let room = line.len().min(NOISE - self.noise.len());
                self.noise.extend_from_slice(&line[..room]);
            }
            Some(Some((whose, n, bytes))) if n == self.next[whose as usize] => {
                self.next[whose as usize] += 1;
                own(whose, &bytes);
            }
            Some(_) => self.spoiled = true,
        }
    }
}

/// The piece in a line. None: there is none; and none in it: it is not whole. What stands before a piece, such as the
/// time or the end of a line that was not ended, is not ours, nor is the carriage return that a terminal puts behind.
fn piece(mark: &str, line: &[u8]) -> Option<Option<(Whose, usize, Vec<u8>)>> {
    let line = String::from_utf8_lossy(line);
    let (_, behind) = line.rsplit_once(mark)?;
    let mut words = behind.strip_prefix(' ')?.split_ascii_whitespace();
    let whose = match words.next()? {
        "out" => Whose::Out,
        "err" => Whose::Err,
        _ => return None,
    };
    let n: usize = words.next()?.parse().ok()?;
    let (way, length) = (words.next(), words.next());
    let words: Vec<&str> = words.collect();
    let (text, gaps) = (words.concat(), words.len().saturating_sub(1));
    let whole = length.and_then(|length| length.parse().ok()) == Some(text.len() + gaps);
    let bytes = match way {
        Some("64") => BASE64.decode(text.as_bytes()).ok(),
        Some("16") => HEXLOWER.decode(text.as_bytes()).ok(),
        _ => None,
    };
    Some(bytes.filter(|_| whole).map(|bytes| (whose, n, bytes)))
}
