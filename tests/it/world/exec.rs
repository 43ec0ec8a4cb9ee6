//! Programs, here and over ssh.

mod anywhere;
mod between;
mod connections;
mod login;
mod profiles;
mod sessions;
mod unreachable;

use std::path::Path;
use std::time::Duration;

use cutover::world::exec::{Exec, Inquiry, Output, Reach, Via};

use crate::lab::ssh::SshLab;
use crate::lab::{have, read};

const LONG: Duration = Duration::from_secs(60);

/// The time of a program that never ends: so much that it begins meanwhile, on a busy machine too.
const BEGINS: Duration = Duration::from_secs(10);

fn local() -> Reach {
    Reach {
        name: "here".into(),
        via: Via::Local,
        sudo: false,
    }
}

fn sh(script: &str) -> Inquiry {
    Inquiry::looks_only(["sh", "-c", script])
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A lab of far hosts, where ssh is installed.
fn ssh_lab() -> Option<SshLab> {
    have(&["sshd", "ssh"]).then(SshLab::new)
}

/// Whether a process is there; a zombie is not.
fn alive(pid: &str) -> bool {
    let status = read(&Path::new("/proc").join(pid.trim()).join("stat"));
    !status.is_empty() && !status.contains(") Z ")
}

/// Asks the same so many times at once: all must see the same.
async fn ask_at_once(exec: &Exec, host: &Reach, inquiry: &Inquiry, times: usize) -> Output {
    let asks = (0..times).map(|_| exec.ask(host, inquiry, LONG));
    let mut outputs = futures::future::try_join_all(asks).await.unwrap();
    let last = outputs.pop().unwrap();
    for other in outputs {
        assert_eq!(other, last);
    }
    last
}
