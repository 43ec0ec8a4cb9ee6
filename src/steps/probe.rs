//! One probe at one address: the question, what came back, and the judgement of it.

mod unread;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::unread::lacking;
use crate::event::{Cause, Fact, Unseen};
use crate::plan::Outcome;
use crate::site::{Host, HttpProbe, Probe};
use crate::words::{part_of, verb_of};
use crate::world::net::{self, HttpAsk, RsyncSeen, Unread};

/// How much of a body is read where a text is looked for in it.
const BODY: usize = 256 << 10;
/// How much is read where nothing is looked for.
const BODY_UNREAD: usize = 16 << 10;
/// How much a TCP service may send before the expected text.
const TCP: usize = 64 << 10;
/// How much of an answer is kept for people, in characters.
const EXCERPT: usize = 80;

/// One probe of one service under one name, at one address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Spot {
    pub(super) service: String,
    /// The public name that is asked for; only HTTP carries one.
    pub(super) name: Option<String>,
    pub(super) probe: Probe,
    /// Whose address it is; none where it belongs to neither site.
    pub(super) host: Option<String>,
    pub(super) site: Option<String>,
    pub(super) address: IpAddr,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub(super) enum Reply {
    Http {
        status: u16,
        /// Only the headers that the probe is about, `location` and `retry-after`.
        headers: Vec<(String, String)>,
        /// Whether the text that was looked for is in the body.
        holds: Option<bool>,
        /// Where it is not: why that says nothing of all of the body.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unread: Option<Unread>,
        begins: String,
        millis: u64,
        /// Until the connection was there.
        #[serde(skip)]
        connect: Duration,
    },
    Tcp {
        holds: Option<bool>,
        /// As for HTTP.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unread: Option<Unread>,
        begins: String,
    },
    Rsync(RsyncSeen),
    /// No answer, and why.
    None(Unseen),
}

/// The address families, which are reported apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    pub(super) const BOTH: [Family; 2] = [Family::V4, Family::V6];

    pub(super) fn of(address: IpAddr) -> Family {
        match address {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        })
    }
}

/// How many probes there are of each family, and how many of them pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pass: [usize; 2],
    all: [usize; 2],
}

impl Tally {
    pub(super) fn add(&mut self, family: Family, outcome: Outcome) {
        let at = family as usize;
        self.all[at] += 1;
        self.pass[at] += usize::from(matches!(outcome, Outcome::Pass | Outcome::Warn));
    }

    pub(super) fn all(&self) -> usize {
        self.all.iter().sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pass: usize = self.pass.iter().sum();
        let all = self.all();
        let passes = verb_of(all, "passes", "pass");
        write!(f, "{} {passes} (", part_of(pass, all, "probe"))?;
        for (family, comma) in Family::BOTH.into_iter().zip(["", ", "]) {
            let (pass, all) = (self.pass[family as usize], self.all[family as usize]);
            f.write_str(comma)?;
            if pass == all {
                write!(f, "{all} over {family}")?;
            } else {
                write!(f, "{pass} of {all} over {family}")?;
            }
        }
        f.write_str(")")
    }
}

pub(super) fn port(probe: &Probe) -> u16 {
    match probe {
        Probe::Http(http) => http.port,
        Probe::Tcp { port, .. } | Probe::Rsync { port, .. } => *port,
    }
}

/// The URL of a probe, with the public name and without the port that goes without saying.
fn url(http: &HttpProbe, name: &str) -> String {
    let (scheme, usual) = if http.tls {
        ("https", 443)
    } else {
        ("http", 80)
    };
    if http.port == usual {
        format!("{scheme}://{name}{}", http.path)
    } else {
        format!("{scheme}://{name}:{}{}", http.port, http.path)
    }
}

/// The address that stands in place of a name, as a URL has it: `192.0.2.7`, `[2001:db8::7]`.
pub(super) fn literal(name: &str) -> Option<IpAddr> {
    let inner = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    inner.unwrap_or(name).parse().ok()
}

/// What is asked, without the place where it is asked: `https://www.example.org/`, `tcp`, `rsync archive`.
fn question(probe: &Probe, name: Option<&str>) -> String {
    match probe {
        Probe::Http(http) => url(http, name.unwrap_or("-")),
        Probe::Tcp { .. } => "tcp".into(),
        Probe::Rsync { module, .. } => format!("rsync {module}"),
    }
}

/// What must come back, in words.
pub(super) fn expected(probe: &Probe) -> String {
    match probe {
        Probe::Http(http) => {
            let mut text = match http.status {
                Some(status) => format!("status {status}"),
                None => "status 2xx".into(),
            };
            if let Some(part) = &http.contains {
                text += &format!(", containing `{part}`");
            }
            for (name, part) in &http.header {
                text += &format!(", header `{name}` with `{part}`");
            }
            if let Some(millis) = http.slower_than_ms {
                text += &format!(", within {millis} ms");
            }
            text
        }
        Probe::Tcp {
            expect: Some(part), ..
        } => format!("`{part}`"),
        Probe::Tcp { expect: None, .. } => "accepts a connection".into(),
        Probe::Rsync { module, .. } => {
            format!("module `{module}` is open, and a file of it can be read")
        }
    }
}

