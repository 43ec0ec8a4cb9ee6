//! One probe at one address: the question, what came back, and the judgement of it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::{Cause, Fact, Unseen};
use crate::plan::Outcome;
use crate::site::{Host, HttpProbe, Probe};
use crate::world::net::{self, HttpAsk, RsyncSeen};

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
        /// Only the headers that the probe is about, and `location`.
        headers: Vec<(String, String)>,
        /// Whether the text that was looked for is in the body.
        holds: Option<bool>,
        begins: String,
        millis: u64,
    },
    Tcp {
        holds: Option<bool>,
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
        write!(f, "{pass} of {} probes pass (", self.all())?;
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
        Probe::Rsync { module, .. } => format!("module `{module}` is open"),
    }
}

/// Whether a missing answer shows that the service is down there, or that nothing could be told.
///
/// A refused connection, a wrong certificate or a broken answer came from the far side. Silence may as well
/// be ours: no route from here, a firewall, a machine that is frozen.
pub(super) fn shows_it_is_down(cause: Cause) -> bool {
    match cause {
        Cause::Refused | Cause::Denied | Cause::Garbled | Cause::Missing | Cause::Error => true,
        Cause::Unreachable | Cause::Frozen | Cause::TimedOut | Cause::NoName => false,
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
                begins,
                millis,
            },
        ) => http_verdict(http, *status, headers, *holds, begins, *millis),
        (Probe::Tcp { .. }, Reply::Tcp { holds, begins }) => match holds {
            Some(false) if begins.is_empty() => (Outcome::Fail, "connected, nothing came".into()),
            Some(false) => (Outcome::Fail, format!("`{begins}`")),
            Some(true) => (Outcome::Pass, format!("`{begins}`")),
            None => (Outcome::Pass, "connected".into()),
        },
        (Probe::Rsync { .. }, Reply::Rsync(seen)) => match seen {
            RsyncSeen::Open { version } => (Outcome::Pass, format!("open (protocol {version})")),
            RsyncSeen::Locked { .. } => (Outcome::Fail, "asks for a password".into()),
            RsyncSeen::Error { text, .. } => (Outcome::Fail, format!("`{}`", excerpt(text))),
        },
        _ => (
            Outcome::Unknown,
            "the recorded answer belongs to another probe".into(),
        ),
    }
}

