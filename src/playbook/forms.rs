//! The forms of single values: what is taken, what is said of everything else.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use jiff::civil::Date;
use toml::Spanned;
use toml::de::DeValue;

use super::check::{Checker, either};
use super::values::{
    address, host_name, is_kebab, is_url, is_variable, socket_text, url_has_password,
};
use super::words::{example, found, words};
use crate::clock::parse_span;
use crate::field::{Datum, Form};
use crate::problem::{Problem, did_you_mean};
use crate::secret::SecretRef;

type Value<'i> = Spanned<DeValue<'i>>;

/// Longer spans are a slip of the keyboard, and would overflow arithmetic on times.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 86400);

/// The words that a step may use for a host without naming it.
pub(super) const ROLES: &[&str] = &["source", "target", "public"];

impl Checker {
    /// A value of a form that holds no table with fields.
    pub(super) fn plain(&mut self, value: &Value<'_>, form: Form, key: &str) -> Option<Datum> {
        let span = value.span();
        match (form, value.get_ref()) {
            (Form::Text, DeValue::String(_)) => self.text(value, key).map(Datum::Text),
            (Form::File, DeValue::String(_)) => {
                let text = self.text(value, key)?;
                Some(Datum::Text(self.file(&text, span)))
            }
            (Form::Kebab, DeValue::String(_)) => self.kebab(value, key).map(Datum::Text),
            (Form::Program, DeValue::Array(_)) => self.program(value, key).map(Datum::Texts),
            (Form::Texts, DeValue::Array(_)) => self.texts(value, key).map(Datum::Texts),
            (Form::TextOrTexts, DeValue::String(_)) => self.text(value, key).map(Datum::Text),
            (Form::TextOrTexts, DeValue::Array(_)) => self.texts(value, key).map(Datum::Texts),
            (Form::Span, DeValue::String(text)) => self.span(text, span, key).map(Datum::Span),
            (Form::Span, DeValue::Integer(number)) => {
                let number = number.to_string();
                self.report(
                    Problem::error(
                        "no-unit",
                        span,
                        format!("`{key}` is a number without a unit"),
                    )
                    .label("seconds, minutes or hours?")
                    .hint(format!("write `{key} = \"{number}s\"` for seconds")),
                );
                None
            }
            (Form::Count | Form::Port | Form::Status, DeValue::Integer(number)) => {
                let count = u64::from_str_radix(number.as_str(), number.radix());
                self.count(count.ok(), form, span, key).map(Datum::Count)
            }
            (Form::Percent, DeValue::String(text)) => {
                self.percent(text.trim().strip_suffix('%'), span, key)
            }
            (Form::Percent, DeValue::Integer(number)) if number.radix() == 10 => {
                self.percent(Some(number.as_str()), span, key)
            }
            (Form::Bool, DeValue::Boolean(yes)) => Some(Datum::Bool(*yes)),
            (Form::Choice(words), DeValue::String(word)) => {
                self.choice(word, words, span, key).map(Datum::Text)
            }
            (Form::Choices(words), DeValue::String(word)) => {
                self.choice(word, words, span, key).map(Datum::Text)
            }
            (Form::Choices(words), DeValue::Array(items)) => {
                self.choices(items, words, value, key).map(Datum::Texts)
            }
            (Form::Url, DeValue::String(url)) => self.url(url, span, key).map(Datum::Text),
            (Form::Host, DeValue::String(name)) => self
                .host(name, span, false)
                .then(|| Datum::Text(name.to_string())),
            (Form::Where, DeValue::String(name)) => self
                .host(name, span, true)
                .then(|| Datum::Text(name.to_string())),
            (Form::Services, _) => self.service_ids(value, key).map(Datum::Texts),
            (Form::Addresses, _) => self.each(value, key, form, address).map(Datum::Addresses),
            (Form::Sockets, DeValue::String(_)) => {
                let texts = self.each(value, key, form, |text| {
                    socket_text(text).map(|()| text.to_owned())
                })?;
                texts.into_iter().next().map(Datum::Text)
            }
            (Form::Sockets, _) => self
                .each(value, key, form, |text| {
                    socket_text(text).map(|()| text.to_owned())
                })
                .map(Datum::Texts),
            (Form::Names, DeValue::String(_)) => {
                let texts = self.each(value, key, form, host_name)?;
                texts.into_iter().next().map(Datum::Text)
            }
            (Form::Names, _) => self.each(value, key, form, host_name).map(Datum::Texts),
            (Form::Date, DeValue::String(text)) => self.date(text, span, key).map(Datum::Text),
            (Form::Date, DeValue::Datetime(time)) => {
                self.date(&time.to_string(), span, key).map(Datum::Text)
            }
            (Form::Map, DeValue::Table(table)) => {
                let mut map = BTreeMap::new();
                let before = self.problems.len();
                for (name, value) in table {
                    match value.get_ref() {
                        DeValue::String(text) => {
                            map.insert(name.get_ref().to_string(), text.to_string());
                        }
                        _ => {
                            self.wrong_type(value, &format!("{key}.{}", name.get_ref()), Form::Text)
                        }
                    }
                }
                (self.problems.len() == before).then_some(Datum::Map(map))
            }
            _ => {
                self.wrong_type(value, key, form);
                None
            }
        }
    }