/// Whether a missing answer shows that the service is down there, or that nothing could be told.
///
/// A refused connection, a wrong certificate or a broken answer came from the far side. Silence may as well
/// be ours: no route from here, a firewall, a machine that is frozen.
pub(super) fn shows_it_is_down(cause: Cause) -> bool {
    match cause {
        Cause::Refused | Cause::Denied | Cause::Garbled | Cause::Missing | Cause::Error => true,
        Cause::Unreachable
        | Cause::NoRoute
        | Cause::Unable
        | Cause::Frozen
        | Cause::TimedOut
        | Cause::NoName => false,
    }
}

/// The judgement of one answer, and the answer in words.
pub(super) fn verdict(probe: &Probe, reply: &Reply) -> (Outcome, String) {
    match (probe, reply) {
        (_, Reply::None(unseen)) => {
            let outcome = if shows_it_is_down(unseen.cause) {
                Outcome::Fail
            } else {
                Outcome::Unknown
            };
            (outcome, unseen.detail.clone())
        }
        (
            Probe::Http(http),
            Reply::Http {
                status,
                headers,
                holds,
                unread,
                begins,
                millis,
                ..
            },
        ) => {
            let is_damaged = matches!(unread, Some(Unread::Damaged(_)));
            let text = (*holds == Some(false) || is_damaged)
                .then(|| lacking(&format!("status {status}"), unread.as_ref(), begins));
            let wrong = wrong_head(http, *status, headers).or(text);
            wrong.unwrap_or_else(|| in_time(http, *status, *millis))
        }
        (
            Probe::Tcp { .. },
            Reply::Tcp {
                holds,
                unread,
                begins,
            },
        ) => match holds {
            Some(false) if unread.is_some() => lacking("connected", unread.as_ref(), begins),
            Some(false) if begins.is_empty() => (Outcome::Fail, "connected, nothing came".into()),
            Some(false) => (Outcome::Fail, format!("`{begins}`")),
            Some(true) => (Outcome::Pass, format!("`{begins}`")),
            None => (Outcome::Pass, "connected".into()),
        },
        (Probe::Rsync { .. }, Reply::Rsync(seen)) => match seen {
            RsyncSeen::Open { version, beside } => {
                let open = format!("open (protocol {version})");
                match beside {
                    None => (Outcome::Pass, open),
                    Some(text) => {
                        let text = excerpt(text);
                        (
                            Outcome::Warn,
                            format!("{open}, and not all can be read: `{text}`"),
                        )
                    }
                }
            }
            RsyncSeen::Listed { version } => {
                let far = "it lists folders, and no file is near enough to the top to be read";
                (Outcome::Warn, format!("open (protocol {version}): {far}"))
            }
            RsyncSeen::Unread { text, .. } => {
                let text = excerpt(text);
                (
                    Outcome::Fail,
                    format!("open, and nothing in it can be read: `{text}`"),
                )
            }
            RsyncSeen::Empty { .. } => (Outcome::Fail, "open, and empty: it lists nothing".into()),
            RsyncSeen::Locked { .. } => (Outcome::Fail, "asks for a password".into()),
            RsyncSeen::Error { text, .. } => (Outcome::Fail, format!("`{}`", excerpt(text))),
        },
        _ => (
            Outcome::Unknown,
            "the recorded answer belongs to another probe".into(),
        ),
    }
}