fn http_verdict(
    http: &HttpProbe,
    status: u16,
    headers: &[(String, String)],
    holds: Option<bool>,
    begins: &str,
    millis: u64,
) -> (Outcome, String) {
    let right = match http.status {
        Some(wanted) => status == wanted,
        None => (200..300).contains(&status),
    };
    let location = headers.iter().find(|(name, _)| name == "location");
    if !right {
        let text = match location {
            Some((_, to)) if (300..400).contains(&status) => {
                format!(
                    "status {status} to `{}`, which is not followed",
                    excerpt(to)
                )
            }
            _ => format!("status {status}"),
        };
        return (Outcome::Fail, text);
    }
    for (name, part) in &http.header {
        let values: Vec<_> = headers
            .iter()
            .filter(|(seen, _)| seen.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect();
        if values.is_empty() {
            return (
                Outcome::Fail,
                format!("status {status}, no header `{name}`"),
            );
        }
        if !values.iter().any(|value| value.contains(part.as_str())) {
            let value = excerpt(&values.join(", "));
            return (
                Outcome::Fail,
                format!("status {status}, header `{name}` is `{value}`"),
            );
        }
    }
    if holds == Some(false) {
        let text = format!("status {status}, the text is not in the body, which begins `{begins}`");
        return (Outcome::Fail, text);
    }
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
                let ca = http
                    .ca
                    .as_ref()
                    .map_or(String::new(), |ca| format!("--cacert '{}' ", ca.display()));
                format!(
                    "curl -sv {ca}--resolve '{name}:{}:{address}' '{}'",
                    http.port,
                    url(http, name)
                )
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
                        holds: wanted.map(|part| contains(&bytes, part)),
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
                || http
                    .header
                    .iter()
                    .any(|(asked, _)| asked.eq_ignore_ascii_case(name))
        };
        Ok(Reply::Http {
            status: seen.status,
            holds: http.contains.as_ref().map(|part| seen.body.contains(part)),
            begins: excerpt(&seen.body),
            headers: seen
                .headers
                .into_iter()
                .filter(|(name, _)| about(name))
                .map(|(name, value)| (name, value.chars().take(1024).collect()))
                .collect(),
            millis: seen.millis,
        })
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    part.is_empty() || bytes.windows(part.len()).any(|window| window == part)
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
mod tests {
    use super::*;

    fn http(change: impl FnOnce(&mut HttpProbe)) -> Probe {
        let mut probe = HttpProbe {
            path: "/".into(),
            tls: true,
            port: 443,
            status: None,
            contains: None,
            header: Vec::new(),
            slower_than_ms: None,
            ca: None,
        };
        change(&mut probe);
        Probe::Http(probe)
    }

    fn page(status: u16, headers: &[(&str, &str)], holds: Option<bool>, millis: u64) -> Reply {
        Reply::Http {
            status,
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect(),
            holds,
            begins: "<html>".into(),
            millis,
        }
    }

    #[test]
    fn an_http_answer_is_judged_by_all_that_was_asserted() {
        let plain = http(|_| ());
        let moved = http(|p| p.status = Some(301));
        let text = http(|p| p.contains = Some("Raspbian".into()));
        let header = http(|p| p.header = vec![("x-site".into(), "cloud".into())]);
        let quick = http(|p| p.slower_than_ms = Some(100));
        let to = [("location", "https://elsewhere.example/")];
        let cases = [
            (&plain, page(200, &[], None, 5), Outcome::Pass),
            (&plain, page(204, &[], None, 5), Outcome::Pass),
            (&plain, page(301, &to, None, 5), Outcome::Fail),
            (&plain, page(502, &[], None, 5), Outcome::Fail),
            (&moved, page(301, &to, None, 5), Outcome::Pass),
            (&moved, page(200, &[], None, 5), Outcome::Fail),
            (&text, page(200, &[], Some(true), 5), Outcome::Pass),
            (&text, page(200, &[], Some(false), 5), Outcome::Fail),
            (&text, page(404, &[], Some(true), 5), Outcome::Fail),
            (
                &header,
                page(200, &[("x-site", "the cloud")], None, 5),
                Outcome::Pass,
            ),
            (
                &header,
                page(200, &[("x-site", "old")], None, 5),
                Outcome::Fail,
            ),
            (&header, page(200, &[], None, 5), Outcome::Fail),
            (&quick, page(200, &[], None, 100), Outcome::Pass),
            (&quick, page(200, &[], None, 101), Outcome::Warn),
        ];
        for (probe, reply, outcome) in cases {
            assert_eq!(verdict(probe, &reply).0, outcome, "{probe:?} {reply:?}");
        }
        let (_, text) = verdict(&plain, &page(301, &to, None, 5));
        assert_eq!(
            text,
            "status 301 to `https://elsewhere.example/`, which is not followed"
        );
    }

    #[test]
    fn silence_is_unknown_and_a_refusal_is_a_failure() {
        let cases = [
            (Cause::Refused, Outcome::Fail),
            (Cause::Denied, Outcome::Fail),
            (Cause::Garbled, Outcome::Fail),
            (Cause::Missing, Outcome::Fail),
            (Cause::Error, Outcome::Fail),
            (Cause::Unreachable, Outcome::Unknown),
            (Cause::Frozen, Outcome::Unknown),
            (Cause::TimedOut, Outcome::Unknown),
        ];
        for (cause, outcome) in cases {
            let reply = Reply::None(Unseen::new(cause, "no"));
            assert_eq!(verdict(&http(|_| ()), &reply).0, outcome, "{cause:?}");
        }
    }

    #[test]
    fn tcp_and_rsync_answers_are_judged() {
        let tcp = Probe::Tcp {
            port: 25,
            send: None,
            expect: Some("220".into()),
        };
        let rsync = Probe::Rsync {
            module: "archive".into(),
            port: 873,
        };
        let version = String::from("31.0");
        let said = |holds| Reply::Tcp {
            holds,
            begins: "220 hello".into(),
        };
        let cases = [
            (&tcp, said(Some(true)), Outcome::Pass),
            (&tcp, said(Some(false)), Outcome::Fail),
            (
                &rsync,
                Reply::Rsync(RsyncSeen::Open {
                    version: version.clone(),
                }),
                Outcome::Pass,
            ),
            (
                &rsync,
                Reply::Rsync(RsyncSeen::Locked {
                    version: version.clone(),
                }),
                Outcome::Fail,
            ),
            (
                &rsync,
                Reply::Rsync(RsyncSeen::Error {
                    version,
                    text: "@ERROR: Unknown module".into(),
                }),
                Outcome::Fail,
            ),
            (&rsync, said(None), Outcome::Unknown),
        ];
        for (probe, reply, outcome) in cases {
            assert_eq!(verdict(probe, &reply).0, outcome, "{reply:?}");
        }
    }

    #[test]
    fn a_spot_says_what_is_asked_and_how_to_ask_it_by_hand() {
        let spot = Spot {
            service: "website".into(),
            name: Some("www.example.org".into()),
            probe: http(|p| p.port = 8443),
            host: Some("standby".into()),
            site: Some("cloud".into()),
            address: "2001:db8::20".parse().unwrap(),
        };
        assert_eq!(
            spot.what(),
            "website https://www.example.org:8443/ at standby [2001:db8::20]:8443"
        );
        assert_eq!(
            spot.by_hand(),
            "curl -sv --resolve 'www.example.org:8443:[2001:db8::20]' 'https://www.example.org:8443/'"
        );
    }

    #[test]
    fn the_families_are_counted_apart() {
        let mut tally = Tally::default();
        for outcome in [Outcome::Pass, Outcome::Warn] {
            tally.add(Family::V4, outcome);
        }
        tally.add(Family::V6, Outcome::Pass);
        assert_eq!(
            tally.to_string(),
            "3 of 3 probes pass (2 over IPv4, 1 over IPv6)"
        );
        tally.add(Family::V6, Outcome::Fail);
        assert_eq!(
            tally.to_string(),
            "3 of 4 probes pass (2 over IPv4, 1 of 2 over IPv6)"
        );
    }

    #[test]
    fn an_excerpt_is_one_short_line_without_control_characters() {
        assert_eq!(excerpt("a\x1b[31mb\nc  "), "a [31mb c");
        assert_eq!(excerpt(&"x".repeat(100)).chars().count(), EXCERPT + 1);
    }
}
