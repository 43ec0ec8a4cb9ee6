//! Reads one line of `rsync --out-format='CUT %i %l %n' --stats`, and rsync's way of writing names.

/// What our item lines begin with, so that they can be told from whatever else rsync prints.
pub(super) const MARK: &str = "CUT ";

/// The format that is asked for: what would happen, length, name.
pub(super) const FORMAT: &str = "CUT %i %l %n";

/// What one line of standard output says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Item(Item<'a>),
    /// A line of the `--stats` block that we use.
    Files {
        all: u64,
        regular: Option<u64>,
    },
    Bytes(u64),
    /// A line of the `--stats` block that we do not use, or an empty one.
    Summary,
    /// The destination is not there: the dry run would make it.
    Created,
    /// The source could not be read in full, and deletions are no longer reported.
    DeletionSkipped,
    /// A socket, pipe or device, which is not compared.
    Special,
    /// An extra directory that holds excluded files; it has a line of its own as well.
    KeptDirectory,
    /// None of the lines that are known.
    Strange,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item<'a> {
    pub(super) what: What,
    pub(super) directory: bool,
    /// Another owner or group.
    pub(super) owner: bool,
    /// Zero for extras: rsync does not say how large they are.
    pub(super) bytes: u64,
    /// As rsync wrote it; see [`decode`].
    pub(super) name: &'a [u8],
}

/// What differs, or that nothing does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Only the source has it.
    Missing,
    /// Both have it, and its size (or the aim of a link) is not the same.
    Stale,
    /// Both have it, a file of the same size with another time: its content may be the same.
    Timed,
    /// The content counts as the same; the mode is not.
    Metadata,
    /// A link or a folder, of which the time alone is not the same.
    Aged,
    /// All but the owner or the group is the same.
    Owner,
    /// Only the target has it.
    Extra,
}

/// Reads one line, without its newline.
pub(super) fn line(text: &[u8]) -> Line<'_> {
    if let Some(rest) = text.strip_prefix(MARK.as_bytes()) {
        return item(rest).map_or(Line::Strange, Line::Item);
    }
    let Ok(text) = std::str::from_utf8(text) else {
        return note(text);
    };
    let text = text.trim_end();
    if let Some(rest) = text.strip_prefix("Number of files: ") {
        return files(rest).unwrap_or(Line::Strange);
    }
    if let Some(rest) = text.strip_prefix("Total file size: ") {
        return number(rest).map_or(Line::Strange, Line::Bytes);
    }
    if text.is_empty() || SUMMARY.iter().any(|begin| text.starts_with(begin)) {
        return Line::Summary;
    }
    note(text.as_bytes())
}

const SUMMARY: &[&str] = &[
    "Number of created files: ",
    "Number of deleted files: ",
    "Number of regular files transferred: ",
    "Number of files transferred: ",
    "Total transferred file size: ",
    "Literal data: ",
    "Matched data: ",
    "File list size: ",
    "File list generation time: ",
    "File list transfer time: ",
    "Total bytes sent: ",
    "Total bytes received: ",
    "sent ",
    "total size is ",
];

fn note(text: &[u8]) -> Line<'static> {
    if text.starts_with(b"created directory ") || text.starts_with(b"created 1 directory for ") {
        Line::Created
    } else if text.starts_with(b"IO error encountered") {
        Line::DeletionSkipped
    } else if text.starts_with(b"skipping non-regular file ") {
        Line::Special
    } else if text.starts_with(b"cannot delete non-empty directory: ") {
        Line::KeptDirectory
    } else {
        Line::Strange
    }
}

/// `11 (reg: 4, dir: 5, link: 1, special: 1)`, or only the sum from an old rsync.
fn files(text: &str) -> Option<Line<'static>> {
    let all = number(text)?;
    let regular = match text.split_once('(') {
        None => None,
        Some((_, parts)) => Some(match parts.split_once("reg: ") {
            None => 0,
            Some((_, count)) => number(count)?,
        }),
    };
    Some(Line::Files { all, regular })
}

