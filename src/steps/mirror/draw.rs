//! Which files are compared by checksum: drawn from a list of the source's files, which goes beside the comparison.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Larger files are left out, so that a sample stays quick.
pub(super) const LARGEST_MIB: u64 = 64;

/// Prints when each file below some folders was written, its size and its name; also of what lies at the top with a name
/// in `.txt`, where not all of the folder is asked for. What cannot be read is told by the comparison. An end of a line
/// in a name becomes another control character, which stands for it.
pub(super) const LIST: &str = r#"LC_ALL=C; export LC_ALL
cd -- "$1" || exit 3
shift
{
  find "$@" -ignore_readdir_race -type f -printf '%T@ %s %p\0' 2>/dev/null
  [ "$1" = . ] || find . -maxdepth 1 -name '*.txt' -type f -printf '%T@ %s %p\0'
  printf 'end\0'
} | tr '\n\0' '\001\n'
"#;

/// A file of the source.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct File {
    /// When it was written, in seconds since 1970.
    pub(super) time: i64,
    pub(super) bytes: u64,
    pub(super) name: Vec<u8>,
}

/// Reads a line of what [`LIST`] prints.
pub(super) fn listed(line: &[u8]) -> Option<File> {
    let mut parts = line.splitn(3, |c| *c == b' ');
    let mut text = || std::str::from_utf8(parts.next()?).ok();
    let time = text()?.split('.').next()?.parse().ok()?;
    let bytes = text()?.parse().ok()?;
    let name = parts.next()?.strip_prefix(b"./")?;
    let name = name.iter().map(|c| if *c == 1 { b'\n' } else { *c });
    Some(File {
        time,
        bytes,
        name: name.collect(),
    })
}

/// Paths of files below the folder.
pub(super) type Names = BTreeSet<Vec<u8>>;

/// A draw of so many of the newest files, and so many of the rest. It keeps no more than those.
///
/// The salt decides which of the rest: the same salt chooses the same names, whatever else is listed and in whichever
/// order, so that looking again cannot find a luckier sample.
#[derive(Debug)]
pub(super) struct Draw {
    salt: String,
    newest: usize,
    rest: usize,
    /// The oldest of the newest is on top; of the same time, the name that comes first.
    by_time: BinaryHeap<Reverse<(i64, Vec<u8>)>>,
    /// The largest number is on top: the files with the smallest ones are a random sample of all.
    by_number: BinaryHeap<(u64, Vec<u8>)>,
    large: u64,
}

impl Draw {
    pub(super) fn new(newest: u64, rest: u64, salt: String) -> Draw {
        let count = |count| usize::try_from(count).unwrap_or(usize::MAX);
        Draw {
            salt,
            newest: count(newest),
            rest: count(rest),
            by_time: BinaryHeap::new(),
            by_number: BinaryHeap::new(),
            large: 0,
        }
    }

    /// Takes a file of the source into account.
    pub(super) fn see(&mut self, file: &File) {
        if file.bytes > LARGEST_MIB << 20 {
            self.large += 1;
            return;
        }
        // Of the files of one time, others are kept each day as well.
        let number = self.number(&file.name);
        let as_new = self
            .by_time
            .peek()
            .is_none_or(|Reverse((time, _))| file.time >= *time);
        if self.newest > 0 && (as_new || self.by_time.len() < self.newest) {
            self.by_time.push(Reverse((file.time, file.name.clone())));
            if self.by_time.len() > self.newest {
                self.by_time.pop();
            }
        }
        let small = self
            .by_number
            .peek()
            .is_none_or(|(largest, _)| number < *largest);
        if self.rest > 0 && (small || self.by_number.len() < self.rest) {
            self.by_number.push((number, file.name.clone()));
            if self.by_number.len() > self.rest {
                self.by_number.pop();
            }
        }
    }

