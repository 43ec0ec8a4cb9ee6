//! Which files are compared by checksum: drawn while rsync lists the source, in the same pass.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::itemize::{Item, What, decode};

/// Larger files are left out, so that a sample stays quick.
pub(super) const LARGEST_MIB: u64 = 64;

/// Paths of files, as rsync has them.
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
    by_time: BinaryHeap<Reverse<(Vec<u8>, Vec<u8>)>>,
    /// The largest number is on top: the files with the smallest ones are a random sample of all.
    by_number: BinaryHeap<(u64, Vec<u8>)>,
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
        }
    }

    /// Takes a file of the source into account.
    pub(super) fn see(&mut self, item: &Item<'_>) {
        if !item.regular || item.what == What::Extra || item.bytes > LARGEST_MIB << 20 {
            return;
        }
        // Of the files of one time, others are kept each day as well.
        let number = self.number(item.name);
        let as_new = self
            .by_time
            .peek()
            .is_none_or(|Reverse((time, _))| item.time >= &time[..]);
        if self.newest > 0 && (as_new || self.by_time.len() < self.newest) {
            self.by_time
                .push(Reverse((item.time.to_vec(), item.name.to_vec())));
            if self.by_time.len() > self.newest {
                self.by_time.pop();
            }
        }
        let small = self
            .by_number
            .peek()
            .is_none_or(|(largest, _)| number < *largest);
        if self.rest > 0 && (small || self.by_number.len() < self.rest) {
            self.by_number.push((number, item.name.to_vec()));
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

    /// What was drawn.
    pub(super) fn names(&self) -> Names {
        let newest = self.by_time.iter().map(|Reverse((_, name))| name);
        let rest = self.by_number.iter().map(|(_, name)| name);
        newest.chain(rest).map(|name| decode(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::itemize::{Line, line};
    use super::*;

    fn drawn(lines: &[String], newest: u64, rest: u64, salt: &str) -> Names {
        let mut draw = Draw::new(newest, rest, salt.to_owned());
        for text in lines {
            match line(text.as_bytes()) {
                Line::Item(item) => draw.see(&item),
                other => panic!("{other:?}"),
            }
        }
        draw.names()
    }

    fn files(count: u32) -> Vec<String> {
        (0..count)
            .map(|n| {
                format!(
                    "CUT .f          5 2026/11/22-15:{:02}:{:02} d/{n}",
                    n / 60 % 60,
                    n % 60
                )
            })
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
    fn only_files_of_the_source_that_are_small_enough_are_drawn() {
        let lines = [
            "CUT .d          4096 2026/11/22-15:24:56 d/",
            "CUT .L          3 2026/11/22-15:24:56 link",
            "CUT *deleting   0 1970/01/01-00:00:00 extra",
            "CUT .f          67108865 2026/11/22-15:24:56 large",
            r"CUT >f+++++++++ 67108864 2026/11/22-15:24:56 a\#012b",
        ];
        let lines = lines.map(str::to_owned);
        let names = drawn(&lines, 5, 5, "");
        assert_eq!(names.into_iter().collect::<Vec<_>>(), [b"a\nb"]);
        assert!(drawn(&files(100), 0, 0, "").is_empty());
    }
}
