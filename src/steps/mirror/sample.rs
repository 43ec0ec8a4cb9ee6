//! Checksums of a few files on both sides: what a comparison by size and time cannot see.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::itemize::shown;
use super::stats::EXAMPLES;
use crate::event::{Cause, Unseen};

/// Larger files are left out, so that a sample stays quick.
pub(super) const LARGEST: &str = "64 MiB";

/// How the contents of the sampled files compare.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Sample {
    pub(super) source: String,
    pub(super) target: String,
    /// Files that were chosen at the source.
    pub(super) chosen: u64,
    /// Of those, files with the same size and time on both sides, whose contents were compared.
    pub(super) compared: u64,
    pub(super) other: u64,
    pub(super) first: Vec<String>,
    /// Files that one side could not read.
    pub(super) unread: u64,
}

/// Chooses files at the source and prints `size time sha256 name\0` for each. Arguments: the folder, how
/// many of the newest, how many of the rest, and 16 bytes or more that decide which of the rest: the same
/// bytes choose the same names, so that looking again cannot find a luckier sample.
pub(super) const CHOOSE: &str = r#"LC_ALL=C; export LC_ALL
cd -- "$1" || exit 3
files() {
  find . \( -name .~tmp~ -o -path ./project/trace \) -prune -o -type f -size -65536k \
    ! -name '.*.??????' ! -path './Archive-Update-*' -printf "$1" 2>/dev/null
}
{
  files '%T@ %P\0' | sort -zrn | head -zn "$2" | cut -zd' ' -f2-
  files '%P\0' | sort -zR --random-source=/dev/fd/3 3<<END | head -zn "$3"
$4
END
} | sort -zu | "#;

/// Prints the same of the files that are named on standard input. Argument: the folder.
pub(super) const NAMED: &str = r#"LC_ALL=C; export LC_ALL
cd -- "$1" || exit 3
"#;

/// The end of both.
pub(super) const MEASURE: &str = r#"xargs -0 -r sh -c 'for f do
  s=$(stat -c "%s %Y" -- "$f" 2>/dev/null) || continue
  h=$(sha256sum 2>/dev/null < "$f") || h=-
  printf "%s %s %s\0" "$s" "${h%% *}" "$f"
done' sh
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

/// Reads what [`MEASURE`] printed.
pub(super) fn parse(host: &str, stdout: &[u8]) -> Result<Files, Unseen> {
    let mut files = Files::new();
    let body = match stdout {
        [] => return Ok(files),
        [body @ .., 0] => body,
        _ => return Err(garbled(host, b"cut off before its end")),
    };
    for record in body.split(|c| *c == 0) {
        let (name, measured) = one(record).ok_or_else(|| garbled(host, record))?;
        files.insert(name.to_vec(), measured);
    }
    Ok(files)
}

fn garbled(host: &str, record: &[u8]) -> Unseen {
    let record = shown(record);
    let detail = format!("the checksums of `{host}` cannot be read: `{record}`");
    Unseen::new(Cause::Garbled, detail)
}

fn one(record: &[u8]) -> Option<(&[u8], Measured)> {
    let mut parts = record.splitn(4, |c| *c == b' ');
    let mut text = || std::str::from_utf8(parts.next()?).ok();
    let (size, time, sum) = (text()?, text()?, text()?);
    let name = parts.next().filter(|name| !name.is_empty())?;
    let sum = match sum {
        "-" => None,
        sum => Some(sum.as_bytes().try_into().ok()?),
    };
    let measured = Measured {
        size: size.parse().ok()?,
        time: time.parse().ok()?,
        sum,
    };
    Some((name, measured))
}

/// Names as the target is asked for them.
pub(super) fn names(files: &Files) -> Vec<u8> {
    let mut bytes = Vec::new();
    for name in files.keys() {
        bytes.extend_from_slice(name);
        bytes.push(0);
    }
    bytes
}

/// Compares what counts as the same for rsync; all else shows in the comparison of the trees.
pub(super) fn compare(source: &Files, target: &Files) -> Sample {
    let mut sample = Sample {
        chosen: source.len() as u64,
        ..Sample::default()
    };
    for (name, here) in source {
        let Some(there) = target.get(name) else {
            continue;
        };
        if (here.size, here.time) != (there.size, there.time) {
            continue;
        }
        let (Some(here), Some(there)) = (here.sum, there.sum) else {
            sample.unread += 1;
            continue;
        };
        sample.compared += 1;
        if here != there {
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

    #[test]
    fn compares_only_what_counts_as_the_same() {
        let (a, b) = (sum('a'), sum('b'));
        let source = format!(
            "1 10 {a} same\x001 10 {a} bad name\x002 10 {a} size\x001 11 {a} time\x001 10 {a} gone\x001 10 - locked\x00"
        );
        let target = format!(
            "1 10 {a} same\x001 10 {b} bad name\x001 10 {b} size\x001 10 {b} time\x001 10 {a} locked\x00"
        );
        let source = parse("p", source.as_bytes()).unwrap();
        let target = parse("s", target.as_bytes()).unwrap();
        let sample = compare(&source, &target);
        assert_eq!((sample.chosen, sample.compared, sample.other), (6, 2, 1));
        assert_eq!(
            (sample.unread, sample.first.as_slice()),
            (1, &["bad name".to_owned()][..])
        );
        assert!(names(&source).starts_with(b"bad name\0gone\0"));
    }

    #[test]
    fn refuses_what_it_cannot_read() {
        let good = format!("1 10 {} a", sum('a'));
        for text in [
            good.as_str(),
            "x\0",
            "1 10 abc a\0",
            "1 10 - \0",
            "1 x - a\0",
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