    fn number(&self, name: &[u8]) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.salt.hash(&mut hasher);
        name.hash(&mut hasher);
        hasher.finish()
    }

    /// How many files were left out, as they are too large.
    pub(super) fn large(&self) -> u64 {
        self.large
    }

    /// What was drawn.
    pub(super) fn names(&self) -> Names {
        let newest = self.by_time.iter().map(|Reverse((_, name))| name);
        let rest = self.by_number.iter().map(|(_, name)| name);
        newest.chain(rest).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(lines: &[String], newest: u64, rest: u64, salt: &str) -> Names {
        let mut draw = Draw::new(newest, rest, salt.to_owned());
        for text in lines {
            draw.see(&listed(text.as_bytes()).unwrap());
        }
        draw.names()
    }

    fn files(count: u32) -> Vec<String> {
        (0..count)
            .map(|n| format!("{}.5000000000 5 ./d/{n}", 1_764_000_000 + n % 3600))
            .collect()
    }

    #[test]
    fn the_same_salt_draws_the_same_names_in_any_order() {
        let all = files(1000);
        let mut back = all.clone();
        back.reverse();
        let names = drawn(&all, 5, 20, "today");
        assert_eq!(drawn(&back, 5, 20, "today"), names);
        assert!((20..=25).contains(&names.len()), "{}", names.len());
        for n in 995..1000 {
            assert!(names.contains(format!("d/{n}").as_bytes()), "{n}");
        }
        let other = drawn(&all, 5, 20, "tomorrow");
        assert!(other.intersection(&names).count() < 15);
        // What else is there changes nothing but its own place.
        let fewer: Vec<String> = (all.iter().enumerate())
            .filter(|(n, _)| n % 2 == 0 || names.contains(format!("d/{n}").as_bytes()))
            .map(|(_, line)| line.clone())
            .collect();
        assert_eq!(drawn(&fewer, 5, 20, "today"), names);
    }

    #[test]
    fn each_file_is_drawn_as_often_as_another() {
        let all = files(100);
        let mut counts = vec![0; 100];
        for day in 0..1000 {
            for name in drawn(&all, 0, 10, &day.to_string()) {
                let n: usize = String::from_utf8_lossy(&name)[2..].parse().unwrap();
                counts[n] += 1;
            }
        }
        assert_eq!(counts.iter().sum::<i32>(), 10_000);
        assert!(
            counts.iter().all(|count| (60..=140).contains(count)),
            "{counts:?}"
        );
    }

    #[test]
    fn a_line_of_the_list_is_read_as_it_is_and_large_files_are_left_out() {
        let file = listed(b"1764000000.1234567890 12 ./a b/\x01c ./d").unwrap();
        let expected = File {
            time: 1_764_000_000,
            bytes: 12,
            name: b"a b/\nc ./d".to_vec(),
        };
        assert_eq!(file, expected);
        let old = listed(b"-5.0000000000 0 ./a").unwrap();
        assert_eq!((old.time, old.bytes), (-5, 0));
        for line in [
            &b"end"[..],
            b"",
            b"1.0 2 a",
            b"1.0 x ./a",
            b"x 2 ./a",
            b"1.0 2",
        ] {
            assert_eq!(listed(line), None, "{line:?}");
        }
        let lines = ["1.0 67108865 ./large", "1.0 67108864 ./small"];
        let names = drawn(&lines.map(str::to_owned), 5, 5, "");
        assert_eq!(names.into_iter().collect::<Vec<_>>(), [b"small"]);
        assert!(drawn(&files(100), 0, 0, "").is_empty());
        let mut draw = Draw::new(5, 5, String::new());
        let all = lines.iter().filter_map(|line| listed(line.as_bytes()));
        all.for_each(|file| draw.see(&file));
        assert_eq!(draw.large(), 1);
    }

    #[test]
    fn the_newest_are_so_by_number() {
        let lines = [
            "999999999.0 1 ./old",
            "1764000000.0 1 ./new",
            "-1.0 1 ./older",
        ];
        let names = drawn(&lines.map(str::to_owned), 1, 0, "");
        assert_eq!(names.into_iter().collect::<Vec<_>>(), [b"new"]);
    }
}
