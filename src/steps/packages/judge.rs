//! The judgement of two hosts' packages: pure.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::Limits;
use super::dpkg::Host;
use super::version::{compare, is_version};
use crate::clock::short;
use crate::event::{Cause, Fact, Finding, Unseen};
use crate::plan::Outcome;
use crate::step::{Evidence, Known};
use crate::words::{count, count_of};

/// How many packages of one sort are shown in rows of their own.
const ROWS: usize = 20;

/// How many packages one command names, so that it can still be pasted.
const PASTED: usize = 40;

/// What is known of one host.
enum Seen {
    /// With its age where it is from an earlier run, and why it could not be seen now.
    Yes(Box<Host>, Option<String>),
    No(Unseen),
}

fn seen(known: &Known) -> Seen {
    let (json, recorded) = match known {
        Known::Live(json) => (json, None),
        Known::Recorded { fact, age, why } => (
            fact,
            Some(format!("as of {} ago: {}", short(*age), why.detail)),
        ),
        Known::Unseen(unseen) => return Seen::No(unseen.clone()),
    };
    match serde_json::from_value(json.clone()) {
        Ok(host) => Seen::Yes(host, recorded),
        Err(error) => {
            let detail = format!("the record of an earlier run cannot be read: {error}");
            Seen::No(Unseen::new(Cause::Garbled, detail))
        }
    }
}

pub(super) fn judge(limits: &Limits, evidence: &Evidence) -> Finding {
    if evidence.items.is_empty() {
        return Finding::new(Outcome::Unknown, "no two hosts stand in for each other")
            .mend("name the host that it takes over from in `stands-in-for` of a host")
            .is_final();
    }
    let hosts: BTreeMap<&str, Seen> = (evidence.items.iter())
        .filter_map(|(key, known)| Some((key.strip_prefix("packages ")?, seen(known))))
        .collect();
    let mut all = Verdict::default();
    for (name, host) in &hosts {
        if let Seen::No(unseen) = host {
            all.add(
                Outcome::Unknown,
                format!("packages of {name}"),
                "a list",
                unseen.detail.clone(),
            );
        }
    }
    for target in hosts.values() {
        let Seen::Yes(target, aged) = target else {
            continue;
        };
        for source in &target.beside {
            match hosts.get(source.as_str()) {
                Some(Seen::Yes(source, recorded)) => {
                    for (host, recorded) in [(source, recorded), (target, aged)] {
                        if let Some(recorded) = recorded {
                            let what = format!("packages of {}", host.host);
                            all.add(Outcome::Warn, what, "a look now", recorded.clone());
                        }
                    }
                    pair(&mut all, limits, source, target);
                }
                Some(Seen::No(_)) => {}
                None => {
                    let why = "it was not looked at".to_owned();
                    all.add(
                        Outcome::Unknown,
                        format!("packages of {source}"),
                        "a list",
                        why,
                    );
                }
            }
        }
    }
    all.finding()
}

/// Rows, sentences and commands of all pairs.
#[derive(Default)]
struct Verdict {
    facts: Vec<Fact>,
    outcome: Option<Outcome>,
    sentences: Vec<String>,
    commands: Vec<String>,
}

impl Verdict {
    fn add(&mut self, outcome: Outcome, what: impl Into<String>, expected: &str, actual: String) {
        self.outcome = self.outcome.max(Some(outcome));
        self.facts.push(Fact {
            outcome,
            what: what.into(),
            expected: expected.to_owned(),
            actual,
        });
    }