/// What is wrong with status and headers.
fn wrong_head(
    http: &HttpProbe,
    status: u16,
    headers: &[(String, String)],
) -> Option<(Outcome, String)> {
    let fail = |text| Some((Outcome::Fail, text));
    let right = match http.status {
        Some(wanted) => status == wanted,
        None => (200..300).contains(&status),
    };
    let location = headers.iter().find(|(name, _)| name == "location");
    if !right {
        return fail(match location {
            Some((_, to)) if (300..400).contains(&status) => {
                format!(
                    "status {status} to `{}`, which is not followed",
                    excerpt(to)
                )
            }
            _ => format!("status {status}"),
        });
    }
    for (name, part) in &http.header {
        let values: Vec<_> = headers
            .iter()
            .filter(|(seen, _)| seen.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect();
        if values.is_empty() {
            return fail(format!("status {status}, no header `{name}`"));
        }
        if !values.iter().any(|value| value.contains(part.as_str())) {
            let value = excerpt(&values.join(", "));
            return fail(format!("status {status}, header `{name}` is `{value}`"));
        }
    }
    None
}

fn in_time(http: &HttpProbe, status: u16, millis: u64) -> (Outcome, String) {
    let text = format!("status {status} in {millis} ms");
    match http.slower_than_ms {
        Some(most) if millis > most => (Outcome::Warn, text),
        _ => (Outcome::Pass, text),
    }
}

impl Spot {
    /// The public address and port that is asked.
    pub(super) fn at(&self) -> SocketAddr {
        SocketAddr::new(self.address, port(&self.probe))
    }

    /// What is asked and where: `website https://www.example.org/ at standby [2001:db8::1]:443`.
    pub(super) fn what(&self) -> String {
        let question = question(&self.probe, self.name.as_deref());
        let host = self
            .host
            .as_deref()
            .map_or(String::new(), |host| format!("{host} "));
        format!("{} {question} at {host}{}", self.service, self.at())
    }

    pub(super) fn fact(&self, reply: &Reply) -> Fact {
        let (outcome, actual) = verdict(&self.probe, reply);
        Fact {
            outcome,
            what: self.what(),
            expected: expected(&self.probe),
            actual,
        }
    }

    /// What a person would type to ask the same.
    pub(super) fn by_hand(&self) -> String {
        let address = match self.address {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => format!("[{v6}]"),
        };
        match &self.probe {
            Probe::Http(http) => {
                let name = self.name.as_deref().unwrap_or(&address);
                let resolve = match literal(name) {
                    Some(_) => String::new(),
                    None => format!("--resolve '{name}:{}:{address}' ", http.port),
                };
                let ca = http
                    .ca
                    .as_ref()
                    .map_or(String::new(), |ca| format!("--cacert '{}' ", ca.display()));
                format!("curl -sv {ca}{resolve}'{}'", url(http, name))
            }
            Probe::Tcp { port, .. } => format!("nc -v {} {port}", self.address),
            Probe::Rsync { module, port } => format!("rsync 'rsync://{address}:{port}/{module}/'"),
        }
    }

    /// Asks; what did not answer is told as a [`Reply::None`]. `host` may know of a detour to the address.
    pub(super) async fn ask(&self, host: Option<&Host>, timeout: Duration) -> Reply {
        let at = host.map_or(self.at(), |host| host.connect_to(self.at()));
        let reply = match &self.probe {
            Probe::Http(http) => self.ask_http(http, at, timeout).await,
            Probe::Tcp { send, expect, .. } => {
                let send = send.as_deref().unwrap_or_default().as_bytes();
                let wanted = expect.as_deref().map(str::as_bytes);
                let limit = if wanted.is_some() { TCP } else { 0 };
                net::tcp(at, send, wanted, limit, timeout)
                    .await
                    .map(|bytes| Reply::Tcp {
                        holds: wanted.map(|part| net::contains(&bytes, part)),
                        unread: (bytes.len() >= TCP).then_some(Unread::Beyond(TCP)),
                        begins: excerpt(&String::from_utf8_lossy(&bytes)),
                    })
            }
            Probe::Rsync { module, .. } => net::rsync_module(at, module, timeout)
                .await
                .map(Reply::Rsync),
        };
        reply.unwrap_or_else(Reply::None)
    }

    async fn ask_http(
        &self,
        http: &HttpProbe,
        at: SocketAddr,
        timeout: Duration,
    ) -> Result<Reply, Unseen> {
        let address = SocketAddr::new(self.address, 0).to_string();
        let literal = address.trim_end_matches(":0");
        let ask = HttpAsk {
            url: url(http, self.name.as_deref().unwrap_or(literal)),
            method: "GET".into(),
            at,
            headers: Vec::new(),
            text: http.contains.clone(),
            body_limit: if http.contains.is_some() {
                BODY
            } else {
                BODY_UNREAD
            },
            ca: http.ca.clone(),
        };
        let seen = net::http(&ask, timeout).await?;
        let about = |name: &str| {
            name == "location"
                || name == "retry-after"
                || http
                    .header
                    .iter()
                    .any(|(asked, _)| asked.eq_ignore_ascii_case(name))
        };
        Ok(Reply::Http {
            status: seen.status,
            holds: seen.holds,
            unread: seen.unread,
            begins: excerpt(&seen.body),
            headers: seen
                .headers
                .into_iter()
                .filter(|(name, _)| about(name))
                .map(|(name, value)| (name, value.chars().take(1024).collect()))
                .collect(),
            millis: seen.millis,
            connect: seen.connect,
        })
    }
}

/// The beginning of a text from a far side, on one line and without what would steer a terminal.
pub(super) fn excerpt(text: &str) -> String {
    one_line(text, EXCERPT)
}

/// At most so many characters of a text from a far side, fit for the screen.
pub(super) fn one_line(text: &str, most: usize) -> String {
    let clean = text
        .trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c });
    let mut short: String = clean.clone().take(most).collect();
    if clean.count() > most {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests;
