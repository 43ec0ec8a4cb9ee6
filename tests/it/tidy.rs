//! The rules of the tree that no compiler knows: layers, reachable files, words, sizes, names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cutover::playbook::Registry;
use regex_lite::Regex;

/// The modules in the order of the data: each imports only what stands before it.
const ORDER: &[&str] = &[
    "clock", "secret", "problem", "words", "field", "plan", "event", "machine", "store", "journal",
    "world", "dns", "site", "seen", "step", "steps", "playbook", "lint", "schema", "engine",
    "fake", "simulate", "demo", "report", "cli",
];

/// Modules that may import less than what stands before them.
const NARROW: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("secret", &[]),
    ("problem", &[]),
    ("words", &[]),
    ("machine", &["plan", "event"]),
    (
        "report",
        &["clock", "problem", "words", "plan", "event", "machine"],
    ),
];

/// A file, of code or of tests, is worth a look above the first number, and fails above the second.
const LONG: usize = 500;
const TOO_LONG: usize = 700;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder of the repository, by their paths from its root; what is built or kept by tools
/// is left out.
fn files(below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![below.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let path = entry.path();
            let name = entry.file_name();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                if name != "target" && name != ".git" {
                    folders.push(path);
                }
            } else if kind.is_file() && name != ".git" {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn text(file: &Path) -> String {
    String::from_utf8_lossy(&fs::read(root().join(file)).unwrap()).into_owned()
}

/// Rust code without what is no code: comments, and the insides of strings and characters, become spaces.
/// Lines stay where they are.
fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    let blank = |out: &mut String, from: usize, to: usize| {
        for c in &chars[from..to.min(chars.len())] {
            out.push(if *c == '\n' { '\n' } else { ' ' });
        }
    };
    while at < chars.len() {
        let end = literal_or_comment(&chars, at);
        if end > at {
            blank(&mut out, at, end);
            at = end;
        } else {
            out.push(chars[at]);
            at += 1;
        }
    }
    out
}

/// Where the comment, string or character ends that begins here; `at` itself where none does.
fn literal_or_comment(chars: &[char], at: usize) -> usize {
    let is = |i: usize, c: char| chars.get(i) == Some(&c);
    let until = |from: usize, stop: &dyn Fn(usize) -> bool| {
        (from..chars.len())
            .find(|i| stop(*i))
            .unwrap_or(chars.len())
    };
    let in_a_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match chars[at] {
        '/' if is(at + 1, '/') => until(at, &|i| chars[i] == '\n'),
        '/' if is(at + 1, '*') => {
            let (mut depth, mut i) = (1, at + 2);
            while depth > 0 && i < chars.len() {
                if is(i, '/') && is(i + 1, '*') {
                    (depth, i) = (depth + 1, i + 2);
                } else if is(i, '*') && is(i + 1, '/') {
                    (depth, i) = (depth - 1, i + 2);
                } else {
                    i += 1;
                }
            }
            i
        }
        'r' if !in_a_word || is(at - 1, 'b') => {
            let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
            if !is(at + 1 + hashes, '"') {
                return at;
            }
            let closes = |i: usize| is(i, '"') && (1..=hashes).all(|n| is(i + n, '#'));
            until(at + 2 + hashes, &closes) + 1 + hashes
        }
        '"' => after_quote(chars, at, '"'),
        // A character, and not a lifetime.
        '\'' if is(at + 1, '\\') || is(at + 2, '\'') => after_quote(chars, at, '\''),
        _ => at,
    }
}

fn after_quote(chars: &[char], at: usize, quote: char) -> usize {
    let mut i = at + 1;
    while i < chars.len() && chars[i] != quote {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

/// Code without the items that only tests see.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::new();
    let mut rest = code;
    while let Some(at) = rest.find(MARK) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let mut depth = 0_usize;
        let end = from.char_indices().skip(MARK.len()).find(|(_, c)| {
            match c {
                '{' | '(' | '[' => depth += 1,
                '}' | ')' | ']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && matches!(c, ';' | '}')
        });
        let end = end.map_or(from.len(), |(i, c)| i + c.len_utf8());
        out.extend(from[..end].chars().filter(|c| *c == '\n'));
        rest = &from[end..];
    }
    out + rest
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The modules of the crate that code names after `crate::`, with their lines.
fn imports(code: &str) -> Vec<(usize, String)> {
    const CRATE: &str = "crate::";
    let mut found = Vec::new();
    for (at, _) in code.match_indices(CRATE) {
        let before = &code[..at];
        if before.ends_with(is_word) {
            continue;
        }
        let line = before.lines().count().max(1);
        let rest = &code[at + CRATE.len()..];
        let names = match rest.strip_prefix('{') {
            Some(group) => heads(group),
            None => vec![rest.chars().take_while(|c| is_word(*c)).collect()],
        };
        found.extend(names.into_iter().map(|name| (line, name)));
    }
    found
}

/// The first word of each path of a `use` group, which was opened just before.
fn heads(group: &str) -> Vec<String> {
    let mut names = vec![String::new()];
    let mut depth = 0_usize;
    let mut in_head = true;
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(String::new());
                in_head = true;
            }
            c if is_word(c) && depth == 0 && in_head => {
                if let Some(name) = names.last_mut() {
                    name.push(c);
                }
            }
            ':' => in_head = false,
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// The modules that code declares in files of their own.
fn declared(code: &str) -> BTreeSet<String> {
    let words: Vec<&str> = code
        .split(|c: char| c.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect();
    words
        .windows(2)
        .filter(|pair| pair[0] == "mod")
        .filter_map(|pair| pair[1].strip_suffix(';'))
        .map(str::to_owned)
        .collect()
}

/// One file of the crate.
struct Module {
    file: PathBuf,
    /// Its names from the root of the crate: `["store", "sqlite"]`; none for the root.
    path: Vec<String>,
    only_for_tests: bool,
}

/// Follows every `mod` from the root of a crate.
fn modules(main: &str) -> Vec<Module> {
    let mut found = Vec::new();
    let mut open = vec![Module {
        file: main.into(),
        path: Vec::new(),
        only_for_tests: false,
    }];
    while let Some(module) = open.pop() {
        let all = code(&text(&module.file));
        let kept = declared(&without_tests(&all));
        let stem = module.file.file_stem().unwrap();
        let folder = module.file.parent().unwrap();
        let folder = match stem.to_str() {
            Some("mod" | "lib" | "main") => folder.to_owned(),
            _ => folder.join(stem),
        };
        for name in declared(&all) {
            let flat = folder.join(format!("{name}.rs"));
            let file = if root().join(&flat).is_file() {
                flat
            } else {
                folder.join(&name).join("mod.rs")
            };
            // The compiler knows better: a `#[path]` leads elsewhere.
            if !root().join(&file).is_file() {
                continue;
            }
            let mut path = module.path.clone();
            let only_for_tests = module.only_for_tests || !kept.contains(&name);
            path.push(name);
            open.push(Module {
                file,
                path,
                only_for_tests,
            });
        }
        found.push(module);
    }
    found
}

/// What is wrong with the imports of a module of the crate.
fn wrong_imports(top: &str, depth: usize, code: &str) -> Vec<String> {
    let Some(rank) = ORDER.iter().position(|name| *name == top) else {
        return vec![format!("`{top}` has no place in the order of the layers")];
    };
    let narrow = NARROW.iter().find(|(name, _)| *name == top);
    let mut wrong = Vec::new();
    for (line, name) in imports(code) {
        let allowed = match narrow {
            Some((_, few)) => few.contains(&name.as_str()),
            None => ORDER[..rank].contains(&name.as_str()),
        };
        if name != top && !allowed {
            wrong.push(format!("line {line}: `{top}` must not import `{name}`"));
        }
    }
    if code.contains(&"super::".repeat(depth)) {
        wrong.push("`super` reaches the root of the crate: write `crate::`".to_owned());
    }
    wrong
}

#[test]
fn imports_run_one_way() {
    let mut wrong = Vec::new();
    for module in modules("src/lib.rs") {
        let Some(top) = module.path.first().filter(|_| !module.only_for_tests) else {
            continue;
        };
        let code = without_tests(&code(&text(&module.file)));
        for what in wrong_imports(top, module.path.len(), &code) {
            wrong.push(format!("{}: {what}", module.file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_wrong_import_is_found_and_what_is_no_import_is_not() {
    let text = r###"
//! Not an import: crate::cli.
/* nor /* nested */ crate::cli */
use crate::{clock::{Clock, Stamp}, report, step::Kind};
const QUOTED: &str = "crate::cli \" crate::cli";
const RAW: &str = r#"crate::cli " crate::cli"#;
const MARKS: [char; 3] = ['"', '\'', '\\'];
fn inline<'a>(text: &'a str) { mycrate::cli(crate::engine::drive(text)) }
#[cfg(test)]
mod tests { use crate::cli; fn f() { let _ = ["}"]; } }
#[cfg(test)]
use crate::cli;
fn after() { super::super::x() }
"###;
    let wrong = wrong_imports("steps", 2, &without_tests(&code(text)));
    let expected = [
        "line 4: `steps` must not import `report`",
        "line 8: `steps` must not import `engine`",
        "`super` reaches the root of the crate: write `crate::`",
    ];
    assert_eq!(wrong, expected);
    assert_eq!(wrong_imports("report", 1, "use crate::step;").len(), 1);
    assert_eq!(wrong_imports("machine", 2, "use crate::clock;").len(), 1);
    assert!(wrong_imports("cli", 1, "use crate::{report, cli::Exit};").is_empty());
    assert_eq!(wrong_imports("else", 1, "").len(), 1);
}

#[test]
fn every_file_is_part_of_a_crate() {
    let mains = [
        "src/lib.rs",
        "src/main.rs",
        "tests/it/main.rs",
        "tests/mutants/src/main.rs",
    ];
    let reached: BTreeSet<PathBuf> = (mains.into_iter())
        .flat_map(modules)
        .map(|module| module.file)
        .collect();
    let lost: Vec<PathBuf> = ["src", "tests"]
        .into_iter()
        .flat_map(|folder| files(&root().join(folder)))
        .filter(|file| file.extension().is_some_and(|ext| ext == "rs"))
        .filter(|file| !reached.contains(file))
        .collect();
    assert!(lost.is_empty(), "no `mod` leads to {lost:?}");
}

#[test]
fn nothing_unfinished_and_no_path_of_one_machine_is_in_the_tree() {
    // Put together here, so that this file does not hold them.
    let needles = [
        concat!("db", "g!"),
        concat!("to", "do!"),
        concat!("unimpl", "emented!"),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("#[ig", "nore"),
        concat!("/wo", "rk/"),
        concat!("/tmp", "/wt"),
        concat!("../sha", "red"),
    ];
    let mut wrong = Vec::new();
    for file in files(root()) {
        for (i, line) in text(&file).lines().enumerate() {
            for needle in needles.iter().filter(|needle| line.contains(**needle)) {
                wrong.push(format!("{}:{}: `{needle}`", file.display(), i + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn one_search_lists_every_promise_to_look_only() {
    let mut promises = Vec::new();
    for module in modules("src/lib.rs") {
        let code = without_tests(&code(&text(&module.file)));
        let at_home = ["steps", "world"].map(|home| Path::new("src").join(home));
        let here = code.contains("looks_only(");
        if here
            && !module.only_for_tests
            && !at_home.iter().any(|home| module.file.starts_with(home))
        {
            promises.push(module.file);
        }
    }
    assert!(
        promises.is_empty(),
        "{promises:?} promise that a program only looks; that belongs in a kind of step"
    );
}

/// The modules that read files of their own, or of the system. Whatever somebody names is read by `world/files.rs`,
/// which refuses what a look would consume.
const READERS: &[(&str, &str)] = &[
    (
        "src/world/files.rs",
        "the one place where named files are read",
    ),
    ("src/world/exec/master.rs", "what its own ssh wrote"),
    ("src/clock.rs", "/proc"),
    ("src/store/holder.rs", "/proc"),
    ("src/store/sqlite/setup.rs", "the files of the store"),
    (
        "src/demo/folder.rs",
        "/dev/urandom, and files that it writes",
    ),
    ("src/demo/web.rs", "the mirror of the lab"),
    ("src/demo/zone.rs", "the zone of the lab"),
];

#[test]
fn files_that_somebody_names_are_read_in_one_place() {
    let words = [
        "fs::read(",
        "fs::read)",
        "read_to_string(",
        "File::open",
        "OpenOptions",
    ];
    let mut reads = BTreeSet::new();
    for module in modules("src/lib.rs") {
        let code = without_tests(&code(&text(&module.file)));
        if !module.only_for_tests && words.iter().any(|word| code.contains(word)) {
            reads.insert(module.file.display().to_string());
        }
    }
    let may: BTreeSet<String> = READERS.iter().map(|(file, _)| (*file).to_owned()).collect();
    assert_eq!(
        reads, may,
        "a file that a playbook, the command line or the environment names is read by `world::files`"
    );
}

/// Scripts for hosts that read a file by a name that is not their own.
const FAR_READERS: &[&str] = &[
    "src/steps/mirror/sample.rs",
    "src/steps/mirror/stamps.rs",
    "src/steps/packages/dpkg.rs",
    "src/steps/traffic/count.sh",
];

#[test]
fn scripts_read_regular_files_only() {
    let reads = r#"\b(cat|head|tail|sed|awk|grep|sha256sum)\b[^|)\n]*(-- |< ?)"\$"#;
    let reads = Regex::new(reads).unwrap();
    let mut found = Vec::new();
    for file in files(&root().join("src")) {
        let text = text(&file);
        if reads.is_match(&text) {
            assert!(
                text.contains("[ -f \"$"),
                "{}: a script that reads a file asks first whether it is one: a pipe would be emptied",
                file.display()
            );
            found.push(file.display().to_string());
        }
    }
    assert_eq!(found, FAR_READERS);
}

/// A string that was broken over two lines without a `\\` keeps the indent of the second one.
#[test]
fn no_message_has_a_hole() {
    let hole = Regex::new(r#""(?:[^"\\]|\\.)*[a-z:,;`.}] {3,}[a-z`{]"#).unwrap();
    assert!(hole.is_match(r#"format!("of {a}:     say which")"#));
    for file in files(&root().join("src")) {
        let tests = file.components().any(|part| part.as_os_str() == "tests");
        for (at, line) in text(&file).lines().enumerate() {
            // What is laid out as a table has gaps.
            let holds = hole.is_match(line) && !line.trim_start().starts_with("//");
            let place = format!("{}:{}", file.display(), at + 1);
            assert!(
                tests || !holds || line.contains("{indent}"),
                "{place}: {line}"
            );
        }
    }
}

/// The nouns that are counted somewhere, as they end where there are several.
fn counted(texts: &[String]) -> BTreeSet<String> {
    let call = Regex::new(r#"\b(?:count|count_of|part_of)\([^"]*?"([a-z -]+)""#).unwrap();
    let nouns = (texts.iter()).flat_map(|text| call.captures_iter(text));
    let last_words = nouns.map(|noun| noun[1].rsplit(' ').next().unwrap().to_owned());
    let more = ["record", "item", "answer", "second", "server"].map(str::to_owned);
    (last_words.chain(more))
        .map(|noun| match noun.strip_suffix('y') {
            Some(stem) => format!("{stem}ies"),
            None if noun.ends_with('s') => format!("{noun}es"),
            None => format!("{noun}s"),
        })
        .collect()
}

/// What looks like a number with its noun, and is none.
const NO_NUMBERS: &[&str] = &["{family} records", "{name} names", "{id} looks", "{} looks"];

/// Words between what is no number and a noun.
const BETWEEN: &[&str] = &[" from ", " of ", " and ", " wrote "];

#[test]
fn numbers_and_their_nouns_are_put_together_in_one_place() {
    let shown: Vec<(PathBuf, String)> = (modules("src/lib.rs").into_iter())
        .filter(|module| !module.only_for_tests && module.file != Path::new("src/words.rs"))
        .map(|module| {
            let whole = text(&module.file);
            // Lines stay where they are; those that only tests see are empty.
            let kept = without_tests(&code(&whole));
            let lines = whole.lines().zip(kept.lines().chain(std::iter::repeat("")));
            let seen = |(line, kept): (&str, &str)| match kept.is_empty()
                || line.trim_start().starts_with("//")
            {
                true => String::new(),
                false => line.to_owned(),
            };
            let lines: Vec<String> = lines.map(seen).collect();
            (module.file, lines.join("\n"))
        })
        .collect();
    let texts: Vec<String> = shown.iter().map(|(_, text)| text.clone()).collect();
    let nouns = Vec::from_iter(counted(&texts)).join("|");
    let by_hand = Regex::new(&format!(
        r#"\{{[^{{}}]*\}} (?:[a-z]+ )?(?:{nouns})\b|(?:== 1|\.is_one\(\)) \{{ ""#
    ))
    .unwrap();
    let mut wrong = Vec::new();
    for (file, text) in &shown {
        for (i, line) in text.lines().enumerate() {
            for found in by_hand.find_iter(line).map(|found| found.as_str()) {
                let between = BETWEEN.iter().any(|word| found.contains(word));
                if !between && !NO_NUMBERS.contains(&found) {
                    wrong.push(format!("{}:{}: `{found}`", file.display(), i + 1));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "made by hand; `words::count` and its neighbours know the plural:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn files_are_short() {
    let mut wrong = Vec::new();
    for module in ["src/lib.rs", "tests/it/main.rs"]
        .into_iter()
        .flat_map(modules)
    {
        let lines = text(&module.file).lines().count();
        let file = module.file.display();
        if lines > TOO_LONG {
            wrong.push(format!("{file} has {lines} lines, of at most {TOO_LONG}"));
        } else if lines > LONG {
            eprintln!("{file} has {lines} lines: split it by noun");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn kinds_and_providers_have_plain_names_of_their_own() {
    let registry = Registry::standard();
    let kinds: Vec<&str> = registry.kinds.iter().map(|kind| kind.name).collect();
    let providers: Vec<&str> = registry.providers.iter().map(|kind| kind.name).collect();
    for names in [kinds, providers] {
        let mut seen = BTreeMap::new();
        for name in &names {
            *seen.entry(*name).or_insert(0) += 1;
            let plain = name.split('-').all(|part| {
                part.starts_with(|c: char| c.is_ascii_lowercase())
                    && (part.chars()).all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
            });
            assert!(plain, "`{name}` is not in kebab-case");
        }
        assert!(seen.values().all(|count| *count == 1), "{seen:?}");
        assert!(!names.is_empty());
    }
}
