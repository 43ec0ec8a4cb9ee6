//! Checksums of a few files on both sides: what a comparison by size and time cannot see.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::itemize::shown;
use super::stats::EXAMPLES;
use crate::event::{Cause, Unseen};

/// How the contents of the sampled files compare.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Sample {
    pub(super) source: String,
    pub(super) target: String,
    /// Files that were chosen at the source.
    pub(super) chosen: u64,
    /// Of those, files with the same size on both sides, whose contents were compared.
    pub(super) compared: u64,
    /// Of those, files with another time and the same content.
    pub(super) timed: u64,
    pub(super) other: u64,
    pub(super) first: Vec<String>,
    /// Files that one side could not read.
    pub(super) unread: u64,
    /// Files of the source that are too large to be compared so.
    pub(super) large: u64,
}

/// Prints size and time of all files that are named on standard input, their checksums, and size and time again, so
/// that a file which changes meanwhile is known. Argument: the folder. What is no file at one side is not opened: a pipe
/// would be emptied. Few programs for many files: each start of one costs more than most files do.
pub(super) const MEASURE: &str = r#"LC_ALL=C; export LC_ALL
cd -- "$1" || exit 3
xargs -0 -r sh -c 'for name; do
  shift
  if [ -f "$name" ]; then set -- "$@" "$name"; fi
done
[ $# -gt 0 ] || exit 0
{
  stat --printf "= %s %Y %n\0" -- "$@"
  sha256sum -z -- "$@"
  stat --printf "= %s %Y %n\0" -- "$@"
} 2>/dev/null; exit 0' sh
"#;

/// A file's size, time and checksum; no checksum where it could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Measured {
    size: u64,
    time: i64,
    sum: Option<[u8; 64]>,
}

/// Measured files, by name.
pub(super) type Files = BTreeMap<Vec<u8>, Measured>;

/// Reads what [`MEASURE`] printed. A file that changed or went meanwhile is left out.
pub(super) fn parse(host: &str, stdout: &[u8]) -> Result<Files, Unseen> {
    let body = match stdout {
        [] => return Ok(Files::new()),
        [body @ .., 0] => body,
        _ => return Err(garbled(host, b"cut off before its end")),
    };
    let (mut before, mut after) = (Stats::new(), Stats::new());
    let mut sums = BTreeMap::new();
    for record in body.split(|c| *c == 0) {
        match one(record).ok_or_else(|| garbled(host, record))? {
            Record::Stat(name, stat) if before.contains_key(name) => {
                after.insert(name, stat);
            }
            Record::Stat(name, stat) => {
                before.insert(name, stat);
            }
            Record::Sum(name, sum) => {
                sums.insert(name, sum);
            }
        }
    }
    let still = before
        .into_iter()
        .filter(|(name, stat)| after.get(name) == Some(stat));
    let measured = still.map(|(name, (size, time))| {
        let sum = sums.get(name).copied();
        (name.to_vec(), Measured { size, time, sum })
    });
    Ok(measured.collect())
}

fn garbled(host: &str, record: &[u8]) -> Unseen {
    let record = shown(record);
    let detail = format!("the checksums of `{host}` cannot be read: `{record}`");
    Unseen::new(Cause::Garbled, detail)
}

/// Sizes and times, by name.
type Stats<'a> = BTreeMap<&'a [u8], (u64, i64)>;

enum Record<'a> {
    Stat(&'a [u8], (u64, i64)),
    Sum(&'a [u8], [u8; 64]),
}

fn one(record: &[u8]) -> Option<Record<'_>> {
    let below = |path: &'_ [u8]| path.len() > 2 && path.starts_with(b"./");
    if let Some(stat) = record.strip_prefix(b"= ") {
        let mut parts = stat.splitn(3, |c| *c == b' ');
        let mut text = || std::str::from_utf8(parts.next()?).ok();
        let stat = (text()?.parse().ok()?, text()?.parse().ok()?);
        let path = parts.next().filter(|path| below(path))?;
        return Some(Record::Stat(&path[2..], stat));
    }
    let (sum, path) = record.split_first_chunk::<64>()?;
    let path = path.strip_prefix(b"  ").filter(|path| below(path))?;
    let is_sum = sum.iter().all(u8::is_ascii_hexdigit);
    is_sum.then_some(Record::Sum(&path[2..], *sum))
}

/// Names as a host is asked for them: none begins with what a program takes for an option, or for its standard input.
pub(super) fn asked<'a>(names: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for name in names {
        bytes.extend_from_slice(b"./");
        bytes.extend_from_slice(name);
        bytes.push(0);
    }
    bytes
}

