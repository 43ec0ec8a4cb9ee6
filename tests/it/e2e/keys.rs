//! A single key in a hold, and the terminal afterwards.

use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::program::{Running, line_of};
use super::scene::{Plot, Scene};
use super::terminal::{NAME, answer};
use crate::lab::{READY, wait_until};

const HOLDS: &str = "b puts all back at once";

/// A drill that holds, on a terminal whose modes are told at the end.
fn holding(scene: &Scene) -> Running {
    let drill = line_of(&["drill", "site.toml", "--hold", "10m"]);
    let line = format!(
        "trap : INT; sh -c 'echo pid $$,; exec '\"{drill}\"; echo \"ended $?\"; stty -a; echo over"
    );
    let mut drill = scene.start_shell_on_terminal(&line);
    answer(&mut drill, NAME, "site\n");
    drill.wait_for(HOLDS);
    drill
}

/// Whether the terminal collects lines and shows what is typed.
fn is_as_before(said: &str) -> bool {
    let (_, modes) = said.split_once("ended ").unwrap();
    [" icanon", " echo ", "susp = ^Z", "quit = ^\\"]
        .iter()
        .all(|mode| modes.contains(mode))
}

fn pid(running: &Running) -> Pid {
    let said = running.said();
    let (_, pid) = said.split_once("pid ").unwrap();
    let (pid, _) = pid.split_once(',').unwrap();
    Pid::from_raw(pid.parse().unwrap()).unwrap()
}

#[test]
fn a_key_ends_a_hold_without_enter_and_the_terminal_is_as_it_was() {
    let Some(scene) = Plot::small().scene_with(&["script", "stty"]) else {
        return;
    };
    for (keys, ended) in [
        // An arrow is no answer, though it ends in a B.
        ("\x1b[Bb", "ended 5"),
        ("\n", "ended 0"),
        ("\x03", "ended 7"),
    ] {
        let mut drill = holding(&scene);
        for key in keys.split_inclusive("[B") {
            // Nobody presses two keys within this time, but a terminal sends an arrow at once.
            std::thread::sleep(Duration::from_millis(100));
            drill.type_text(key);
        }
        let done = drill.end().exits(0);
        assert!(done.out.contains(ended), "{keys:?}: {done}");
        assert!(is_as_before(&done.out), "{keys:?}: {done}");
        let _ = scene.run(&["rollback", "--yes"]);
    }
    for (signals, ended) in [
        (&[Signal::TERM][..], "ended 7"),
        (&[Signal::INT, Signal::INT, Signal::INT], "ended 7"),
    ] {
        let drill = holding(&scene);
        let modes = || {
            let tty = std::fs::read_link(format!("/proc/{}/fd/0", pid(&drill).as_raw_pid()));
            let out = Command::new("stty")
                .args(["-a", "-F"])
                .arg(tty.unwrap())
                .output();
            String::from_utf8_lossy(&out.unwrap().stdout).into_owned()
        };
        wait_until("keys are single", READY, || {
            modes().contains("-icanon").then_some(())
        });
        for signal in signals {
            let _gone = kill_process(pid(&drill), *signal);
        }
        let done = drill.end().exits(0);
        assert!(done.out.contains(ended), "{signals:?}: {done}");
        assert!(is_as_before(&done.out), "{signals:?}: {done}");
        let _ = scene.run(&["rollback", "--yes"]);
    }
}
