//! The old site is dead, or hangs.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::program::Done;
use super::scene::{Plot, Scene};
use crate::lab::read;

fn far() -> Plot {
    Plot {
        far: true,
        users: true,
        ..Plot::small()
    }
}

/// Processes that are stopped, and go on when this is dropped.
struct Frozen(Vec<i32>);

impl Frozen {
    fn these(roots: &[u32]) -> Frozen {
        let mut open: Vec<u32> = roots.to_vec();
        let mut all = Vec::new();
        while let Some(pid) = open.pop() {
            let children = read(format!("/proc/{pid}/task/{pid}/children").as_ref());
            open.extend(
                children
                    .split_whitespace()
                    .map(|pid| pid.parse::<u32>().unwrap()),
            );
            all.push(i32::try_from(pid).unwrap());
        }
        let frozen = Frozen(all);
        frozen.signal(Signal::STOP);
        frozen
    }

    fn signal(&self, signal: Signal) {
        for pid in &self.0 {
            let _ = kill_process(Pid::from_raw(*pid).unwrap(), signal);
        }
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.signal(Signal::CONT);
    }
}

/// The target serves, nothing waited for the dead side, and what is owed is said. `owed` ends with this code: 9 where a look at
/// it still tells nothing.
fn went_well(scene: &Scene, done: Done, code: i32) {
    assert!(scene.leads_to(&scene.new), "{done}");
    assert!(done.took < Duration::from_secs(75), "{done}");
    let done = done.exits(9).says("1 change made; not everything was seen");
    let done = done
        .says("cutover owed")
        .says("`old` may come back while `new` is active");
    // What was known of the source is told with its age.
    let done = done.says(" ago");
    let owed = scene.run(&["owed"]).exits(code);
    let owed = owed.says("`old` may come back while `new` is active");
    owed.says("keep `old` from serving");
    assert_eq!(scene.newest_run()["ending"], "done-unproven", "{done}");
}

#[test]
fn a_dead_source_is_left_without_waiting_for_it() {
    let Some(mut scene) = far().scene() else {
        return;
    };
    scene.run(&["check", "PLAYBOOK"]).exits(0);
    scene.old.sshd = None;
    scene.old.web = None;
    // A planned failover needs the source.
    let serial = scene.serial();
    let done = scene.run(&["failover", "PLAYBOOK", "--yes"]).exits(4);
    assert_eq!(scene.serial(), serial, "{done}");
    let done = scene.run(&["failover", "PLAYBOOK", "--emergency", "--yes"]);
    went_well(&scene, done, 9);
}

#[test]
fn a_source_that_hangs_is_left_without_waiting_for_it() {
    let Some(scene) = far().scene() else {
        return;
    };
    // What hangs is waited for as long as a look may take.
    let text = scene.text();
    scene.write_playbook(&text.replace("timeout = \"60s\"", "timeout = \"20s\""));
    scene.run(&["check", "PLAYBOOK"]).exits(0);
    let pids = [
        scene.old.sshd.as_ref().unwrap().pid(),
        scene.old.web.as_ref().unwrap().pid(),
    ];
    let frozen = Frozen::these(&pids);
    let done = scene.run(&["failover", "PLAYBOOK", "--emergency", "--yes"]);
    drop(frozen);
    went_well(&scene, done, 0);
}

#[test]
fn a_dead_source_without_a_baseline_is_unknown_and_left_all_the_same() {
    let Some(mut scene) = far().scene() else {
        return;
    };
    scene.playbook();
    scene.old.sshd = None;
    scene.old.web = None;
    let done = scene
        .run(&["failover", "PLAYBOOK", "--emergency", "--yes"])
        .exits(9);
    assert!(scene.leads_to(&scene.new), "{done}");
}
