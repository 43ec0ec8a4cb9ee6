//! Debian's order of versions: `[epoch:]upstream[-revision]`, as dpkg compares them.

use std::cmp::Ordering;

/// Compares two versions the way `dpkg --compare-versions` does.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (split(a), split(b));
    digits(a.0, b.0)
        .then_with(|| part(a.1, b.1))
        .then_with(|| part(a.2, b.2))
}

/// Epoch, upstream version and revision; what is absent counts as `0` or as nothing, which is the same.
fn split(version: &str) -> (&[u8], &[u8], &[u8]) {
    let (epoch, rest) = version.split_once(':').unwrap_or(("", version));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (epoch.as_bytes(), upstream.as_bytes(), revision.as_bytes())
}

/// Compares by turns what is not a digit, and digits as a number.
fn part(mut a: &[u8], mut b: &[u8]) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        let (word_a, rest_a) = a.split_at(run(a, |c| !c.is_ascii_digit()));
        let (word_b, rest_b) = b.split_at(run(b, |c| !c.is_ascii_digit()));
        let (number_a, tail_a) = rest_a.split_at(run(rest_a, |c| c.is_ascii_digit()));
        let (number_b, tail_b) = rest_b.split_at(run(rest_b, |c| c.is_ascii_digit()));
        let order = words(word_a, word_b).then_with(|| digits(number_a, number_b));
        if order.is_ne() {
            return order;
        }
        (a, b) = (tail_a, tail_b);
    }
    Ordering::Equal
}

fn run(text: &[u8], belongs: fn(&u8) -> bool) -> usize {
    text.iter().take_while(|c| belongs(c)).count()
}

/// Letters sort before all other signs, the end before letters, and `~` before the end.
fn words(a: &[u8], b: &[u8]) -> Ordering {
    let weight = |c: Option<&u8>| match c {
        Some(b'~') => -1,
        None => 0,
        Some(c) if c.is_ascii_alphabetic() => i32::from(*c),
        Some(c) => i32::from(*c) + 256,
    };
    (0..a.len().max(b.len()))
        .map(|at| weight(a.get(at)).cmp(&weight(b.get(at))))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Numbers of any length; no digits are zero.
fn digits(a: &[u8], b: &[u8]) -> Ordering {
    let (a, b) = (significant(a), significant(b));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn significant(digits: &[u8]) -> &[u8] {
    &digits[run(digits, |c| *c == b'0')..]
}

/// Whether the text can be a version: nothing in it has a meaning for a shell or a terminal.
pub(super) fn is_version(text: &str) -> bool {
    let sign = |c: char| c.is_ascii_alphanumeric() || ".+-~:_".contains(c);
    !text.is_empty() && text.len() <= 200 && text.chars().all(sign)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use proptest::prelude::*;
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;

    use super::*;

    #[test]
    fn follows_the_order_of_debian() {
        let ascending = [
            ("1.0~rc1", "1.0"),
            ("1.0~~", "1.0~"),
            ("1.0~", "1.0"),
            ("1.0", "1.0a"),
            ("1.0a", "1.0+"),
            ("1.0", "1.0-1"),
            ("1.0-1", "1.0-1+b1"),
            ("1.0-1~bpo12+1", "1.0-1"),
            ("1.9", "1.10"),
            ("2.0", "1:1.0"),
            ("1:1.0", "2:0"),
            ("1.0-1", "1.0-1.1"),
            ("1.2.3-1", "1.2.3-1ubuntu1"),
            ("8.2.7-1~deb12u1", "8.2.7-1"),
            ("1-1-1", "1-1-2"),
            ("1.a", "1.+"),
            ("99999999999999999999998", "99999999999999999999999"),
        ];
        for (a, b) in ascending {
            assert_eq!(compare(a, b), Ordering::Less, "{a} {b}");
            assert_eq!(compare(b, a), Ordering::Greater, "{b} {a}");
        }
        let equal = [
            ("2.3.3~dfsg-2", "2.3.3~dfsg0-2"),
            ("0:1.0", "1.0"),
            ("1.0-0", "1.0"),
            ("1.00", "1.0"),
            ("1.0-01", "1.0-1"),
            ("a", "a0"),
        ];
        for (a, b) in equal {
            assert_eq!(compare(a, b), Ordering::Equal, "{a} {b}");
        }
    }

    proptest! {
        #[test]
        fn is_an_order(a in version(), b in version(), c in version()) {
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
            if compare(&a, &b).is_le() && compare(&b, &c).is_le() {
                prop_assert!(compare(&a, &c).is_le());
            }
        }
    }

    fn version() -> impl Strategy<Value = String> {
        "([0-9]:)?[0-9][0-9a-c.+~]{0,5}(-[0-9a-c.+~]{1,4})?"
    }

    /// Holds the order against dpkg's own, one shell for all pairs; where there is no dpkg, there is nothing
    /// to hold it against.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "asks the real dpkg")]
    fn agrees_with_dpkg() {
        const PAIRS: usize = 300;
        if Command::new("dpkg").arg("--version").output().is_err() {
            return;
        }
        let mut runner = TestRunner::deterministic();
        let mut pairs = Vec::new();
        for _ in 0..PAIRS {
            let a = version().new_tree(&mut runner).unwrap().current();
            let b = match pairs.len() % 2 {
                0 => version().new_tree(&mut runner).unwrap().current(),
                _ => a.replacen('0', "", 1),
            };
            let upstream = b.split_once(':').map_or(b.as_str(), |(_, rest)| rest);
            let starts = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
            if starts(&b) && starts(upstream) && !b.ends_with('-') {
                pairs.push((a, b));
            }
        }
        let mut shell = Command::new("sh")
            .arg("-s")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let script: String = pairs
            .iter()
            .map(|(a, b)| {
                format!(
                    "if dpkg --compare-versions '{a}' lt '{b}'; then echo l; \
                     elif dpkg --compare-versions '{a}' eq '{b}'; then echo e; else echo g; fi\n"
                )
            })
            .collect();
        shell
            .stdin
            .take()
            .unwrap()
            .write_all(script.as_bytes())
            .unwrap();
        let output = shell.wait_with_output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(pairs.len() > PAIRS / 2);
        assert_eq!(said.lines().count(), pairs.len());
        for ((a, b), said) in pairs.iter().zip(said.lines()) {
            let ours = match compare(a, b) {
                Ordering::Less => "l",
                Ordering::Equal => "e",
                Ordering::Greater => "g",
            };
            assert_eq!(ours, said, "`{a}` and `{b}`");
        }
    }
}
