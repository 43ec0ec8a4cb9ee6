//! A whole failover on one machine, for `cutover demo`: two sites, their name servers, a provider, and users.
//!
//! [`start`] builds the lab in a folder and runs its servers in this process, on loopback ports that stay
//! the same for a folder. What is run against it is the ordinary program: the playbook that it writes can be
//! edited and run again, and what a run left standing is still there when the lab is started anew.
//! Only the users are simulated; they make real requests to real addresses that a real resolver gave them.

mod cache;
mod folder;
mod http;
mod lab;
mod playbook;
mod ports;
mod provider;
mod users;
mod web;
mod zone;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

pub use lab::{Lab, start};

/// What somebody wants of the demo.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where the lab lives; a new folder under the temporary directory where none is given.
    pub folder: Option<PathBuf>,
    /// What shall go wrong.
    pub breaks: Option<Break>,
}

/// What can be made to fail, to see what the program does then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    Packages,
    Mirror,
    Http,
    Dns,
    Traffic,
}

impl Break {
    pub const ALL: [Break; 5] = [
        Break::Packages,
        Break::Mirror,
        Break::Http,
        Break::Dns,
        Break::Traffic,
    ];

    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Break::Packages => "packages",
            Break::Mirror => "mirror",
            Break::Http => "http",
            Break::Dns => "dns",
            Break::Traffic => "traffic",
        }
    }

    /// What goes wrong, and what there is to see; lowercase, without a full stop.
    pub fn about(self) -> &'static str {
        match self {
            Break::Packages => {
                "the target lacks packages: the drill refuses before any change (exit 4)"
            }
            Break::Mirror => {
                "the target's mirror is two days behind: the drill refuses before any change (exit 4)"
            }
            Break::Http => {
                "the target works when it is probed and fails once users come: everything is put back (exit 5)"
            }
            Break::Dns => {
                "the second name server never follows: the run holds and asks (exit 6 where nobody is there to ask)"
            }
            Break::Traffic => {
                "users never ask for the address again: the run holds and asks (exit 6 where nobody is there to ask)"
            }
        }
    }
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Break {
    type Err = String;

    fn from_str(text: &str) -> Result<Break, String> {
        let known = Break::ALL.into_iter().find(|known| known.name() == text);
        known.ok_or_else(|| {
            let names: Vec<&str> = Break::ALL.iter().map(|known| known.name()).collect();
            format!(
                "`{text}` cannot be broken; choose one of {}",
                names.join(", ")
            )
        })
    }
}

/// Why there is no lab.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("`{program}` is not installed, and the demo compares with the real one: {mend}")]
    NoProgram {
        program: &'static str,
        mend: &'static str,
    },
    #[error("`{}` holds other files; give a new folder, or one that an earlier demo wrote", .folder.display())]
    NotALab { folder: PathBuf },
    #[error("the path `{}` cannot stand in a playbook; give a folder whose name is plain text", .folder.display())]
    BadPath { folder: PathBuf },
    #[error("`{}` was written by another version of the demo; remove the folder, or give another", .file.display())]
    BadFile { file: PathBuf },
    #[error("`{at}` is taken ({source}); is another demo running in this folder?")]
    Taken {
        at: SocketAddr,
        source: std::io::Error,
    },
    #[error("no eight neighbouring loopback ports are free")]
    NoPorts,
    #[error("failed to {what}: {source}")]
    Io {
        what: String,
        source: std::io::Error,
    },
}

impl DemoError {
    fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> DemoError {
        let what = what.into();
        move |source| DemoError::Io { what, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_names_a_break() {
        for known in Break::ALL {
            assert_eq!(known.name().parse(), Ok(known));
            assert!(!known.about().ends_with('.'));
        }
        let why = "disk".parse::<Break>().unwrap_err();
        assert!(
            why.contains("packages, mirror, http, dns, traffic"),
            "{why}"
        );
    }
}
