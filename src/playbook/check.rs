//! Checks a table of a playbook against declared fields, and takes its values.

use std::ops::Range;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::tables::RESERVED;
use super::{Places, words};
use crate::field::{Datum, Field, Fields, Form};
use crate::problem::{Problem, did_you_mean};

/// The names that a playbook defines, for the references between its tables.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) hosts: Vec<String>,
    pub(super) services: Vec<String>,
    pub(super) providers: Vec<String>,
}

/// Collects the problems of one playbook.
#[derive(Debug, Default)]
pub(super) struct Checker {
    pub(super) known: Known,
    pub(super) problems: Vec<Problem>,
    /// The day that a `skip` must not be older than.
    pub(super) today: Option<Date>,
    pub(super) places: Places,
    /// The folder of the playbook; empty where it is not known.
    pub(super) folder: PathBuf,
}

/// A table below a name: `[hosts.primary]`.
pub(super) struct Named<'t, 'i> {
    pub(super) name: &'t str,
    pub(super) name_span: Range<usize>,
    pub(super) table: &'t DeTable<'i>,
    pub(super) span: Range<usize>,
}

impl Checker {
    pub(super) fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// A file that the playbook names: its path counts from the folder of the playbook, wherever cutover runs.
    pub(super) fn file(&mut self, written: &str, span: Range<usize>) -> String {
        let path = self.folder.join(written);
        let path = path.to_str().unwrap_or(written).to_owned();
        if !Path::new(written).is_absolute() {
            self.places.files.push((span, path.clone()));
        }
        path
    }

    pub(super) fn errors(&self) -> usize {
        self.problems.iter().filter(|p| p.is_error()).count()
    }

