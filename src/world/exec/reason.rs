//! Why a far host cannot be asked: what ssh said, and what a look at its address shows.
#![expect(
    clippy::disallowed_methods,
    reason = "it looks at the address to tell a dead host from a frozen one"
)]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{sleep, timeout};

use super::master::{CONNECT, ESTABLISH, Target};
use super::not_run::by_login;
use super::words::printable;
use crate::event::{Cause, Unseen};

/// How long a connection may take before its address is looked at.
const QUIET: Duration = Duration::from_millis(400);

/// Why a destination cannot be asked. It names no host: several hosts of a playbook may have one destination,
/// and each is told of by its own name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reason {
    pub(super) cause: Cause,
    /// What follows the name of the host: `refuses connections`.
    what: String,
}

impl Reason {
    pub(super) fn new(cause: Cause, what: impl Into<String>) -> Reason {
        let what = what.into();
        Reason { cause, what }
    }

    /// Says it of one host: `host NAME (its destination) does this`.
    pub(super) fn of(&self, name: &str, destination: &str) -> Unseen {
        let what = &self.what;
        let detail = if name == destination {
            format!("host `{name}` {what}")
        } else {
            format!("host `{name}` (`{destination}`) {what}")
        };
        Unseen::new(self.cause, detail)
    }
}

/// What is known so far of an attempt that has not ended.
#[derive(Clone, Default)]
pub(super) struct Hint(Arc<Mutex<Option<Reason>>>);

impl Hint {
    pub(super) fn get(&self) -> Option<Reason> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, reason: Option<Reason>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }
}

/// What ssh's own words mean, the most telling line first. `None`: they do not tell.
pub(super) fn classify(text: &str) -> Option<Reason> {
    const SIGNS: [(&str, Cause, &str); 23] = [
        (
            "REMOTE HOST IDENTIFICATION HAS CHANGED",
            Cause::Denied,
            "has another host key than the one in known_hosts: it was reinstalled, or it is another machine",
        ),
        (
            "host key is known for",
            Cause::Denied,
            "has a host key that is not in known_hosts: connect once by hand and compare it",
        ),
        (
            "Host key verification failed",
            Cause::Denied,
            "has a host key that is not in known_hosts: connect once by hand and compare it",
        ),
        (
            "Permission denied",
            Cause::Denied,
            "accepts none of our keys",
        ),
        (
            "Too many authentication failures",
            Cause::Denied,
            "accepts none of our keys: name the right one in the ssh configuration",
        ),
        (
            "Could not resolve hostname",
            Cause::NoName,
            "has a name that does not resolve",
        ),
        (
            "during banner exchange",
            Cause::Frozen,
            "accepts connections and says nothing",
        ),
        (
            "Connection refused",
            Cause::Refused,
            "refuses connections: no ssh server listens there",
        ),
        (
            "No route to host",
            Cause::Unreachable,
            "cannot be reached: no route to it",
        ),
        (
            "connect failed: Network is unreachable",
            Cause::Unreachable,
            "cannot be reached from the host on the way to it: that has no route there",
        ),
        (
            "Network is unreachable",
            Cause::Unreachable,
            "cannot be reached: this machine has no route to its network",
        ),
        (
            "Cannot assign requested address",
            Cause::Unreachable,
            "cannot be reached: this machine has no address of that family",
        ),
        (
            "Address family",
            Cause::Unreachable,
            "cannot be reached: this machine has no address of that family",
        ),
        (
            "Connection timed out",
            Cause::Unreachable,
            "does not answer to a connection",
        ),
        (
            "Operation timed out",
            Cause::Unreachable,
            "does not answer to a connection",
        ),
        (
            "not responding",
            Cause::Frozen,
            "accepts connections and says nothing",
        ),
        (
            "Can't open user config file",
            Cause::Missing,
            "cannot be asked: its `ssh-config` file is not there",
        ),
        (
            "Bad configuration option",
            Cause::Error,
            "cannot be asked: its ssh configuration holds an unknown option",
        ),
        (
            "Bad owner or permissions",
            Cause::Error,
            "cannot be asked: its ssh configuration may be written by others",
        ),
        (
            "no matching",
            Cause::Error,
            "and this machine have no method of ssh in common",
        ),
        (
            "Connection reset",
            Cause::Error,
            "closes ssh connections at once: too many at a time, or this address is not allowed",
        ),
        (
            "Connection closed",
            Cause::Error,
            "closes ssh connections at once: too many at a time, or this address is not allowed",
        ),
        (
            "Exceeded MaxStartups",
            Cause::Error,
            "has too many ssh connections at a time",
        ),
    ];
    SIGNS
        .iter()
        .find(|(sign, _, _)| text.contains(sign))
        .map(|(_, cause, what)| Reason::new(*cause, *what))
}