    fn finding(self) -> Finding {
        let outcome = self.outcome.unwrap_or(Outcome::Unknown);
        let unseen = (self.facts.iter())
            .find(|fact| fact.outcome == Outcome::Unknown)
            .map(|fact| format!("{} could not be told: {}", fact.what, fact.actual));
        let aged = (self.facts.iter())
            .find(|fact| fact.expected == "a look now")
            .map(|fact| fact.actual.clone());
        let parts: Vec<String> = (unseen.into_iter())
            .chain(self.sentences)
            .chain(aged)
            .collect();
        let headline = match parts.is_empty() {
            true => "nothing was compared".to_owned(),
            false => parts.join("; "),
        };
        let mut finding = Finding::new(outcome, headline).facts(self.facts);
        if !self.commands.is_empty() && outcome != Outcome::Pass {
            finding = finding.mend(self.commands.join("\n"));
        }
        finding
    }
}

/// The differences of one sort.
struct Sort<'a> {
    outcome: Outcome,
    word: &'static str,
    /// Name, what the source has, what the target has.
    rows: Vec<(&'a str, String, String)>,
}

/// The two versions of a package that is half-installed on both hosts, where they are not the same.
fn versions_apart<'h>(
    source: &'h Host,
    target: &'h Host,
    name: &str,
) -> Option<(&'h String, &'h String)> {
    let versions = (
        source.broken_versions.get(name)?,
        target.broken_versions.get(name)?,
    );
    (compare(versions.0, versions.1) != Ordering::Equal).then_some(versions)
}

