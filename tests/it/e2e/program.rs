//! The real program, started as a person or a script starts it, and what came of it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::lab::{READY, read, wait_until};

/// Longer than any run of these tests takes, on a busy machine. Simulations take the most: they only compute.
const LONG: Duration = Duration::from_secs(600);

/// The program with nothing of this process's environment but where programs are.
pub fn cutover() -> Command {
    clean(env!("CARGO_BIN_EXE_cutover"))
}

/// Some program, in the same way.
pub fn clean(program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
        // Which mutant lives, where `tests/mutants` asks.
        .envs(std::env::vars().filter(|(name, _)| name.starts_with("MUTANT")))
        .stdin(Stdio::null());
    command
}

/// Columns of the terminal that the program is given.
pub const COLUMNS: usize = 100;

/// The program on a terminal of [`COLUMNS`] columns, at which somebody can type.
pub fn on_terminal(arguments: &[&str]) -> Command {
    shell_on_terminal(&format!("exec {}", line_of(arguments)))
}

/// The program and its arguments, as a shell reads them.
pub fn line_of(arguments: &[&str]) -> String {
    let words = [env!("CARGO_BIN_EXE_cutover")].into_iter();
    let words: Vec<String> = (words.chain(arguments.iter().copied()))
        .map(|word| format!("'{word}'"))
        .collect();
    words.join(" ")
}

/// A line of a shell on a terminal.
pub fn shell_on_terminal(line: &str) -> Command {
    let line = format!("stty cols {COLUMNS} rows 40; {line}");
    let mut command = clean("script");
    command
        .args(["-q", "-e", "-c", &line, "/dev/null"])
        .env("TERM", "xterm")
        .env("LANG", "C.UTF-8")
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::piped());
    command
}

/// A started program. It ends with this.
pub struct Running {
    child: Child,
    out: PathBuf,
    err: PathBuf,
    secrets: Vec<String>,
    what: String,
    began: Instant,
}

/// What a program did.
#[derive(Debug)]
pub struct Done {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
    pub took: Duration,
    what: String,
}

static COUNT: AtomicU32 = AtomicU32::new(0);

impl Running {
    pub fn start(mut command: Command, folder: &Path, secrets: Vec<String>) -> Running {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let (out, err) = (
            folder.join(format!("{number}.out")),
            folder.join(format!("{number}.err")),
        );
        command
            .stdout(std::fs::File::create(&out).unwrap())
            .stderr(std::fs::File::create(&err).unwrap());
        let what = format!("{:?}", command.get_args().collect::<Vec<_>>());
        Running {
            child: command.spawn().unwrap(),
            out,
            err,
            secrets,
            what,
            began: Instant::now(),
        }
    }

    /// What it has printed so far.
    pub fn said(&self) -> String {
        read(&self.out) + &read(&self.err)
    }

    /// Waits until it has printed these words.
    pub fn wait_for(&self, words: &str) {
        wait_until(words, READY, || self.said().contains(words).then_some(()));
    }

    /// Its own arguments and those of its children, as everybody on the machine can read them.
    pub fn visible_arguments(&self) -> String {
        let mut text = String::new();
        let mut open = vec![self.child.id()];
        while let Some(pid) = open.pop() {
            text += &read(Path::new(&format!("/proc/{pid}/cmdline"))).replace('\0', " ");
            text.push('\n');
            let threads = std::fs::read_dir(format!("/proc/{pid}/task"));
            for thread in threads.into_iter().flatten().flatten() {
                let children = read(&thread.path().join("children"));
                open.extend(
                    children
                        .split_whitespace()
                        .filter_map(|pid| pid.parse::<u32>().ok()),
                );
            }
        }
        text
    }

    /// Types at its terminal.
    pub fn type_text(&mut self, text: &str) {
        let stdin = self.child.stdin.as_mut().expect("it has a terminal");
        stdin.write_all(text.as_bytes()).unwrap();
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Waits for its end. What it printed must hold no secret.
    pub fn end(mut self) -> Done {
        let deadline = self.began + LONG;
        let status: ExitStatus = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                Instant::now() < deadline,
                "{} did not end within {LONG:?}; it said:\n{}",
                self.what,
                self.said()
            );
            std::thread::sleep(Duration::from_millis(20));
        };
        let done = Done {
            code: status.code(),
            out: read(&self.out),
            err: read(&self.err),
            took: self.began.elapsed(),
            what: self.what.clone(),
        };
        for secret in &self.secrets {
            assert!(
                !done.out.contains(secret) && !done.err.contains(secret),
                "a secret was printed: {done}"
            );
        }
        done
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "cutover {} exit {:?} after {:?}\n--- standard output\n{}--- standard error\n{}---",
            self.what, self.code, self.took, self.out, self.err
        )
    }
}

impl Done {
    #[track_caller]
    pub fn exits(self, code: i32) -> Done {
        assert!(self.code == Some(code), "expected exit {code}: {self}");
        self
    }

    #[track_caller]
    pub fn says(self, text: &str) -> Done {
        assert!(
            self.out.contains(text),
            "no `{text}` on standard output: {self}"
        );
        self
    }

    #[track_caller]
    pub fn complains(self, text: &str) -> Done {
        assert!(
            self.err.contains(text),
            "no `{text}` on standard error: {self}"
        );
        self
    }

    #[track_caller]
    pub fn complains_of_nothing(self) -> Done {
        assert!(self.err.is_empty(), "something on standard error: {self}");
        self
    }
}