    /// Takes the values of `table` that are as declared, and reports all others. `what` names the table in
    /// messages: ``host `primary` ``.
    pub(super) fn table(
        &mut self,
        table: &DeTable<'_>,
        span: &Range<usize>,
        groups: &[&'static [Field]],
        what: &str,
    ) -> Fields {
        let declared = || groups.iter().flat_map(|fields| fields.iter());
        let mut fields = Fields::new(span.clone());
        for (key, value) in table {
            let name: &str = key.get_ref();
            match declared().find(|field| field.name == name) {
                Some(field) => {
                    if let Some(datum) = self.datum(value, field.form, field.name) {
                        fields.insert(field.name, datum, value.span());
                    }
                }
                None => {
                    let names = declared().map(|field| field.name);
                    self.unknown_key(name, key.span(), names, what);
                }
            }
        }
        for field in declared() {
            if field.required && !table.contains_key(field.name) {
                self.report(
                    Problem::error(
                        "missing-key",
                        span.clone(),
                        format!("{what} has no `{}`", field.name),
                    )
                    .label(format!("`{}` is missing", field.name))
                    .hint(format!(
                        "add `{} = {}`: {}",
                        field.name,
                        words::example(field.form),
                        field.about
                    )),
                );
            }
        }
        let declared: Vec<&Field> = declared().collect();
        self.keys_fit(table, span, &declared, what);
        fields
    }

    /// Reports keys that exclude each other, and keys that need another one.
    fn keys_fit(
        &mut self,
        table: &DeTable<'_>,
        span: &Range<usize>,
        declared: &[&Field],
        what: &str,
    ) {
        let place = |key: &str| {
            let found = table.iter().find(|(name, _)| name.get_ref() == key);
            found.map(|(name, _)| name.span())
        };
        let there = |keys: &'static [&'static str]| -> Vec<&'static str> {
            let mut there = keys.to_vec();
            there.retain(|key| table.contains_key(*key));
            there
        };
        for field in declared {
            // Each of the keys declares the same: the first one speaks.
            for (keys, most) in [(field.one_of, 1), (field.any_of, usize::MAX)] {
                if keys.first() != Some(&field.name) {
                    continue;
                }
                match there(keys).as_slice() {
                    [] => self.report(
                        Problem::error(
                            "missing-key",
                            span.clone(),
                            format!("{what} has none of {}", list(keys)),
                        )
                        .label("one of them must be here")
                        .hint(format!(
                            "add `{} = {}`: {}",
                            field.name,
                            words::example(field.form),
                            field.about
                        )),
                    ),
                    several if several.len() > most => self.report(
                        Problem::error(
                            "contradiction",
                            place(several[1]).unwrap_or_else(|| span.clone()),
                            format!("{} exclude each other", list(several)),
                        )
                        .label("which of them?"),
                    ),
                    _ => {}
                }
            }
            let Some(here) = place(field.name) else {
                continue;
            };
            let beside = there(field.not_with);
            if !beside.is_empty() {
                self.report(
                    Problem::error(
                        "contradiction",
                        here.clone(),
                        format!(
                            "beside `{}`, {} would say nothing",
                            field.name,
                            list(&beside)
                        ),
                    )
                    .label("leave out one of the two"),
                );
            }
            if !field.only_with.is_empty() && there(field.only_with).is_empty() {
                self.report(
                    Problem::error(
                        "does-not-fit",
                        here,
                        format!(
                            "`{}` goes only with {}",
                            field.name,
                            either(field.only_with)
                        ),
                    )
                    .label(format!("there is no {} here", either(field.only_with))),
                );
            }
        }
    }

    fn unknown_key(
        &mut self,
        name: &str,
        span: Range<usize>,
        known: impl Iterator<Item = &'static str>,
        what: &str,
    ) {
        let known: Vec<&str> = known.collect();
        let hint = match did_you_mean(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("{what} takes {}", list(&known)),
        };
        self.report(
            Problem::error(
                "unknown-key",
                span,
                format!("unknown key `{name}` in {what}"),
            )
            .label("not known here")
            .hint(hint),
        );
    }

    /// The tables under `[NAME.*]`, in the order of the text.
    pub(super) fn named<'t, 'i>(
        &mut self,
        root: &'t DeTable<'i>,
        name: &'static str,
    ) -> Vec<Named<'t, 'i>> {
        let Some(value) = root.get(name) else {
            return Vec::new();
        };
        let Some(outer) = value.get_ref().as_table() else {
            self.report(
                Problem::error(
                    "wrong-type",
                    value.span(),
                    format!("`{name}` must hold one table for each name"),
                )
                .label(format!("this is {}", words::found(value.get_ref())))
                .hint(format!("write `[{name}.NAME]`")),
            );
            return Vec::new();
        };
        let mut named = Vec::new();
        for (key, value) in outer {
            match value.get_ref() {
                DeValue::Table(table) => named.push(Named {
                    name: key.get_ref(),
                    name_span: key.span(),
                    table,
                    span: value.span(),
                }),
                other => self.report(
                    Problem::error(
                        "wrong-type",
                        value.span(),
                        format!("`{name}.{}` must be a table", key.get_ref()),
                    )
                    .label(format!("this is {}", words::found(other)))
                    .hint(format!("write `[{name}.{}]`", key.get_ref())),
                ),
            }
        }
        named.sort_by_key(|named| named.name_span.start);
        named
    }

    /// Reports a name of a table that could be taken for something else.
    pub(super) fn plain_name(&mut self, named: &Named<'_, '_>, what: &str) {
        if !is_plain(named.name) {
            self.report(
                Problem::error(
                    "bad-name",
                    named.name_span.clone(),
                    format!("`{}` is no name for a {what}", named.name),
                )
                .label("not a plain name")
                .hint("use letters, digits, `-`, `_` and `.`"),
            );
        } else if RESERVED.contains(&named.name) {
            self.report(
                Problem::error(
                    "bad-name",
                    named.name_span.clone(),
                    format!("a {what} cannot be called `{}`", named.name),
                )
                .label("this word has a meaning of its own"),
            );
        }
    }

    /// The value, where it has the form.
    fn datum(&mut self, value: &Spanned<DeValue<'_>>, form: Form, key: &str) -> Option<Datum> {
        match (form, value.get_ref()) {
            (Form::Secret, _) => self.secret(value, key).map(Datum::Secret),
            (Form::Table(fields), DeValue::Table(table)) => Some(Datum::Table(self.table(
                table,
                &value.span(),
                &[fields],
                &format!("`{key}`"),
            ))),
            (Form::Tables(fields), DeValue::Array(array))
                if array.iter().all(|item| item.get_ref().is_table()) =>
            {
                let tables = array
                    .iter()
                    .filter_map(|item| Some((item.get_ref().as_table()?, item.span())))
                    .map(|(table, span)| {
                        self.table(table, &span, &[fields], &format!("an entry of `{key}`"))
                    })
                    .collect();
                Some(Datum::Tables(tables))
            }
            (form, _) => self.plain(value, form, key),
        }
    }

    /// Reports a reference to something that the playbook does not define.
    pub(super) fn undefined(
        &mut self,
        code: &'static str,
        what: &str,
        name: &str,
        span: Range<usize>,
        known: &[String],
    ) {
        let hint = match did_you_mean(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => format!("the playbook defines no {what}"),
            None => format!("the playbook defines {}", list(known)),
        };
        self.report(
            Problem::error(code, span, format!("no {what} is called `{name}`"))
                .label("not defined")
                .hint(hint),
        );
    }
}

/// `` `a`, `b` and `c` ``
pub(super) fn list<S: AsRef<str>>(names: &[S]) -> String {
    joined(names, "and")
}

/// `` `a`, `b` or `c` ``
pub(super) fn either<S: AsRef<str>>(names: &[S]) -> String {
    joined(names, "or")
}

fn joined<S: AsRef<str>>(names: &[S], word: &str) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("`{}`", n.as_ref())).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} {word} {last}", rest.join(", ")),
        None => "nothing".into(),
    }
}

/// Whether a name can stand in a command line or a report without quotes.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('-')
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}