fn pair(all: &mut Verdict, limits: &Limits, source: &Host, target: &Host) {
    let ignored = |name: &str| {
        let bare = name.split_once(':').map_or(name, |(bare, _)| bare);
        limits.ignore.is_match(bare)
    };
    let same_release = source.system == target.system && !source.system.id.is_empty();
    let mut left_out = 0u64;
    let (mut missing, mut older, mut newer, mut extra) = (vec![], vec![], vec![], vec![]);
    let mut unread = Vec::new();
    let told = |version: &str| match version {
        "" => "a version that cannot be read".to_owned(),
        version => version.to_owned(),
    };
    for (name, version) in &source.installed {
        let there = target.installed.get(name);
        let differs = there != Some(version) || version.is_empty();
        if ignored(name) {
            left_out += u64::from(differs);
            continue;
        }
        match there {
            None if target.broken.contains_key(name) => {}
            None => missing.push((name.as_str(), told(version), "not installed".to_owned())),
            Some(there) if version.is_empty() || there.is_empty() => {
                unread.push((name.as_str(), told(version), told(there)));
            }
            Some(there) if same_release => match compare(there, version) {
                Ordering::Less => older.push((name.as_str(), version.clone(), there.clone())),
                Ordering::Greater => newer.push((name.as_str(), version.clone(), there.clone())),
                Ordering::Equal => {}
            },
            Some(_) => {}
        }
    }
    for (name, version) in &target.installed {
        if source.installed.contains_key(name) || source.broken.contains_key(name) {
            continue;
        }
        if ignored(name) {
            left_out += 1;
        } else {
            extra.push((name.as_str(), "not installed".to_owned(), told(version)));
        }
    }
    let (mut broken, mut both) = (Vec::new(), Vec::new());
    for (name, state) in &target.broken {
        if ignored(name) {
            // Where the source has it installed, it was counted above.
            left_out += u64::from(!source.installed.contains_key(name));
        } else if let Some(there) = source.broken.get(name) {
            if let Some((other, own)) =
                versions_apart(source, target, name).filter(|_| same_release)
            {
                let half = |state, version| format!("half-installed ({state}) {version}");
                broken.push((name.as_str(), half(there, other), half(state, own)));
                continue;
            }
            let actual = format!("half-installed ({state}), as on `{}`", source.host);
            both.push((name.as_str(), format!("half-installed ({there})"), actual));
        } else {
            let there = source.installed.get(name).cloned();
            let there = there.unwrap_or_else(|| "not installed".to_owned());
            broken.push((name.as_str(), there, format!("half-installed ({state})")));
        }
    }

    let mut unsound = Vec::new();
    for (name, state) in &source.broken {
        if target.broken.contains_key(name) {
            continue;
        }
        let there = target.installed.get(name);
        if ignored(name) {
            left_out += 1;
        } else if there.is_none() && serves(state) {
            let version = source.broken_versions.get(name);
            let version = version.map_or_else(|| told(""), Clone::clone);
            let actual = format!("not installed; half-installed ({state}) at the source");
            missing.push((name.as_str(), version, actual));
        } else {
            let there = there.cloned().unwrap_or_else(|| "not installed".to_owned());
            unsound.push((name.as_str(), format!("half-installed ({state})"), there));
        }
    }

    let total = source.installed.len();
    let beyond = extra.len();
    let unready: Vec<&str> = (broken.iter().chain(&both)).map(|row| row.0).collect();
    finish(all, source, target, &unready);
    commands(all, source, target, &missing, &older, same_release);
    let sorts = [
        Sort {
            outcome: limits.missing,
            word: "missing",
            rows: missing,
        },
        Sort {
            outcome: limits.missing,
            word: "half-installed",
            rows: broken,
        },
        Sort {
            // As at the source, which may run on what was there before: another start of it may not work.
            outcome: limits.missing.min(Outcome::Warn),
            word: "half-installed on both",
            rows: both,
        },
        Sort {
            // Whether it is used there, and what it needs, nobody knows.
            outcome: limits.missing.min(Outcome::Warn),
            word: "half-installed at the source",
            rows: unsound,
        },
        Sort {
            outcome: limits.version,
            word: "of a version that cannot be read",
            rows: unread,
        },
        Sort {
            outcome: limits.version,
            word: "older",
            rows: older,
        },
        Sort {
            outcome: limits.version,
            word: "newer",
            rows: newer,
        },
        Sort {
            outcome: limits.extra,
            word: "extra",
            rows: extra,
        },
    ];
    let counts: Vec<String> = (sorts.iter())
        .filter(|sort| !sort.rows.is_empty())
        .map(|sort| format!("{} {}", sort.rows.len(), sort.word))
        .collect();
    let counts = match counts.is_empty() {
        true => "none differ".to_owned(),
        false => counts.join(", "),
    };
    let mut sentence = format!(
        "`{}` beside `{}`: {counts} of {}",
        target.host,
        source.host,
        count(total, "package")
    );
    all.add(
        Outcome::Pass,
        format!("packages of {} on {}", source.host, target.host),
        "the same",
        counts,
    );
    if total == 0 {
        let actual = format!("`{}` says that it has no packages at all", source.host);
        all.add(
            Outcome::Unknown,
            format!("packages of {}", source.host),
            "a list",
            actual,
        );
    }
    if total > 0 && beyond > total {
        let actual = format!(
            "`{}` lists {}, and `{}` has {beyond} beyond them: is the list of `{0}` whole",
            source.host,
            count(total, "package"),
            target.host
        );
        all.add(
            Outcome::Warn,
            format!("packages of {}", source.host),
            "not less than half of those on the target",
            actual,
        );
    }
    if !same_release {
        let (here, there) = (source.system.name(), target.system.name());
        let nameless = source.system.id.is_empty() || target.system.id.is_empty();
        sentence.push_str(&format!(", versions not compared ({there} beside {here})"));
        let actual = match nameless {
            true => format!(
                "{there}: one of the hosts does not say in `/etc/os-release` what it is, so versions cannot be compared"
            ),
            false => format!("{there}: versions of two releases cannot be compared"),
        };
        all.add(
            limits.version.max(Outcome::Warn),
            format!("release of {}", target.host),
            &here,
            actual,
        );
    }
    all.sentences.push(sentence);
    for sort in sorts {
        let more = sort.rows.len().saturating_sub(ROWS);
        for (name, expected, actual) in sort.rows.iter().take(ROWS) {
            let what = format!("{name} on {}, {}", target.host, sort.word);
            all.add(sort.outcome, what, expected, actual.clone());
        }
        if more > 0 {
            let what = format!("more on {}, {}", target.host, sort.word);
            all.add(sort.outcome, what, "", count(more, "more package"));
        }
    }
    if left_out > 0 {
        let what = format!("left out on {}", target.host);
        let actual = count_of(
            left_out,
            "package that differs is to be ignored",
            "packages that differ are to be ignored",
        );
        all.add(Outcome::Pass, what, "", actual);
    }
    let held: Vec<&str> = (target.held.iter())
        .filter(|name| !source.held.contains(name) && !ignored(name))
        .take(ROWS)
        .map(String::as_str)
        .collect();
    if !held.is_empty() {
        let what = format!("held on {} only", target.host);
        all.add(Outcome::Pass, what, "", held.join(", "));
    }
}

