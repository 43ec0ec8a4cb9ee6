//! A real rsync daemon.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::{Guard, free_port, program, wait_for_port};

/// A daemon with modules; each is a folder of its own.
pub struct RsyncDaemon {
    folder: TempDir,
    pub at: SocketAddr,
    _server: Guard,
}

impl RsyncDaemon {
    /// Starts it with modules that are open and modules that ask for a password (`user`, `pass`).
    pub fn start(ip: IpAddr, open: &[&str], locked: &[&str]) -> RsyncDaemon {
        RsyncDaemon::with(ip, open, locked, "")
    }

    /// The same, with more lines for all of its modules.
    pub fn with(ip: IpAddr, open: &[&str], locked: &[&str], lines: &str) -> RsyncDaemon {
        let folder = tempfile::tempdir().unwrap();
        let at = SocketAddr::new(ip, free_port());
        let path = folder.path().display();
        let secrets = folder.path().join("secrets");
        std::fs::write(&secrets, "user:pass\n").unwrap();
        std::fs::write(folder.path().join("motd"), "Welcome.\n@ the lab\n\n").unwrap();
        let mut config = format!(
            "use chroot = no\nreverse lookup = no\nstrict modes = no\nmotd file = {path}/motd\n\
             lock file = {path}/lock\npid file = {path}/pid\nlog file = {path}/daemon.log\n{lines}"
        );
        if rustix::process::geteuid().is_root() {
            config.push_str("uid = root\ngid = root\n");
        }
        for name in open.iter().chain(locked) {
            std::fs::create_dir_all(folder.path().join("modules").join(name)).unwrap();
            writeln!(
                config,
                "[{name}]\npath = {path}/modules/{name}\nread only = yes"
            )
            .unwrap();
            if locked.contains(name) {
                writeln!(config, "auth users = user\nsecrets file = {path}/secrets").unwrap();
            }
        }
        std::fs::write(folder.path().join("rsyncd.conf"), config).unwrap();
        let mut rsync = Command::new(program("rsync"));
        rsync
            .args(["--daemon", "--no-detach"])
            .arg(format!("--config={path}/rsyncd.conf"))
            .arg(format!("--address={ip}"))
            .arg(format!("--port={}", at.port()));
        let mut server = Guard::start(rsync, folder.path().join("log"));
        wait_for_port(&mut server, at);
        RsyncDaemon {
            folder,
            at,
            _server: server,
        }
    }

    /// The folder that a module shows.
    pub fn module(&self, name: &str) -> PathBuf {
        self.folder.path().join("modules").join(name)
    }
}
