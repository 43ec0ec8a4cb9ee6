//! From the bytes of the files to a playbook.

use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;
use toml::de::DeTable;

use super::check::{Checker, Known};
use super::include::{self, Included, Merged};
use super::set::Resolved;
use super::show::{self, Origins};
use super::sources::Sources;
use super::{LARGEST, Places, Playbook, Problems, Registry, hide};
use crate::problem::Problem;

/// What a playbook is read with, besides its bytes. Reading files is left to whoever calls.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// How problems call the playbook.
    pub file: &'a str,
    /// Its folder, from the root: the files that it names count from there. Empty where nobody knows.
    pub folder: &'a Path,
    /// Each is a `KEY=VALUE` that is put over a value.
    pub sets: &'a [String],
    /// The day that a `skip` must not be older than; nothing is held against a day where there is none.
    pub today: Option<Date>,
    /// Reads the file that the playbook includes, which it is given as the playbook writes it; see
    /// [`Input::beside`]. The error says why it cannot, in a few words.
    pub read: &'a dyn Fn(&str) -> Result<Included, String>,
}

impl<'a> Input<'a> {
    /// For a playbook that includes no other file, on any day.
    pub fn alone(file: &'a str, sets: &'a [String]) -> Input<'a> {
        Input {
            file,
            folder: Path::new(""),
            sets,
            today: None,
            read: &|_| Err("no other file is read here".to_owned()),
        }
    }

    /// How a file that a playbook includes is called, beside how the playbook is called: `lib/site.toml`, of
    /// `playbooks/shop.toml` and `../lib/site.toml`.
    pub fn beside(playbook: &str, included: &str) -> String {
        let folder = Path::new(playbook).parent().unwrap_or(Path::new(""));
        let mut path = std::path::PathBuf::new();
        for part in folder.join(included).components() {
            let named = matches!(
                path.components().next_back(),
                Some(std::path::Component::Normal(_))
            );
            match part {
                std::path::Component::CurDir => {}
                std::path::Component::ParentDir if named => {
                    path.pop();
                }
                part => path.push(part),
            }
        }
        path.display().to_string()
    }
}

/// The texts of a playbook, as it keeps them.
pub(super) struct Texts {
    /// See [`Playbook::text`].
    pub(super) whole: String,
    /// See [`Playbook::resolved`]; `None` where it is the same.
    pub(super) resolved: Option<String>,
    /// Where the text of the playbook's own file ends.
    pub(super) body: usize,
}

impl Playbook {
    /// Like [`Playbook::parse`], from the bytes of a file, with the file that it includes.
    pub fn read(bytes: &[u8], input: &Input<'_>) -> Result<Playbook, Problems> {
        Playbook::read_with(&Registry::standard(), bytes, input)
    }

    /// Like [`Playbook::read`], with other kinds and providers.
    pub fn read_with(
        registry: &Registry,
        bytes: &[u8],
        input: &Input<'_>,
    ) -> Result<Playbook, Problems> {
        if bytes.len() > LARGEST {
            let problem = Problem::error("too-large", 0..0, "the file is larger than 1 MiB")
                .label("not read")
                .hint("a playbook has a few hundred lines; is this the right file?");
            return Err(only(Sources::new(input.file, "", 0), vec![problem]));
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => read(registry, text, input),
            Err(error) => {
                let text = String::from_utf8_lossy(bytes);
                let at = error.valid_up_to();
                let bad = char::REPLACEMENT_CHARACTER.len_utf8();
                let problem =
                    Problem::error("not-utf8", at..at + bad, "the file is not UTF-8 text")
                        .label("no character begins with this byte")
                        .hint("save the file as UTF-8");
                let masked = hide::mask(&text, &hide::in_text(&text));
                let sources = Sources::new(input.file, &masked, masked.len());
                Err(only(sources, vec![problem]))
            }
        }
    }
}

fn only(sources: Sources, list: Vec<Problem>) -> Problems {
    Problems::new(Arc::new(sources), list)
}