    fn wrong_type(&mut self, value: &Value<'_>, key: &str, form: Form) {
        self.report(
            Problem::error(
                "wrong-type",
                value.span(),
                format!("`{key}` must be {}", words(form)),
            )
            .label(format!("this is {}", found(value.get_ref())))
            .hint(format!("write `{} = {}`", last_key(key), example(form))),
        );
    }

    fn text(&mut self, value: &Value<'_>, key: &str) -> Option<String> {
        let text = value.get_ref().as_str()?;
        if text.is_empty() {
            self.report(
                Problem::error("empty", value.span(), format!("`{key}` is empty"))
                    .label("nothing stands here"),
            );
            return None;
        }
        Some(text.to_owned())
    }

    fn kebab(&mut self, value: &Value<'_>, key: &str) -> Option<String> {
        let text = value.get_ref().as_str()?;
        if is_kebab(text) {
            return Some(text.to_owned());
        }
        self.report(
            Problem::error("bad-id", value.span(), format!("`{text}` is no `{key}`"))
                .label("not in kebab-case")
                .hint("use lower-case letters and digits, with `-` between words"),
        );
        None
    }

    /// A program and its arguments; some of these may be empty.
    fn program(&mut self, value: &Value<'_>, key: &str) -> Option<Vec<String>> {
        let words = self.each(value, key, Form::Program, |word| Ok(word.to_owned()))?;
        if words.first().is_some_and(|program| !program.is_empty()) {
            return Some(words);
        }
        self.report(
            Problem::error("empty", value.span(), format!("`{key}` is empty"))
                .label("expected a program and its arguments"),
        );
        None
    }

    fn count(
        &mut self,
        count: Option<u64>,
        form: Form,
        span: Range<usize>,
        key: &str,
    ) -> Option<u64> {
        let (code, allowed) = match form {
            Form::Port => ("bad-port", 1..=65535),
            Form::Status => ("bad-status", 100..=599),
            _ => ("bad-number", 0..=u64::MAX),
        };
        let good = count.filter(|count| allowed.contains(count));
        if good.is_none() {
            let message = match form {
                Form::Count => format!("`{key}` must be a whole number, zero or more"),
                _ => format!("`{key}` must be {}", words(form)),
            };
            self.report(Problem::error(code, span, message).label("out of range"));
        }
        good
    }

    fn texts(&mut self, value: &Value<'_>, key: &str) -> Option<Vec<String>> {
        self.each(value, key, Form::Texts, |text| {
            if text.is_empty() {
                Err("is empty".into())
            } else {
                Ok(text.to_owned())
            }
        })
    }

