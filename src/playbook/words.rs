//! The forms of values in words, for messages and for the reference page.

use toml::de::DeValue;

use super::check::either;
use crate::field::Form;

/// What stands in the file, in words.
pub(super) fn found(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// A form in words, after "must be".
pub(super) fn words(form: Form) -> String {
    match form {
        Form::Text => "a string".into(),
        Form::File => "the path of a file".into(),
        Form::Kebab => "a name in kebab-case".into(),
        Form::Program => "a program and its arguments".into(),
        Form::Texts => "a list of strings".into(),
        Form::TextOrTexts => "a string or a list of strings".into(),
        Form::Span => "a duration".into(),
        Form::Count => "a whole number".into(),
        Form::Port => "a port from 1 to 65535".into(),
        Form::Status => "a status from 100 to 599".into(),
        Form::Percent => "a share from 0% to 100%".into(),
        Form::Bool => "true or false".into(),
        Form::Choice(words) => either(words),
        Form::Choices(words) => format!("{}, or a list of them", either(words)),
        Form::Secret => "the place of a secret".into(),
        Form::Addresses => "a list of IP addresses".into(),
        Form::Sockets => "an address with a port, or a list of them".into(),
        Form::Url => "a URL".into(),
        Form::Host => "a host of the playbook".into(),
        Form::Where => "`source`, `target`, `public` or a host of the playbook".into(),
        Form::Services => "`all`, a service of the playbook, or a list of them".into(),
        Form::Names => "a host name or a list of host names".into(),
        Form::Table(_) => "a table".into(),
        Form::Tables(_) => "a list of tables".into(),
        Form::Date => "a day".into(),
        Form::Map => "a table of strings".into(),
    }
}

/// A value of a form, as a playbook would hold it.
pub(super) fn example(form: Form) -> String {
    match form {
        Form::Text | Form::TextOrTexts => "\"…\"".into(),
        Form::File => "\"path/of/the/file\"".into(),
        Form::Kebab => "\"some-name\"".into(),
        Form::Texts => "[\"…\"]".into(),
        Form::Program => "[\"program\", \"argument\"]".into(),
        Form::Span => "\"15m\"".into(),
        Form::Count => "10".into(),
        Form::Port => "8080".into(),
        Form::Status => "200".into(),
        Form::Percent => "\"80%\"".into(),
        Form::Bool => "true".into(),
        Form::Choices(words) => format!("[\"{}\"]", words.first().unwrap_or(&"…")),
        Form::Choice(words) => format!("\"{}\"", words.first().unwrap_or(&"…")),
        Form::Secret => "{ env = \"NAME\" }".into(),
        Form::Addresses => "[\"192.0.2.10\", \"2001:db8::10\"]".into(),
        Form::Sockets => "[\"192.0.2.53:53\", \"[2001:db8::54]:53\"]".into(),
        Form::Url => "\"https://host.example/\"".into(),
        Form::Host => "\"HOST\"".into(),
        Form::Where => "\"target\"".into(),
        Form::Services => "\"all\"".into(),
        Form::Names => "[\"www.site.example\"]".into(),
        Form::Table(_) => "{ … }".into(),
        Form::Tables(_) => "[{ … }]".into(),
        Form::Date => "2026-12-31".into(),
        Form::Map => "{ \"…\" = \"…\" }".into(),
    }
}