/// Compares the contents of files of the same size; all else shows in the comparison of the trees. Times that differ
/// by no more than `window` seconds are the same. `chosen` were drawn, whether the source could measure them or not.
pub(super) fn compare(chosen: usize, source: &Files, target: &Files, window: u64) -> Sample {
    let mut sample = Sample {
        chosen: chosen as u64,
        ..Sample::default()
    };
    for (name, here) in source {
        let Some(there) = target.get(name).filter(|there| there.size == here.size) else {
            continue;
        };
        let timed = here.time.abs_diff(there.time) > window;
        let (Some(here), Some(there)) = (here.sum, there.sum) else {
            sample.unread += u64::from(!timed);
            continue;
        };
        if here == there {
            sample.compared += 1;
            sample.timed += u64::from(timed);
        } else if !timed {
            sample.compared += 1;
            sample.other += 1;
            if sample.first.len() < EXAMPLES {
                sample.first.push(shown(name));
            }
        }
    }
    sample
}

/// With 95 % confidence, fewer than this share of all files is bad (in percent) when none of `compared` was.
pub(super) fn bad_at_most(compared: u64) -> f64 {
    (1.0 - 0.05f64.powf(1.0 / compared.max(1) as f64)) * 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(c: char) -> String {
        c.to_string().repeat(64)
    }

    /// What is printed of one file, where it can be read and stays as it is.
    fn file(size: u64, time: i64, sum: Option<&str>, name: &str) -> String {
        let stat = format!("= {size} {time} ./{name}\0");
        let sum = sum.map(|sum| format!("{sum}  ./{name}\0"));
        format!("{stat}{}{stat}", sum.unwrap_or_default())
    }

    #[test]
    fn compares_only_what_counts_as_the_same() {
        let (a, b) = (sum('a'), sum('b'));
        let (a, b) = (Some(a.as_str()), Some(b.as_str()));
        let source = [
            file(1, 10, a, "same"),
            file(1, 10, a, "bad name"),
            file(2, 10, a, "size"),
            file(1, 11, a, "time"),
            file(1, 19, a, "only the time"),
            file(1, 10, a, "gone"),
            file(1, 10, None, "locked"),
        ];
        let target = [
            file(1, 10, a, "same"),
            file(1, 10, b, "bad name"),
            file(1, 10, b, "size"),
            file(1, 10, b, "time"),
            file(1, 10, a, "only the time"),
            file(1, 10, a, "locked"),
        ];
        let source = parse("p", source.concat().as_bytes()).unwrap();
        let target = parse("s", target.concat().as_bytes()).unwrap();
        let sample = compare(source.len(), &source, &target, 0);
        assert_eq!((sample.chosen, sample.compared, sample.other), (7, 3, 1));
        assert_eq!(
            (sample.timed, compare(7, &source, &target, 9).timed),
            (1, 0)
        );
        assert_eq!(compare(7, &source, &target, 1).other, 2);
        // What the source cannot measure was chosen all the same.
        let none = compare(7, &Files::new(), &Files::new(), 0);
        assert_eq!((none.chosen, none.compared), (7, 0));
        assert_eq!(
            (sample.unread, sample.first.as_slice()),
            (1, &["bad name".to_owned()][..])
        );
        assert!(asked(source.keys()).starts_with(b"./bad name\0./gone\0"));
    }

    #[test]
    fn leaves_out_what_changes_meanwhile() {
        let a = sum('a');
        let text = format!(
            "= 1 10 ./grows\0= 1 10 ./goes\0= 1 10 ./stays\0\
             {a}  ./grows\0{a}  ./goes\0{a}  ./stays\0= 2 10 ./grows\0= 1 10 ./stays\0"
        );
        let files = parse("p", text.as_bytes()).unwrap();
        assert_eq!(files.into_keys().collect::<Vec<_>>(), [b"stays"]);
    }

    #[test]
    fn refuses_what_it_cannot_read() {
        let a = sum('a');
        let whole = format!("{a}  ./a\0");
        assert!(parse("p", whole.as_bytes()).is_ok());
        for text in [
            &whole[..whole.len() - 1],
            "x\0",
            "abc  ./a\0",
            "= 1 10 ./\0",
            "= 1 10 a\0",
            "= 1 x ./a\0",
            &format!("{a}  a\0"),
            &format!("{a} *./a\0"),
            &format!("{}  ./a\0", sum('x')),
        ] {
            let unseen = parse("p", text.as_bytes()).unwrap_err();
            assert_eq!(unseen.cause, Cause::Garbled, "{text}");
        }
        assert_eq!(parse("p", b"").unwrap().len(), 0);
    }

    #[test]
    fn says_what_a_sample_proves() {
        assert!((bad_at_most(299) - 1.0).abs() < 0.01);
        assert!((bad_at_most(2_995) - 0.1).abs() < 0.001);
    }
}
