//! What an answer says of how often a server is asked.

use std::time::Duration;

use crate::event::Cause;
use crate::plan::Outcome;
use crate::site::Probe;
use crate::steps::probe::{Reply, verdict};
use crate::world::net::RsyncSeen;

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Good,
    /// It may be that it was asked too often, as by an answer of a server that limits its clients; and how long it wants to
    /// be left alone, where it says so.
    TooOften(Option<Duration>),
    Bad,
}

/// What servers say to whom they give no session: of IMAP, rsync, databases, OpenSSH (sshd.c: `MaxStartups`, and what its
/// penalties say since 9.8), Postfix; those of SMTP and FTP begin with 421.
const BUSY: [&str; 7] = [
    "too many",
    "exceeded maxstartups",
    "not allowed at this time",
    "rate exceeded",
    "max connections",
    "maximum number",
    "try again later",
];

pub(super) fn said(probe: &Probe, reply: &Reply) -> Said {
    if verdict(probe, reply).0 <= Outcome::Warn {
        return Said::Good;
    }
    let busy = |text: &str| {
        let text = text.to_ascii_lowercase();
        text.starts_with("421") || BUSY.iter().any(|word| text.contains(word))
    };
    let too_often = match reply {
        // RFC 6585, 4; RFC 9110, 15.6.4. nginx says 503 to whom it limits.
        Reply::Http {
            status: 429 | 503,
            headers,
            ..
        } => return Said::TooOften(wait(headers)),
        // It closed at once, as whatever counts connections does.
        Reply::Tcp { begins, .. } => begins.is_empty() || busy(begins),
        Reply::Rsync(RsyncSeen::Error { text, .. }) => busy(text),
        Reply::None(unseen) => unseen.cause == Cause::Refused,
        Reply::Http { .. } | Reply::Rsync(_) => false,
    };
    match too_often {
        true => Said::TooOften(None),
        false => Said::Bad,
    }
}

/// `Retry-After` in seconds (RFC 9110, 10.2.3); a date there is not read.
fn wait(headers: &[(String, String)]) -> Option<Duration> {
    let (_, value) = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("retry-after"))?;
    value.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Unseen;
    use crate::steps::testing::http_probe;

    #[test]
    fn what_limits_its_clients_is_told_from_what_is_not_well() {
        let page = Probe::Http(http_probe());
        let http = |status, wait: Option<&str>| Reply::Http {
            status,
            headers: (wait.iter())
                .map(|wait| ("Retry-After".to_owned(), (*wait).to_owned()))
                .collect(),
            holds: None,
            unread: None,
            begins: String::new(),
            millis: 1,
            connect: Duration::ZERO,
        };
        let mail = Probe::Tcp {
            port: 25,
            send: None,
            expect: Some("220".into()),
        };
        let greets = |begins: &str| Reply::Tcp {
            holds: Some(begins.starts_with("220")),
            unread: None,
            begins: begins.into(),
        };
        let module = Probe::Rsync {
            module: "a".into(),
            port: 873,
        };
        let rsync = |text: &str| {
            Reply::Rsync(RsyncSeen::Error {
                version: "31.0".into(),
                text: text.into(),
            })
        };
        let none = |cause| Reply::None(Unseen::new(cause, "no"));
        let seconds = |n| Said::TooOften(Some(Duration::from_secs(n)));
        let cases = [
            (&page, http(200, None), Said::Good),
            (&page, http(429, None), Said::TooOften(None)),
            (&page, http(429, Some("2")), seconds(2)),
            (&page, http(503, Some(" 30 ")), seconds(30)),
            (
                &page,
                http(503, Some("Fri, 27 Nov 2026 23:00:00 GMT")),
                Said::TooOften(None),
            ),
            (&page, http(502, None), Said::Bad),
            (&page, http(500, Some("2")), Said::Bad),
            (&page, http(404, None), Said::Bad),
            (&mail, greets("220 hello"), Said::Good),
            (
                &mail,
                greets("421 4.7.0 too many connections"),
                Said::TooOften(None),
            ),
            (
                &mail,
                greets("Exceeded MaxStartups\r\n"),
                Said::TooOften(None),
            ),
            (
                &mail,
                greets("554 5.7.0 connection rate exceeded"),
                Said::TooOften(None),
            ),
            (
                &mail,
                greets("* BYE Maximum number of connections"),
                Said::TooOften(None),
            ),
            (&mail, greets(""), Said::TooOften(None)),
            (&mail, greets("554 no"), Said::Bad),
            (
                &module,
                rsync("max connections (1) reached -- try again later"),
                Said::TooOften(None),
            ),
            (&module, rsync("Unknown module 'a'"), Said::Bad),
            (&module, none(Cause::Refused), Said::TooOften(None)),
            (&page, none(Cause::TimedOut), Said::Bad),
            (&page, none(Cause::Frozen), Said::Bad),
            (&page, none(Cause::Denied), Said::Bad),
        ];
        for (probe, reply, right) in cases {
            assert_eq!(said(probe, &reply), right, "{reply:?}");
        }
    }
}
