//! The master process of ssh(1) that holds the connection to one far host.
#![expect(
    clippy::disallowed_methods,
    reason = "this module is where ssh is started"
)]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use openssh::Session;
use tokio::process::Command;
use tokio::time::timeout;

use super::reason::{self, Hint, Reason};
use super::words::printable;
use crate::clock::short;
use crate::event::Cause;
use crate::world::files::{self, NotRead};

/// How long ssh waits for one address to accept and to say who it is.
pub(super) const CONNECT: Duration = Duration::from_secs(6);

/// How long a connection may take in all: several addresses, a jump, the keys.
pub(super) const ESTABLISH: Duration = Duration::from_secs(20);

/// How long a connection that nobody uses stays open, also where we were killed.
const IDLE_SECS: u32 = 120;

/// Where and how to connect: hosts that say the same share a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Target {
    pub(super) destination: String,
    pub(super) config: Option<PathBuf>,
}

impl Target {
    /// ssh(1) with what every call has in common.
    pub(super) fn ssh(&self) -> Command {
        let mut ssh = Command::new("ssh");
        if let Some(config) = &self.config {
            ssh.arg("-F").arg(config);
        }
        ssh.stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .env("LC_ALL", "C.UTF-8")
            .process_group(0)
            .kill_on_drop(true);
        ssh
    }
}

/// An open connection. Dropping it asks its master to end.
pub(super) type Link = Session;

/// Starts a master and waits until it is connected. What ssh says of a failure, or what a look at the
/// address meanwhile has shown, is the reason.
pub(super) async fn connect(target: &Target, hint: &Hint) -> Result<Link, Reason> {
    let here = |what: &str, error: std::io::Error| {
        Reason::new(Cause::Error, format!("cannot be asked: {what}: {error}"))
    };
    if target.destination.is_empty() || target.destination.starts_with('-') {
        return Err(Reason::new(Cause::NoName, "is not a destination for ssh"));
    }
    if let Some(config) = &target.config
        && let Err(why @ NotRead::Kind(_)) = files::look(config)
    {
        let what = format!(
            "cannot be asked: its ssh-config `{}`: {why}",
            config.display()
        );
        return Err(Reason::new(Cause::Error, what));
    }
    let folder = control_folder().map_err(|error| here("no folder for its connection", error))?;
    let said = folder.path().join("said");
    let log = std::fs::File::create(&said).map_err(|error| here("no file for messages", error))?;
    let mut master = target.ssh();
    master
        .stderr(log)
        .args(["-M", "-N", "-f", "-T", "-S"])
        .arg(folder.path().join("master"))
        .args(["-o", "BatchMode=yes"])
        .args(["-o", "LogLevel=ERROR"])
        .args(["-o", "ServerAliveInterval=5"])
        .args(["-o", "ClearAllForwardings=yes"])
        .args(["-o", "ForwardAgent=no"])
        .args(["-o", "ForwardX11=no"])
        .args(["-o", "PermitLocalCommand=no"])
        .args(["-o", "RemoteCommand=none"])
        .arg("-o")
        .arg(format!("ControlPersist={IDLE_SECS}"))
        .arg("-o")
        .arg(format!("ConnectTimeout={}", CONNECT.as_secs()))
        .arg("--")
        .arg(&target.destination);
    let mut child = master.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Reason::new(
            Cause::Missing,
            "cannot be asked: `ssh` is not installed here",
        ),
        _ => here("failed to start ssh", error),
    })?;
    let scout = reason::scout(target, hint);
    let status = tokio::select! {
        status = timeout(ESTABLISH, child.wait()) => status,
        never = scout => match never {},
    };
    match status {
        Ok(Ok(status)) if status.success() => Ok(Session::new_native_mux(folder)),
        Ok(Ok(_)) => {
            let text = tail(&said);
            let told = match reason::classify(&text) {
                // A master hides what a host on the way says, so that one is asked without a master.
                None
                | Some(Reason {
                    cause: Cause::Error,
                    ..
                }) => match reason::on_the_way(target).await {
                    None => reason::classify(&text),
                    found => found,
                },
                told => told,
            };
            let told = match told {
                None => reason::at_login(target).await,
                told => told,
            };
            Err(told.or_else(|| hint.get()).unwrap_or_else(|| {
                let last = printable(text.lines().last().unwrap_or("it said nothing"));
                Reason::new(Cause::Error, format!("cannot be connected to: {last}"))
            }))
        }
        Ok(Err(error)) => Err(here("failed to wait for ssh", error)),
        Err(_) => {
            let _ = child.start_kill();
            let what = format!("was not connected within {}", short(ESTABLISH));
            Err(hint
                .get()
                .unwrap_or_else(|| Reason::new(Cause::TimedOut, what)))
        }
    }
}

/// Asks a master to end, and waits until it was told.
pub(super) async fn end(target: &Target, link: &Link) {
    let mut exit = target.ssh();
    exit.arg("-S")
        .arg(link.control_socket())
        .args(["-O", "exit", "--"])
        .arg(&target.destination);
    if let Ok(mut exit) = exit.spawn() {
        let _ = exit.wait().await;
    }
}

/// A private folder with a short name: the path of a socket must fit into about a hundred bytes.
fn control_folder() -> std::io::Result<tempfile::TempDir> {
    let own = std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute() && path.as_os_str().len() < 50 && path.is_dir());
    let make = |folder: &Path| {
        tempfile::Builder::new()
            .prefix("cutover-ssh-")
            .tempdir_in(folder)
    };
    match own.as_deref().map(make) {
        Some(Ok(folder)) => Ok(folder),
        _ => make(Path::new("/tmp")),
    }
}

/// The end of what ssh said, at most a few lines.
fn tail(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_default();
    let from = bytes.len().saturating_sub(4 << 10);
    String::from_utf8_lossy(&bytes[from..]).trim().to_owned()
}