/// The number that a text begins with; thousands may be set apart by commas or dots.
fn number(text: &str) -> Option<u64> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != ',' && c != '.')
        .unwrap_or(text.len());
    let digits: String = text[..end].chars().filter(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn item(text: &[u8]) -> Option<Item<'_>> {
    let (code, rest) = text.split_at_checked(11)?;
    let rest = rest.strip_prefix(b" ")?;
    let (bytes, name) = word(rest)?;
    let bytes = std::str::from_utf8(bytes).ok()?.parse().ok()?;
    if name.is_empty() {
        return None;
    }
    let owner = code[6] == b'o' || code[7] == b'g';
    let (what, directory) = if code.starts_with(b"*deleting") {
        (What::Extra, name.ends_with(b"/"))
    } else {
        let directory = code[1] == b'd';
        if !matches!(code[1], b'f' | b'd' | b'L' | b'D' | b'S') {
            return None;
        }
        let what = match code[0] {
            b'<' | b'>' | b'c' | b'h' if code[2..].iter().all(|c| *c == b'+') => What::Missing,
            b'<' | b'>' if code[1] == b'f' && code[2..5] == *b"..t" => What::Timed,
            b'<' | b'>' | b'c' | b'h' => What::Stale,
            b'.' if code[2..6].iter().all(|c| matches!(c, b'.' | b' ')) && owner => What::Owner,
            b'.' if code[2..6] == *b"..t." => What::Aged,
            b'.' => What::Metadata,
            _ => return None,
        };
        (what, directory)
    };
    Some(Item {
        what,
        directory,
        owner: owner && !matches!(what, What::Missing | What::Extra),
        bytes,
        name,
    })
}

fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|c| *c == b' ')?;
    Some((&text[..at], &text[at + 1..]))
}