fn read(registry: &Registry, text: &str, input: &Input<'_>) -> Result<Playbook, Problems> {
    let resolved = Resolved::new(text, input.sets);
    let mut sources = Sources::new(input.file, &resolved.text, resolved.body);
    let (root, errors) = DeTable::parse_recoverable(resolved.body());
    if !errors.is_empty() {
        sources.break_at_returns();
        let hidden = hide::in_text(&sources.text);
        sources.text = hide::mask(&sources.text, &hidden);
        return Err(only(
            sources,
            syntax(resolved.body(), &errors, resolved.body),
        ));
    }
    let mut root = root.into_inner();
    // The providers of a playbook may leave their kind to the included file, and are looked at after that.
    let mut hidden = hide::besides_providers(&root, registry);
    let fetched = match include::fetch(&root, &mut sources, input) {
        Ok(fetched) => fetched,
        Err(list) => return Err(unmerged(sources, &root, registry, list)),
    };
    let mut merged = Merged::default();
    if let Some(fetched) = &fetched {
        match include::parse(fetched) {
            Ok(included) => {
                hidden.extend(hide::in_tables(&included, registry));
                merged = include::merge(&mut root, included);
            }
            Err(list) => return Err(unmerged(sources, &root, registry, list)),
        }
    }
    let (problems, unknown) = resolved.apply(&mut root);
    hidden.extend(unknown);
    hidden.append(&mut merged.hidden);
    hidden.extend(hide::in_tables(&root, registry));
    sources.text = hide::mask(&sources.text, &hidden);
    sources.changes = std::mem::take(&mut merged.changes);
    let sources = Arc::new(sources);
    let mut checker = Checker {
        known: Known {
            hosts: names_in(&root, "hosts"),
            services: names_in(&root, "services"),
            providers: names_in(&root, "providers"),
        },
        problems,
        today: input.today,
        places: Places::default(),
        folder: input.folder.to_owned(),
    };
    checker.problems.append(&mut merged.problems);
    checker.problems.extend(include::override_alone(&root));
    let shown = (fetched.is_some() || !resolved.sets.is_empty()).then(|| {
        let included = fetched.as_ref();
        let origins = Origins {
            body: resolved.body,
            included: included.map(|fetched| (fetched.path.as_str(), fetched.start)),
            was: &merged.was,
        };
        show::playbook(&root, &origins)
    });
    let texts = match (&fetched, shown) {
        (Some(_), Some(shown)) => Texts {
            whole: shown,
            resolved: None,
            body: resolved.body,
        },
        (_, shown) => Texts {
            whole: resolved.text.clone(),
            resolved: shown,
            body: resolved.body,
        },
    };
    match checker.playbook(&root, registry, texts) {
        Ok((mut playbook, warnings)) => {
            playbook.warnings = Problems::new(sources, warnings);
            Ok(playbook)
        }
        Err(list) => Err(Problems::new(sources, list)),
    }
}

/// The problems of an `include` that comes to nothing.
fn unmerged(
    mut sources: Sources,
    root: &DeTable<'_>,
    registry: &Registry,
    list: Vec<Problem>,
) -> Problems {
    let mut hidden = hide::in_tables(root, registry);
    // Nobody knows what the overrides would change.
    let overrides = root.get("override");
    hidden.extend(
        overrides
            .into_iter()
            .flat_map(|over| hide::replaced("", over, true)),
    );
    // What was read of the other file was not understood.
    sources.break_at_returns();
    if let Some(part) = sources.parts.get(1) {
        let start = part.range.start;
        let found = hide::in_text(&sources.text[part.range.clone()]);
        hidden.extend(found.into_iter().map(|r| r.start + start..r.end + start));
    }
    sources.text = hide::mask(&sources.text, &hidden);
    only(sources, list)
}

fn names_in(root: &DeTable<'_>, key: &str) -> Vec<String> {
    root.get(key)
        .and_then(|value| value.get_ref().as_table())
        .map(|table| table.keys().map(|key| key.get_ref().to_string()).collect())
        .unwrap_or_default()
}

/// Where carriage returns stand that no line feed follows: TOML knows none of them (1.0, newline).
pub(super) fn lone_returns(text: &str) -> impl Iterator<Item = usize> {
    let bytes = text.as_bytes();
    let alone = |at: &usize| bytes[*at] == b'\r' && bytes.get(at + 1) != Some(&b'\n');
    (0..bytes.len()).filter(alone)
}

/// The first errors of the TOML parser; one slip often brings several.
pub(super) fn syntax(text: &str, errors: &[toml::de::Error], end: usize) -> Vec<Problem> {
    const MOST: usize = 10;
    // Without line ends everything is wrong, and only one thing is.
    if let Some(at) = lone_returns(text).next() {
        let what = "not TOML: a line ends with a carriage return alone";
        let problem = Problem::error("syntax", at..at, what)
            .label("no line feed follows")
            .hint("save the file with Unix line ends: `tr '\\r' '\\n' < OLD > NEW`");
        return vec![problem];
    }
    errors
        .iter()
        .take(MOST)
        .map(|error| {
            let span = error.span().unwrap_or(end..end);
            let problem = Problem::error("syntax", span, format!("not TOML: {}", error.message()));
            match error.message() {
                // Whoever writes `[step]` once is told so at every `[[step]]` below.
                "duplicate key" => problem.label("stands further up too").hint(
                    "give each key and table once; steps are a list, each with two brackets: `[[step]]`",
                ),
                _ => problem.label("here"),
            }
        })
        .collect()
}
