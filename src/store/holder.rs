//! Who holds a lock, and whether that process is still alive.
#![expect(
    clippy::disallowed_methods,
    reason = "what the kernel says of a process is in files"
)]

use std::fmt;
use std::sync::OnceLock;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};

use crate::clock;

/// One process, told from every other one: also from a later one with the same pid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Holder {
    pub pid: i32,
    /// When it started, in the kernel's ticks since boot.
    pub started: u64,
    pub boot_id: String,
    /// The name of the machine.
    pub host: String,
    /// The pid namespace: a pid means something within one only.
    pub pid_space: String,
}

/// Whether a process is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    Alive,
    Dead,
    /// It ran on another machine or in another container, or the kernel does not say.
    CannotTell,
}

impl Holder {
    /// The process that asks. The kernel is asked once: nothing of it changes while the process lives.
    pub fn this_process() -> Holder {
        static THIS: OnceLock<Holder> = OnceLock::new();
        let pid = rustix::process::getpid().as_raw_nonzero().get();
        let known = THIS.get_or_init(|| Holder::asked(pid));
        // A child of a fork is another process.
        match known.pid == pid {
            true => known.clone(),
            false => Holder::asked(pid),
        }
    }

    fn asked(pid: i32) -> Holder {
        Holder {
            pid,
            started: stat(pid).map_or(0, |stat| stat.started),
            boot_id: clock::boot_id(),
            host: host(),
            pid_space: pid_space(),
        }
    }

    /// Whether this holder is alive, as far as this process can tell.
    pub fn liveness(&self) -> Liveness {
        self.liveness_seen_by(&Holder::this_process())
    }

    /// Whether it is there and does not run: somebody stopped it (SIGSTOP, Ctrl-Z) or traces it.
    pub fn is_frozen(&self) -> bool {
        self.liveness() == Liveness::Alive && stat(self.pid).is_some_and(|stat| stat.frozen)
    }

    fn liveness_seen_by(&self, observer: &Holder) -> Liveness {
        if self == observer {
            return Liveness::Alive;
        }
        if self.boot_id.is_empty() || observer.boot_id.is_empty() {
            return Liveness::CannotTell;
        }
        if self.boot_id != observer.boot_id {
            // Another boot of this machine ended all of its processes; another machine did not.
            return if self.host == observer.host {
                Liveness::Dead
            } else {
                Liveness::CannotTell
            };
        }
        if self.pid_space != observer.pid_space {
            return Liveness::CannotTell;
        }
        let Some(pid) = Pid::from_raw(self.pid) else {
            return Liveness::CannotTell;
        };
        // The signal is asked first: where /proc hides the processes of others, a missing entry says nothing.
        if test_kill_process(pid) == Err(Errno::SRCH) {
            return Liveness::Dead;
        }
        match stat(self.pid) {
            Some(stat) if stat.started != self.started || stat.over => Liveness::Dead,
            Some(_) => Liveness::Alive,
            None => Liveness::CannotTell,
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {} on {}", self.pid, self.host)
    }
}

struct Stat {
    started: u64,
    /// It has ended, and waits for its parent to notice.
    over: bool,
    frozen: bool,
}

fn stat(pid: i32) -> Option<Stat> {
    parse_stat(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Reads `/proc/PID/stat`. The program's name may hold spaces and brackets, so the fields are counted from
/// the last bracket.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    Some(Stat {
        started: fields.get(19)?.parse().ok()?,
        over: matches!(*fields.first()?, "Z" | "X"),
        frozen: matches!(*fields.first()?, "T" | "t"),
    })
}

fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}

fn pid_space() -> String {
    std::fs::read_link("/proc/self/ns/pid")
        .map(|link| link.to_string_lossy().into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive() {
        let me = Holder::this_process();
        assert!(me.started > 0);
        assert_eq!(me.liveness(), Liveness::Alive);
    }

    #[test]
    fn a_reused_pid_is_another_process() {
        let me = Holder::this_process();
        let earlier = Holder {
            started: me.started - 1,
            ..me
        };
        assert_eq!(earlier.liveness(), Liveness::Dead);
    }

    #[test]
    fn a_process_that_ended_is_dead_before_and_after_its_parent_noticed() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let holder = Holder {
            pid,
            started: stat(pid).unwrap().started,
            ..Holder::this_process()
        };
        assert_eq!(holder.liveness(), Liveness::Alive);
        child.kill().unwrap();
        let begun = std::time::Instant::now();
        while holder.liveness() == Liveness::Alive {
            assert!(begun.elapsed() < std::time::Duration::from_secs(60));
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert_eq!(holder.liveness(), Liveness::Dead);
    }

    #[test]
    fn another_boot_of_this_machine_is_death_and_another_machine_is_not_known() {
        let me = Holder::this_process();
        let before = Holder {
            boot_id: "an earlier boot".into(),
            ..me.clone()
        };
        assert_eq!(before.liveness(), Liveness::Dead);
        let elsewhere = Holder {
            host: format!("not-{}", me.host),
            ..before
        };
        assert_eq!(elsewhere.liveness(), Liveness::CannotTell);
        let container = Holder {
            pid_space: "pid:[1]".into(),
            ..me
        };
        assert_eq!(container.liveness(), Liveness::CannotTell);
    }

    #[test]
    fn a_program_may_be_called_anything() {
        let text = "7 (a) R (b)) Z 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 9 9";
        let stat = parse_stat(text).unwrap();
        assert_eq!((stat.started, stat.over), (4242, true));
        assert!(parse_stat("7 (cat) R 1").is_none());
        assert!(parse_stat("").is_none());
    }
}