    /// Every string of a list, or the one string; all problems are reported, each at its own string.
    fn each<T>(
        &mut self,
        value: &Value<'_>,
        key: &str,
        form: Form,
        take: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let items: &[Value<'_>] = match value.get_ref() {
            DeValue::Array(array) => array,
            DeValue::String(_) => std::slice::from_ref(value),
            _ => {
                self.wrong_type(value, key, form);
                return None;
            }
        };
        let before = self.problems.len();
        let mut taken = Vec::new();
        for item in items {
            match item.get_ref().as_str() {
                None => self.wrong_type(value, key, form),
                Some(text) => match take(text) {
                    Ok(one) => taken.push(one),
                    Err(why) => self.report(
                        Problem::error("bad-value", item.span(), format!("`{text}` {why}"))
                            .label(format!("in `{key}`"))
                            .hint(format!("write `{} = {}`", last_key(key), example(form))),
                    ),
                },
            }
        }
        (self.problems.len() == before).then_some(taken)
    }

    fn span(&mut self, text: &str, span: Range<usize>, key: &str) -> Option<Duration> {
        let problem = match parse_span(text) {
            Ok(time) if time <= LONGEST => return Some(time),
            Ok(_) => Problem::error(
                "bad-span",
                span,
                format!("`{key}` is longer than ten years"),
            ),
            Err(_) => Problem::error("bad-span", span, format!("`{text}` is no duration")),
        };
        self.report(
            problem
                .label(format!("in `{key}`"))
                .hint("write a number with its unit: `90s`, `15m`, `6h`, `1h 30m`"),
        );
        None
    }

    fn date(&mut self, text: &str, span: Range<usize>, key: &str) -> Option<String> {
        // A time of the day is refused: nobody should have to think about zones here.
        let is_day = text.len() == "2026-12-31".len() && text.parse::<Date>().is_ok();
        if !is_day {
            self.report(
                Problem::error("bad-date", span, format!("`{text}` is no day"))
                    .label(format!("in `{key}`"))
                    .hint(format!("write `{key} = {}`", example(Form::Date))),
            );
        }
        is_day.then(|| text.to_owned())
    }

    fn percent(&mut self, digits: Option<&str>, span: Range<usize>, key: &str) -> Option<Datum> {
        match digits.and_then(|digits| digits.trim().parse::<u8>().ok()) {
            Some(percent) if percent <= 100 => Some(Datum::Percent(percent)),
            _ => {
                self.report(
                    Problem::error(
                        "bad-percent",
                        span,
                        format!("`{key}` must be a share from 0% to 100%"),
                    )
                    .label("not a share")
                    .hint(format!("write `{key} = \"80%\"`")),
                );
                None
            }
        }
    }

    pub(super) fn choice(
        &mut self,
        word: &str,
        words: &[&str],
        span: Range<usize>,
        key: &str,
    ) -> Option<String> {
        if words.contains(&word) {
            return Some(word.to_owned());
        }
        let hint = match did_you_mean(word, words.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it can be {}", either(words)),
        };
        self.report(
            Problem::error("no-such-word", span, format!("`{key}` cannot be `{word}`"))
                .label("not one of its words")
                .hint(hint),
        );
        None
    }

    fn choices(
        &mut self,
        items: &[Value<'_>],
        words: &'static [&'static str],
        value: &Value<'_>,
        key: &str,
    ) -> Option<Vec<String>> {
        let mut chosen = Vec::new();
        for item in items {
            match item.get_ref().as_str() {
                Some(word) => chosen.extend(self.choice(word, words, item.span(), key)),
                None => self.wrong_type(value, key, Form::Choices(words)),
            }
        }
        (chosen.len() == items.len()).then_some(chosen)
    }

    fn url(&mut self, url: &str, span: Range<usize>, key: &str) -> Option<String> {
        let problem = if url_has_password(url) {
            Problem::error(
                "secret-in-file",
                span,
                format!("a secret is written into the file: `{key}` holds a user or a password"),
            )
            .label("leave out what stands before `@`")
        } else if !is_url(url) {
            Problem::error("bad-url", span, format!("`{key}` is no URL"))
                .label("expected `http://…` or `https://…`")
        } else {
            // The scheme may be written in upper case (RFC 3986, 3.1); all that read it know the lower one.
            let (scheme, rest) = url.split_at(url.find(':').unwrap_or_default());
            return Some(scheme.to_ascii_lowercase() + rest);
        };
        self.report(problem);
        None
    }

