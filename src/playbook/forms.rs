//! The forms of single values: what is taken, what is said of everything else.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::check::{Checker, either};
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
            (Form::Count, DeValue::Integer(number)) => {
                match u64::from_str_radix(number.as_str(), number.radix()) {
                    Ok(count) => Some(Datum::Count(count)),
                    Err(_) => {
                        self.report(
                            Problem::error(
                                "bad-number",
                                span,
                                format!("`{key}` must be a whole number, zero or more"),
                            )
                            .label("out of range"),
                        );
                        None
                    }
                }
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
            return Some(url.to_owned());
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
                .label("expected exactly one of `env`, `file` and `command`")
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
                return Some(SecretRef::File(path.to_string()));
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

/// Whether the text can be the name of an environment variable.
pub(super) fn is_variable(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn authority(url: &str) -> Option<&str> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))?;
    rest.split(['/', '?', '#']).next()
}

/// Whether a URL may hold a user or a password; a password with a `/` in it breaks the rules of URLs, and
/// must not be shown either.
pub(super) fn url_has_password(url: &str) -> bool {
    url.contains('@')
}

fn is_url(url: &str) -> bool {
    let Some(authority) = authority(url) else {
        return false;
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let host_is_good = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        }
    };
    host_is_good
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
        && !url.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn address(text: &str) -> Result<IpAddr, String> {
    let address: IpAddr = text.parse().map_err(|_| "is no IP address".to_owned())?;
    let mapped = matches!(address, IpAddr::V6(six) if six.to_ipv4_mapped().is_some());
    if address.is_unspecified() || address.is_multicast() || mapped {
        return Err("is no address of one machine".into());
    }
    Ok(address)
}

/// `192.0.2.53:53`, `[2001:db8::54]:53`, and both without a port.
pub(super) fn socket(text: &str, port: u16) -> Option<SocketAddr> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address).filter(|address| address.port() > 0);
    }
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse::<IpAddr>()
        .ok()
        .map(|address| SocketAddr::new(address, port))
}

fn socket_text(text: &str) -> Result<(), String> {
    match socket(text, 53) {
        Some(_) => Ok(()),
        None => Err("is no address with a port".into()),
    }
}

/// A fully qualified host name in lower case, without the last dot.
pub(super) fn host_name(text: &str) -> Result<String, String> {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let label_is_good = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    if name.contains("://") || name.contains('/') {
        Err("is no host name: leave out everything but the name".into())
    } else if !name.is_ascii() {
        Err("is no host name in DNS: write it in its `xn--` form".into())
    } else if name.len() > 253 || !name.split('.').all(label_is_good) {
        Err("is no host name".into())
    } else if !name.contains('.') {
        Err("is not fully qualified".into())
    } else {
        Ok(name)
    }
}

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
        Form::Texts => "a list of strings".into(),
        Form::TextOrTexts => "a string or a list of strings".into(),
        Form::Span => "a duration".into(),
        Form::Count => "a whole number".into(),
        Form::Percent => "a share from 0% to 100%".into(),
        Form::Bool => "true or false".into(),
        Form::Choice(words) => either(words),
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
        Form::Map => "a table of strings".into(),
    }
}

/// A value of a form, as a playbook would hold it.
pub(super) fn example(form: Form) -> String {
    match form {
        Form::Text | Form::TextOrTexts => "\"…\"".into(),
        Form::Texts => "[\"…\"]".into(),
        Form::Span => "\"15m\"".into(),
        Form::Count => "10".into(),
        Form::Percent => "\"80%\"".into(),
        Form::Bool => "true".into(),
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
        Form::Map => "{ \"…\" = \"…\" }".into(),
    }
}