type Row<'a> = (&'a str, String, String);

/// Whether a package in this state has all of its files, and nobody wants it away: what it serves may well be in use.
fn serves(state: &str) -> bool {
    let mut letters = state.chars();
    let (want, status) = (letters.next(), letters.next());
    matches!(want, Some('i' | 'h')) && matches!(status, Some('F' | 'U'))
}

/// What a person types for packages that are neither there nor gone. What was unpacked is configured; what dpkg broke off
/// while it unpacked, or wants installed again, has to be unpacked again first. So has what it broke off while it was
/// to go away: `dpkg --configure` leaves that as it is. Where the source has none of it, it goes away.
fn finish(all: &mut Verdict, source: &Host, target: &Host, names: &[&str]) {
    let shell = &target.shell;
    let state = |name: &str| target.broken.get(name).map_or("", String::as_str);
    let leaves = |name: &str| state(name).starts_with(['r', 'p']);
    let at_source =
        |name: &str| source.installed.contains_key(name) || source.broken.contains_key(name);
    let again = |name: &str| {
        state(name).chars().nth(1) == Some('H') || state(name).len() > 2 || leaves(name)
    };
    let (mut unpack, mut remove, mut configure) = (Vec::new(), Vec::new(), Vec::new());
    for name in names {
        if leaves(name) && !at_source(name) {
            remove.push(*name);
        } else if again(name) {
            unpack.push(*name);
        } else {
            configure.push(*name);
        }
    }
    for (verb, names) in [
        ("apt-get install --reinstall", unpack),
        ("apt-get remove", remove),
    ] {
        if names.is_empty() {
            continue;
        }
        let words: Vec<&str> = names.iter().take(PASTED).copied().collect();
        let note = match names.len().saturating_sub(PASTED) {
            0 => String::new(),
            more => format!("  # and {more} more"),
        };
        let words = words.join(" ");
        all.commands.push(format!("{shell} {verb} {words}{note}"));
    }
    if !configure.is_empty() {
        all.commands.push(format!("{shell} dpkg --configure -a"));
    }
}

/// What a person types to mend it: the exact versions of the source, as far as archives still have them.
fn commands(
    all: &mut Verdict,
    source: &Host,
    target: &Host,
    missing: &[Row<'_>],
    older: &[Row<'_>],
    same_release: bool,
) {
    let shell = &target.shell;
    let wanted: Vec<String> = (missing.iter().chain(older))
        .map(
            |(name, version, _)| match same_release && is_version(version) {
                true => format!("{name}={version}"),
                false => (*name).to_owned(),
            },
        )
        .collect();
    if wanted.is_empty() {
        return;
    }
    let words = wanted
        .iter()
        .take(PASTED)
        .cloned()
        .collect::<Vec<_>>()
        .join(" ");
    let note = match wanted.len().saturating_sub(PASTED) {
        0 => format!(
            "  # as on {}; without `=version` where the archive has moved on",
            source.host
        ),
        more => format!(
            "  # the first {PASTED} of {}: {more} more follow",
            wanted.len()
        ),
    };
    all.commands
        .push(format!("{shell} apt-get install {words}{note}"));
}