/// The bytes of a name: `\#ooo` stands for one byte, and nothing else is escaped.
pub(super) fn decode(name: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((first, tail)) = rest.split_first() {
        let octal = rest
            .strip_prefix(br"\#")
            .and_then(|digits| digits.first_chunk::<3>())
            .filter(|digits| digits.iter().all(|d| (b'0'..=b'7').contains(d)))
            .map(|digits| {
                digits
                    .iter()
                    .fold(0u32, |sum, d| sum * 8 + u32::from(d - b'0'))
            });
        match octal.and_then(|value| u8::try_from(value).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &rest[5..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    bytes
}

/// Text from a far side, safe on a terminal: control, direction and invalid bytes are spelled out, and it
/// is never long.
pub(super) fn shown(bytes: &[u8]) -> String {
    const LONGEST: usize = 200;
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() || misleads(c) {
                text.extend(c.escape_unicode());
            } else {
                text.push(c);
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
        if text.len() > LONGEST {
            let end = text.floor_char_boundary(LONGEST);
            text.truncate(end);
            text.push('…');
            break;
        }
    }
    text
}

/// Characters that print nothing or turn the direction of what follows.
fn misleads(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_shape_of_an_item() {
        use What::{Aged, Extra, Metadata, Missing, Owner, Stale, Timed};
        let cases: &[(&str, What, bool, u64, &str)] = &[
            (
                "CUT >f+++++++++ 2 dists/Release",
                Missing,
                false,
                2,
                "dists/Release",
            ),
            ("CUT <f+++++++++ 2 a b", Missing, false, 2, "a b"),
            (
                "CUT cd+++++++++ 4096 pool/y/",
                Missing,
                true,
                4096,
                "pool/y/",
            ),
            ("CUT cL+++++++++ 1 l -> m", Missing, false, 1, "l -> m"),
            ("CUT cS+++++++++ 0 fifo", Missing, false, 0, "fifo"),
            ("CUT hf+++++++++ 9 h2", Missing, false, 9, "h2"),
            ("CUT >f.s....... 7 size", Stale, false, 7, "size"),
            ("CUT >f..t...... 7 time", Timed, false, 7, "time"),
            (
                "CUT <f..tp..... 7 time and mode",
                Timed,
                false,
                7,
                "time and mode",
            ),
            (
                "CUT >fc.t...... 7 sum and time",
                Stale,
                false,
                7,
                "sum and time",
            ),
            ("CUT >fc........ 7 sum", Stale, false, 7, "sum"),
            ("CUT cLc........ 1 link", Stale, false, 1, "link"),
            ("CUT .f...p..... 7 perm", Metadata, false, 7, "perm"),
            ("CUT .f....og... 7 owner", Owner, false, 7, "owner"),
            ("CUT .d.....g... 4096 dir/", Owner, true, 4096, "dir/"),
            ("CUT .f...po.... 7 both", Metadata, false, 7, "both"),
            ("CUT >f.s..o.... 7 all", Stale, false, 7, "all"),
            ("CUT .d..t...... 4096 dir/", Aged, true, 4096, "dir/"),
            ("CUT .L..t...... 4 link", Aged, false, 4, "link"),
            ("CUT .L..tp..... 4 link", Metadata, false, 4, "link"),
            ("CUT *deleting   0 gone/f", Extra, false, 0, "gone/f"),
            ("CUT *deleting   0 gone/", Extra, true, 0, "gone/"),
        ];
        for (text, what, directory, bytes, name) in cases {
            let Line::Item(item) = line(text.as_bytes()) else {
                panic!("no item: {text}")
            };
            assert_eq!(
                (item.what, item.directory, item.bytes, item.name),
                (*what, *directory, *bytes, name.as_bytes()),
                "{text}"
            );
            let owner = text[9..15].contains(['o', 'g']) && *what != Extra;
            assert_eq!(item.owner, owner, "{text}");
        }
    }

    #[test]
    fn whatever_is_not_known_is_strange() {
        for text in [
            "CUT ",
            "CUT >f+++++++++",
            "CUT >f+++++++++ x a",
            "CUT >f+++++++++ 2 ",
            "CUT ?f+++++++++ 2 a",
            "CUT >x+++++++++ 2 a",
            "Welcome to primary!",
            ">f+++++++++ a",
            "Number of files: many",
            "file has vanished: \"/srv/a\"",
        ] {
            assert_eq!(line(text.as_bytes()), Line::Strange, "{text}");
        }
        assert_eq!(line(b"\xff\xfe"), Line::Strange);
    }

    #[test]
    fn reads_the_statistics_and_the_notes() {
        let cases = [
            (
                "Number of files: 11 (reg: 4, dir: 5, link: 1)",
                Line::Files {
                    all: 11,
                    regular: Some(4),
                },
            ),
            (
                "Number of files: 1 (dir: 1)",
                Line::Files {
                    all: 1,
                    regular: Some(0),
                },
            ),
            (
                "Number of files: 11",
                Line::Files {
                    all: 11,
                    regular: None,
                },
            ),
            (
                "Number of files: 1,234,567 (reg: 1,000,000, dir: 234,567)",
                Line::Files {
                    all: 1_234_567,
                    regular: Some(1_000_000),
                },
            ),
            ("Total file size: 9 bytes", Line::Bytes(9)),
            ("", Line::Summary),
            ("total size is 9  speedup is 0.02 (DRY RUN)", Line::Summary),
            ("created directory /srv/x", Line::Created),
            (
                "IO error encountered -- skipping file deletion",
                Line::DeletionSkipped,
            ),
            ("skipping non-regular file \"fifo\"", Line::Special),
            (
                "cannot delete non-empty directory: p/ed",
                Line::KeptDirectory,
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(line(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn decodes_names_and_shows_them_without_harm() {
        let cases: &[(&[u8], &[u8], &str)] = &[
            (br"n\#012l", b"n\nl", r"n\u{a}l"),
            (br"\#033[31m", b"\x1b[31m", r"\u{1b}[31m"),
            (br"\#134#012", br"\#012", r"\#012"),
            (br"a\b", br"a\b", r"a\b"),
            (br"\#377", b"\xff", r"\xff"),
            (br"\#777", br"\#777", r"\#777"),
            (br"\#0", br"\#0", r"\#0"),
            ("é".as_bytes(), "é".as_bytes(), "é"),
            (
                "a\u{202e}b".as_bytes(),
                "a\u{202e}b".as_bytes(),
                r"a\u{202e}b",
            ),
        ];
        for (written, bytes, text) in cases {
            assert_eq!(decode(written), *bytes);
            assert_eq!(shown(&decode(written)), *text);
        }
        assert!(shown(&[b'a'; 5000]).len() < 250);
    }
}