/// Looks at the address of a connection that takes long, and keeps in `hint` what that shows. Runs until
/// it is dropped.
pub(super) async fn scout(target: &Target, hint: &Hint) -> Infallible {
    sleep(QUIET).await;
    let tell = |cause, what: &str| hint.set(Some(Reason::new(cause, what)));
    if let Some((host, port)) = endpoint(target).await {
        match lookup_host((host.as_str(), port)).await {
            Ok(addresses) => {
                for at in addresses.take(4) {
                    if look(at, &tell, hint).await {
                        break;
                    }
                }
            }
            Err(_) => tell(Cause::NoName, "has a name that does not resolve"),
        }
    }
    std::future::pending().await
}

/// Looks at one address, and says whether it told enough.
async fn look(at: SocketAddr, tell: &impl Fn(Cause, &str), hint: &Hint) -> bool {
    tell(
        Cause::Unreachable,
        &format!("does not answer to a connection at {at}"),
    );
    let mut stream = match timeout(CONNECT, TcpStream::connect(at)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            tell(
                Cause::Refused,
                &format!("refuses connections at {at}: no ssh server listens there"),
            );
            return false;
        }
        _ => return false,
    };
    tell(
        Cause::Frozen,
        &format!("accepts connections at {at} and says nothing"),
    );
    let mut first = [0; 4];
    if let Ok(Ok(_)) = timeout(ESTABLISH, stream.read(&mut first)).await {
        // It speaks. What takes so long is the login, and ssh will say what became of it.
        hint.set(None);
    }
    true
}

/// Why a host that is reached by way of another cannot be; none where it is not reached that way.
pub(super) async fn on_the_way(target: &Target) -> Option<Reason> {
    if endpoint(target).await.is_some() {
        return None;
    }
    let mut ssh = target.ssh();
    ssh.stderr(Stdio::piped())
        .args(["-o", "BatchMode=yes", "-o", "ControlPath=none"])
        .args(["-o", "ConnectTimeout=3", "-o", "LogLevel=ERROR", "--"])
        .args([&target.destination, "exit 0"]);
    let output = timeout(CONNECT, ssh.output()).await.ok()?.ok()?;
    blame(&String::from_utf8_lossy(&output.stderr))
}

/// Why a host that lets a connection in and then says nothing to a master closes it: what its login says of the account
/// goes only to whoever asks without a master. None where that does not tell either.
pub(super) async fn at_login(target: &Target) -> Option<Reason> {
    let mut ssh = target.ssh();
    ssh.stderr(Stdio::piped())
        .args(["-o", "BatchMode=yes", "-o", "ControlPath=none"])
        .args(["-o", "ConnectTimeout=3", "-o", "LogLevel=INFO", "--"])
        .args([&target.destination, "exit 0"]);
    let output = timeout(CONNECT, ssh.output()).await.ok()?.ok()?;
    if output.status.success() {
        return None;
    }
    refused_at_login(&String::from_utf8_lossy(&output.stderr))
}

fn refused_at_login(text: &str) -> Option<Reason> {
    if let Some((cause, why)) = by_login(text) {
        return Some(Reason::new(cause, format!("lets nobody in: {why}")));
    }
    // Before the login it would be said of `kex_exchange_identification`.
    if text.contains("Connection closed by") && !text.contains("kex_exchange_identification") {
        let what = "closes the connection at the login: the account may be locked or expired \
            (`chage -l` shows it), or may not log in there";
        return Some(Reason::new(Cause::Denied, what));
    }
    classify(text)
}

fn blame(text: &str) -> Option<Reason> {
    // The command that leads there is run here, by a shell of this machine.
    let not_here = |line: &&str| {
        line.ends_with(": not found")
            || line.ends_with("command not found")
            || line.contains("No such file or dir")
    };
    if let Some(line) = text.lines().map(str::trim).find(not_here)
        && !text.contains("Can't open user config file")
    {
        let what = format!(
            "cannot be asked: its `ProxyCommand` cannot be run here ({})",
            printable(line)
        );
        return Some(Reason::new(Cause::Missing, what));
    }
    let Reason { cause, what } = classify(text)?;
    // The host on the way was entered, and says itself that it got no further; or nothing of this machine was left.
    let of_here = [
        "Bad configuration option",
        "Bad owner or permissions",
        "Can't open user config file",
    ];
    if text.contains("open failed") || of_here.iter().any(|sign| text.contains(sign)) {
        return Some(Reason { cause, what });
    }
    let what = format!("is reached by way of another host, which {what}");
    Some(Reason { cause, what })
}

