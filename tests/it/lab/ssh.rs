//! Far hosts: real sshd processes of the present user, each with its own port, keys, home and programs.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use cutover::world::exec::{Reach, Via};
use tempfile::TempDir;

use super::{Guard, V4, V6, free_port, program, put_program, read, wait_for_port};

/// An ssh client's configuration, and the servers that it names.
pub struct SshLab {
    folder: TempDir,
}

/// One far host.
pub struct Sshd {
    pub name: String,
    pub port: u16,
    folder: PathBuf,
    server: Guard,
}

impl SshLab {
    pub fn new() -> SshLab {
        let lab = SshLab {
            folder: tempfile::tempdir().unwrap(),
        };
        std::fs::write(lab.path("config"), "").unwrap();
        std::fs::write(lab.path("known_hosts"), "").unwrap();
        keygen(&lab.path("key"));
        if rustix::process::geteuid().is_root() {
            // sshd as root insists on this folder; packages make it when the service starts.
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        lab
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The file for `ssh -F`.
    pub fn config(&self) -> PathBuf {
        self.path("config")
    }

    /// Starts a host. It is reached by its name, and over IPv6 by its name followed by `6`.
    pub fn host(&self, name: &str) -> Sshd {
        self.host_with(name, "")
    }

    /// Starts a host with more lines in its `sshd_config`.
    pub fn host_with(&self, name: &str, more: &str) -> Sshd {
        let folder = self.path(name);
        for part in ["bin", "home"] {
            std::fs::create_dir_all(folder.join(part)).unwrap();
        }
        keygen(&folder.join("host_key"));
        std::fs::copy(self.path("key.pub"), folder.join("authorized_keys")).unwrap();
        let port = free_port();
        let at = folder.display();
        let config = format!(
            "Port {port}\n\
             ListenAddress 127.0.0.1\n\
             ListenAddress ::1\n\
             HostKey {at}/host_key\n\
             AuthorizedKeysFile {at}/authorized_keys\n\
             PidFile none\n\
             UsePAM no\n\
             StrictModes no\n\
             PasswordAuthentication no\n\
             KbdInteractiveAuthentication no\n\
             PermitRootLogin yes\n\
             LogLevel VERBOSE\n\
             MaxStartups 100\n\
             SetEnv HOME={at}/home PATH={at}/bin:/usr/local/bin:/usr/bin:/bin\n\
             {more}\n"
        );
        std::fs::write(folder.join("sshd_config"), config).unwrap();
        let mut sshd = Command::new(program("sshd"));
        sshd.args(["-D", "-e", "-f"])
            .arg(folder.join("sshd_config"));
        let mut server = Guard::start(sshd, folder.join("log"));
        for ip in [V4, V6] {
            wait_for_port(&mut server, SocketAddr::new(ip, port));
        }
        let host = Sshd {
            name: name.to_owned(),
            port,
            folder,
            server,
        };
        self.know(&host);
        self.add(name, "127.0.0.1", port);
        self.add(&format!("{name}6"), "::1", port);
        host
    }

    /// Names a host in the client's configuration, whether anything listens there or not.
    pub fn add(&self, name: &str, address: &str, port: u16) {
        let mut config = read(&self.path("config"));
        let lab = self.folder.path().display();
        write!(
            config,
            "Host {name}\n  HostName {address}\n  Port {port}\n  IdentityFile {lab}/key\n  \
             IdentitiesOnly yes\n  UserKnownHostsFile {lab}/known_hosts\n  GlobalKnownHostsFile none\n"
        )
        .unwrap();
        std::fs::write(self.path("config"), config).unwrap();
    }

    /// Names a host of this lab a second time, reached by way of another one.
    pub fn jump(&self, name: &str, port: u16, by_way_of: &str) {
        self.add(name, "127.0.0.1", port);
        let config = read(&self.path("config")) + "  ProxyJump " + by_way_of + "\n";
        std::fs::write(self.path("config"), config).unwrap();
    }

    fn know(&self, host: &Sshd) {
        let key = read(&host.folder.join("host_key.pub"));
        let mut known = read(&self.path("known_hosts"));
        for address in ["127.0.0.1", "::1"] {
            writeln!(known, "[{address}]:{} {}", host.port, key.trim()).unwrap();
        }
        std::fs::write(self.path("known_hosts"), known).unwrap();
    }

    /// How a host of this lab is reached.
    pub fn reach(&self, name: &str) -> Reach {
        Reach {
            name: name.to_owned(),
            via: Via::Ssh {
                destination: name.to_owned(),
                config: Some(self.config()),
            },
            sudo: false,
        }
    }

    /// Puts another key into `known_hosts` for a host, as if it had been reinstalled.
    pub fn expect_another_key(&self, host: &Sshd) {
        keygen(&self.path("other"));
        let other = read(&self.path("other.pub"));
        let other = other.split(' ').nth(1).unwrap();
        let key = read(&host.folder.join("host_key.pub"));
        let key = key.split(' ').nth(1).unwrap();
        let known = read(&self.path("known_hosts")).replace(key, other);
        std::fs::write(self.path("known_hosts"), known).unwrap();
    }

    /// Forgets the keys of all hosts.
    pub fn forget_all(&self) {
        std::fs::write(self.path("known_hosts"), "").unwrap();
    }
}

impl Sshd {
    /// The home of whoever logs in.
    pub fn home(&self) -> PathBuf {
        self.folder.join("home")
    }

    /// Puts a program of the test before the real one, on this host only.
    pub fn replace_program(&self, name: &str, script: &str) {
        put_program(&self.folder.join("bin").join(name), script);
    }

    /// No key opens this host any more.
    pub fn lock_out(&self) {
        std::fs::write(self.folder.join("authorized_keys"), "").unwrap();
    }

    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    pub fn log(&self) -> String {
        self.server.said()
    }

    /// How many connections have logged in.
    pub fn logins(&self) -> usize {
        self.log().matches("Accepted publickey").count()
    }

    /// How many programs were started.
    pub fn sessions(&self) -> usize {
        self.log().matches("Starting session").count()
    }
}

fn keygen(path: &Path) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f"])
        .arg(path)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}