    pub(super) fn host(&mut self, name: &str, span: Range<usize>, or_role: bool) -> bool {
        if (or_role && ROLES.contains(&name)) || self.known.hosts.iter().any(|host| host == name) {
            return true;
        }
        let mut known = self.known.hosts.clone();
        if or_role {
            known.extend(ROLES.iter().map(|role| (*role).to_owned()));
        }
        self.undefined("no-such-host", "host", name, span, &known);
        false
    }

    /// The ids of the services that are meant; `"all"` is replaced by all of them.
    fn service_ids(&mut self, value: &Value<'_>, key: &str) -> Option<Vec<String>> {
        if value.get_ref().as_str() == Some("all") {
            return Some(self.known.services.clone());
        }
        let before = self.problems.len();
        let names = self.each(value, key, Form::Services, |text| Ok(text.to_owned()))?;
        let items: &[Value<'_>] = match value.get_ref() {
            DeValue::Array(array) => array,
            _ => std::slice::from_ref(value),
        };
        for (name, item) in names.iter().zip(items) {
            if !self.known.services.contains(name) {
                let known = self.known.services.clone();
                self.undefined("no-such-service", "service", name, item.span(), &known);
            }
        }
        if names.is_empty() {
            self.report(
                Problem::error("empty", value.span(), format!("`{key}` names no service"))
                    .label("nothing stands here")
                    .hint(format!("leave `{key}` out, or write `{key} = \"all\"`")),
            );
        }
        (self.problems.len() == before).then_some(names)
    }

    /// Where a secret is. The value of anything else is never repeated: it may be the secret.
    pub(super) fn secret(&mut self, value: &Value<'_>, key: &str) -> Option<SecretRef> {
        let way_out = format!(
            "write `{key} = {{ env = \"NAME\" }}`, `{{ file = \"/path\" }}` or `{{ command = [\"program\"] }}`"
        );
        let Some(table) = value.get_ref().as_table() else {
            self.report(
                Problem::error(
                    "secret-in-file",
                    value.span(),
                    format!("a secret is written into the file: `{key}`"),
                )
                .label("say where the secret is, not what it is")
                .hint(format!(
                    "{way_out}, and change the secret: it was in a file"
                )),
            );
            return None;
        };
        let mut entries = table.iter();
        let (Some((name, place)), None) = (entries.next(), entries.next()) else {
            self.report(
                Problem::error(
                    "bad-secret",
                    value.span(),
                    format!("`{key}` must name one place of the secret"),
                )
                .label("expected exactly one of `env`, `file` or `command`")
                .hint(way_out),
            );
            return None;
        };
        match (name.get_ref().as_ref(), place.get_ref()) {
            ("env", DeValue::String(name)) if is_variable(name) => {
                return Some(SecretRef::Env(name.to_string()));
            }
            ("env", _) => self.report(
                Problem::error(
                    "bad-secret",
                    place.span(),
                    format!("`{key}` must give the name of an environment variable"),
                )
                .label("not a name of letters, digits and `_`")
                .hint("if this is the secret itself, take it out and change it"),
            ),
            ("file", DeValue::String(path)) if !path.is_empty() => {
                return Some(SecretRef::File(self.file(path, place.span())));
            }
            ("command", DeValue::Array(_)) => {
                let words = self.texts(place, "command")?;
                if !words.is_empty() {
                    return Some(SecretRef::Command(words));
                }
                self.report(
                    Problem::error("empty", place.span(), "`command` is empty")
                        .label("expected a program and its arguments"),
                );
            }
            ("file" | "command", _) => self.report(
                Problem::error(
                    "bad-secret",
                    place.span(),
                    format!("`{}` has the wrong form", name.get_ref()),
                )
                .label(format!("this is {}", found(place.get_ref())))
                .hint(way_out),
            ),
            _ => self.report(
                Problem::error(
                    "bad-secret",
                    name.span(),
                    format!("`{key}` cannot be read from there"),
                )
                .label("expected `env`, `file` or `command`")
                .hint(way_out),
            ),
        }
        None
    }
}

fn last_key(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}