/// The name and port that ssh would connect to; none where it goes by way of another host.
async fn endpoint(target: &Target) -> Option<(String, u16)> {
    let mut ssh = target.ssh();
    ssh.stdout(Stdio::piped())
        .args(["-G", "--"])
        .arg(&target.destination);
    let output = timeout(Duration::from_secs(3), ssh.output())
        .await
        .ok()?
        .ok()?;
    endpoint_of(&String::from_utf8_lossy(&output.stdout))
}

fn endpoint_of(settings: &str) -> Option<(String, u16)> {
    let get = |key: &str| {
        settings
            .lines()
            .filter_map(|line| line.split_once(' '))
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    };
    let by_way = ["proxyjump", "proxycommand"];
    if by_way
        .iter()
        .any(|key| get(key).is_some_and(|v| v != "none"))
    {
        return None;
    }
    Some((get("hostname")?.to_owned(), get("port")?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_ssh_are_told_apart() {
        let cases = [
            (
                "ssh: connect to host 127.0.0.1 port 1: Connection refused",
                Cause::Refused,
            ),
            (
                "ssh: Could not resolve hostname nope.invalid: Name or service not known",
                Cause::NoName,
            ),
            (
                "ssh: connect to host 192.0.2.1 port 22: Connection timed out",
                Cause::Unreachable,
            ),
            (
                "ssh: connect to host 2001:db8::1 port 22: Network is unreachable",
                Cause::Unreachable,
            ),
            (
                "Connection timed out during banner exchange\r\nConnection to 127.0.0.1 port 2 timed out",
                Cause::Frozen,
            ),
            (
                "ops@192.0.2.1: Permission denied (publickey,password).",
                Cause::Denied,
            ),
            (
                "@@@@@\r\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\r\nHost key verification failed.",
                Cause::Denied,
            ),
            (
                "No ED25519 host key is known for x and you have requested strict checking.\r\nHost key verification failed.",
                Cause::Denied,
            ),
            (
                "kex_exchange_identification: Connection closed by remote host\r\nConnection closed by ::1 port 22",
                Cause::Error,
            ),
        ];
        for (text, cause) in cases {
            assert_eq!(
                classify(text).map(|reason| reason.cause),
                Some(cause),
                "{text}"
            );
        }
        assert_eq!(classify("something new"), None);
        assert_eq!(classify(""), None);
    }

    #[test]
    fn a_host_on_the_way_is_told_from_the_one_behind_it() {
        let gate = "ops@gate: Permission denied (publickey).\r\nkex_exchange_identification: Connection closed by remote host";
        let Reason { cause, what } = blame(gate).unwrap();
        assert_eq!(cause, Cause::Denied);
        assert!(what.contains("by way of another host"), "{what}");
        let behind =
            "channel 0: open failed: connect failed: Connection refused\r\nstdio forwarding failed";
        let Reason { cause, what } = blame(behind).unwrap();
        assert_eq!(cause, Cause::Refused);
        assert!(!what.contains("another host"), "{what}");
        let of_here = [
            (
                "config: line 3: Bad configuration option: bogus",
                "unknown option",
            ),
            (
                "/bin/bash: line 1: exec: nc: not found\r\nConnection closed by UNKNOWN port 65535",
                "`ProxyCommand` cannot be run here",
            ),
        ];
        for (text, expected) in of_here {
            let Reason { what, .. } = blame(text).unwrap();
            assert!(
                what.contains(expected) && !what.contains("another host"),
                "{what}"
            );
        }
    }

    #[test]
    fn an_account_that_may_not_log_in_is_told_from_a_host_that_is_silent() {
        let cases = [
            (
                "Your account has expired; please contact your system administrator.\nConnection closed by 192.0.2.22 port 22",
                "the account has expired",
            ),
            (
                "Connection closed by 192.0.2.22 port 22",
                "locked or expired",
            ),
            (
                "kex_exchange_identification: Connection closed by remote host\nConnection closed by ::1 port 22",
                "too many at a time",
            ),
        ];
        for (text, expected) in cases {
            let Reason { what, .. } = refused_at_login(text).unwrap();
            assert!(what.contains(expected), "{what}");
        }
        assert_eq!(refused_at_login(""), None);
    }

    #[test]
    fn an_endpoint_is_looked_at_only_where_ssh_goes_there_itself() {
        let plain = "user ops\nhostname ::1\nport 2222\nproxycommand none\n";
        assert_eq!(endpoint_of(plain), Some(("::1".into(), 2222)));
        assert_eq!(endpoint_of("hostname a\nport 22\nproxyjump b\n"), None);
        assert_eq!(endpoint_of("hostname a\nport 22\nproxycommand nc\n"), None);
        assert_eq!(endpoint_of(""), None);
    }
}
