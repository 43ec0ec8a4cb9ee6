//! The fields of a playbook's tables: declared once, and checked, documented and read from the declaration.
//!
//! A kind of step or a provider declares its [`Field`]s. The playbook's parser checks a table against them
//! and reports every problem with its place; what comes out is a [`Fields`] that holds only values of the
//! declared forms, so its readers need no error handling. Help and reference page follow from the same list.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;
use std::time::Duration;

use crate::secret::SecretRef;

/// One key of a table.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub name: &'static str,
    pub form: Form,
    pub required: bool,
    /// One sentence for the reference page, without a full stop.
    pub about: &'static str,
    /// Keys of which exactly one must be there, this one among them. Each of them says so.
    pub one_of: &'static [&'static str],
    /// Keys of which at least one must be there, this one among them. Each of them says so.
    pub any_of: &'static [&'static str],
    /// Keys of which one must be there for this one to mean anything.
    pub only_with: &'static [&'static str],
    /// Keys that this one leaves nothing to say.
    pub not_with: &'static [&'static str],
}

impl Field {
    pub const fn new(name: &'static str, form: Form, about: &'static str) -> Field {
        Field {
            name,
            form,
            required: false,
            about,
            one_of: &[],
            any_of: &[],
            only_with: &[],
            not_with: &[],
        }
    }

    pub const fn required(mut self) -> Field {
        self.required = true;
        self
    }

    pub const fn one_of(mut self, keys: &'static [&'static str]) -> Field {
        self.one_of = keys;
        self
    }

    pub const fn any_of(mut self, keys: &'static [&'static str]) -> Field {
        self.any_of = keys;
        self
    }

    pub const fn only_with(mut self, keys: &'static [&'static str]) -> Field {
        self.only_with = keys;
        self
    }

    pub const fn not_with(mut self, keys: &'static [&'static str]) -> Field {
        self.not_with = keys;
        self
    }
}

/// The form of a value.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// A non-empty string.
    Text,
    /// Lower-case words of letters and digits with single hyphens between them.
    Kebab,
    /// A list of non-empty strings.
    Texts,
    /// A program and its arguments.
    Program,
    /// A string, or a list of strings.
    TextOrTexts,
    /// `"15m"`.
    Span,
    /// A whole number, zero or more.
    Count,
    /// A TCP port.
    Port,
    /// The status of an HTTP answer.
    Status,
    /// `"80%"`, or a number from 0 to 100.
    Percent,
    Bool,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// One of these words, or a list of them.
    Choices(&'static [&'static str]),
    /// `{ env = "…" }`, `{ file = "…" }` or `{ command = ["…"] }`; a plain string is refused as a secret
    /// that was written into the file.
    Secret,
    Addresses,
    /// `"192.0.2.53:53"`, `"[2001:db8::54]:53"`, `"192.0.2.53"`: kept as text, checked as a socket address
    /// whose port may be left out.
    Sockets,
    /// A file of this machine; kept as text, from the root where the folder of the playbook is known.
    File,
    /// `http://…` or `https://…`.
    Url,
    /// The id of a host that the playbook defines.
    Host,
    /// `source`, `target`, `public`, or the id of a host.
    Where,
    /// `"all"`, one id, or a list of ids of services that the playbook defines.
    Services,
    /// Fully qualified host names, with or without the last dot.
    Names,
    /// A table of its own.
    Table(&'static [Field]),
    /// A list of tables.
    Tables(&'static [Field]),
    /// A day: `2026-12-31`, with or without quotes; kept as text.
    Date,
    /// Free keys, string values: `{ "[2001:db8::10]:443" = "[::1]:8443" }`.
    Map,
}

/// A checked value.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum {
    Text(String),
    Texts(Vec<String>),
    Span(Duration),
    Count(u64),
    Percent(u8),
    Bool(bool),
    Secret(SecretRef),
    Addresses(Vec<IpAddr>),
    Table(Fields),
    Tables(Vec<Fields>),
    Map(BTreeMap<String, String>),
}

/// The checked values of one table, with their places in the source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields {
    values: BTreeMap<&'static str, (Datum, Range<usize>)>,
    /// The table itself.
    pub span: Range<usize>,
}

impl Fields {
    pub fn new(span: Range<usize>) -> Fields {
        Fields {
            values: BTreeMap::new(),
            span,
        }
    }

    pub fn insert(&mut self, name: &'static str, datum: Datum, span: Range<usize>) {
        self.values.insert(name, (datum, span));
    }

    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Where the value stands in the source; the table's own place where it is absent.
    pub fn span_of(&self, name: &str) -> Range<usize> {
        self.values
            .get(name)
            .map_or_else(|| self.span.clone(), |(_, span)| span.clone())
    }

    fn get(&self, name: &str) -> Option<&Datum> {
        self.values.get(name).map(|(datum, _)| datum)
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Datum::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The strings of a list, or the one string; empty where the key is absent.
    pub fn texts(&self, name: &str) -> &[String] {
        match self.get(name) {
            Some(Datum::Texts(texts)) => texts,
            Some(Datum::Text(text)) => std::slice::from_ref(text),
            _ => &[],
        }
    }

    pub fn span(&self, name: &str) -> Option<Duration> {
        match self.get(name) {
            Some(Datum::Span(span)) => Some(*span),
            _ => None,
        }
    }

    pub fn count(&self, name: &str) -> Option<u64> {
        match self.get(name) {
            Some(Datum::Count(count)) => Some(*count),
            _ => None,
        }
    }

    pub fn percent(&self, name: &str) -> Option<u8> {
        match self.get(name) {
            Some(Datum::Percent(percent)) => Some(*percent),
            _ => None,
        }
    }

    pub fn bool(&self, name: &str) -> Option<bool> {
        match self.get(name) {
            Some(Datum::Bool(yes)) => Some(*yes),
            _ => None,
        }
    }

    pub fn secret(&self, name: &str) -> Option<&SecretRef> {
        match self.get(name) {
            Some(Datum::Secret(secret)) => Some(secret),
            _ => None,
        }
    }

    pub fn addresses(&self, name: &str) -> &[IpAddr] {
        match self.get(name) {
            Some(Datum::Addresses(addresses)) => addresses,
            _ => &[],
        }
    }

    pub fn table(&self, name: &str) -> Option<&Fields> {
        match self.get(name) {
            Some(Datum::Table(table)) => Some(table),
            _ => None,
        }
    }

    pub fn tables(&self, name: &str) -> &[Fields] {
        match self.get(name) {
            Some(Datum::Tables(tables)) => tables,
            _ => &[],
        }
    }

    pub fn map(&self, name: &str) -> Option<&BTreeMap<String, String>> {
        match self.get(name) {
            Some(Datum::Map(map)) => Some(map),
            _ => None,
        }
    }
}
