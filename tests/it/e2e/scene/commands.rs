//! The program and a shell, run in a scene.

use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;

use super::{Dns, Scene};
use crate::e2e::program::{self, Done, Running};

impl Scene {
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// What no output may show.
    pub fn secrets(&self) -> Vec<String> {
        let mut list = vec![self.key.secret.clone()];
        if let Dns::PowerDns(primary, _) = &self.dns {
            list.push(primary.api_key.clone());
        }
        list
    }

    /// The program with these arguments, in a clean environment; `PLAYBOOK` stands for the scene's own.
    pub fn start(&self, arguments: &[&str]) -> Running {
        let mut command = program::cutover();
        command.args(self.arguments(arguments));
        self.start_in_place(command)
    }

    /// The same on a terminal, with more in its environment.
    pub fn start_on_terminal(&self, arguments: &[&str], more: &[(&str, &str)]) -> Running {
        let mut command = program::on_terminal(&self.arguments(arguments));
        command.envs(more.iter().copied());
        self.start_in_place(command)
    }

    /// A line of a shell on a terminal.
    pub fn start_shell_on_terminal(&self, line: &str) -> Running {
        self.playbook_if_none();
        self.start_in_place(program::shell_on_terminal(line))
    }

    fn playbook_if_none(&self) {
        if !self.folder.path().join("site.toml").exists() {
            self.playbook();
        }
    }

    fn arguments<'a>(&self, arguments: &[&'a str]) -> Vec<&'a str> {
        self.playbook_if_none();
        let word = |argument: &&'a str| match *argument {
            "PLAYBOOK" => "site.toml",
            other => other,
        };
        arguments.iter().map(word).collect()
    }

    fn start_in_place(&self, mut command: Command) -> Running {
        command
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path().join("home"))
            .env("CUTOVER_STATE", self.state())
            .env("USER", "ops")
            .env("TSIG_SECRET", &self.key.secret);
        if let Dns::PowerDns(primary, _) = &self.dns {
            command.env("PDNS_API_KEY", &primary.api_key);
        }
        Running::start(command, self.folder.path(), self.secrets())
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &[&str]) -> Done {
        self.start(arguments).end()
    }

    /// Starts a drill and waits until the names lead to the other side.
    pub fn drill_there(&self) -> Running {
        let drill = self.start(&["drill", "PLAYBOOK", "--yes"]);
        self.wait_for_flip_to(&self.new);
        drill
    }

    /// An emergency that is told which side is meant.
    pub fn goes_in_an_emergency_to(&self, site: &str) -> Done {
        let line = ["failover", "PLAYBOOK", "--emergency", "--to", site, "--yes"];
        self.run(&line).exits(0)
    }

    /// A drill that is killed in its hold on the other side: its run.
    pub fn killed_there(&self) -> String {
        let drill = self.drill_there();
        drill.wait_for("holding 10m");
        drill.signal(Signal::KILL);
        drill.end();
        self.newest_run()["run"].as_str().unwrap().to_owned()
    }

    /// Somebody types this at a shell, with the secrets in the environment.
    pub fn types(&self, commands: &str) {
        self.types_and_says(commands);
    }

    /// The same, and what it printed.
    pub fn types_and_says(&self, commands: &str) -> String {
        let mut shell = program::clean("sh");
        shell.args(["-e", "-c", commands]);
        self.start_in_place(shell).end().exits(0).out
    }

    /// Somebody types this where what is mounted is seen by nobody else.
    pub fn types_in_namespace(&self, commands: &str) -> Done {
        self.playbook_if_none();
        let mut shell = program::clean("unshare");
        shell.args(["--map-root-user", "--mount", "sh", "-e", "-c", commands]);
        self.start_in_place(shell).end()
    }

    /// The newest run of this scene, as `cutover runs` names it.
    pub fn newest_run(&self) -> serde_json::Value {
        let runs = self.run(&["runs", "--format", "json", "-n", "1"]).exits(0);
        serde_json::from_str(runs.out.lines().next().expect("there is a run")).unwrap()
    }
}
