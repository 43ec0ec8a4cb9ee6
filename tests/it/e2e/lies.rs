//! Writes whose answer is lost, and answers of writes that never happened.

use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::Signal;

use super::scene::{Dns, Plot, Scene, Servers};
use crate::lab::relay::{Fate, Relay};

/// Whether a piece of a DNS stream begins with an UPDATE.
fn is_update(piece: &[u8]) -> bool {
    piece.get(4).is_some_and(|flags| flags & 0x78 == 5 << 3)
}

fn is_patch(piece: &[u8]) -> bool {
    piece.starts_with(b"PATCH ")
}

fn bind() -> Option<Scene> {
    Plot::small().scene()
}

#[test]
fn a_flip_whose_answer_is_lost_succeeds() {
    let Some(mut scene) = bind() else { return };
    let Dns::Bind(primary, _) = &scene.dns else {
        unreachable!("the scene has BIND");
    };
    for fate in [Fate::CutAfter, Fate::Silence] {
        let relay = Relay::start(primary.v6, is_update, fate);
        scene.provider_at = relay.at;
        scene.playbook();
        let done = scene
            .run(&["failover", "PLAYBOOK", "--yes", "--to", "new"])
            .exits(0);
        let done = done
            .says("whether it was written could not be told")
            .says("looking whether it came through; by ")
            .says("new serves");
        assert!(scene.leads_to(&scene.new), "{done}");
        // Back again, past the relay.
        scene.provider_at = primary.v6;
        scene.playbook();
        scene
            .run(&["failover", "PLAYBOOK", "--yes", "--to", "old"])
            .exits(0);
    }
}

#[test]
fn a_flip_that_only_claims_to_have_happened_is_no_success() {
    let plot = Plot {
        servers: Servers::PowerDns,
        ..Plot::small()
    };
    let Some(mut scene) = plot.scene() else {
        return;
    };
    let before = scene.zone();
    let fate = Fate::Forged(|_| b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n".to_vec());
    let relay = Relay::start(scene.provider_at, is_patch, fate);
    scene.provider_at = relay.at;
    let done = scene.run(&["failover", "PLAYBOOK", "--yes"]);
    assert_eq!(scene.zone(), before, "{done}");
    done.exits(6)
        .says("the answer was: done")
        .says("flip              its write was answered with done, and it still holds what it held before")
        .says("not known: 1 change may stand, or not")
        .says("answered with done, and not seen so");
    all_say(&scene, THERE);
    // The way back writes, whatever the place shows.
    scene
        .run(&["rollback", "--yes"])
        .exits(0)
        .says("putting back 4 record sets began");
    assert_eq!(scene.zone(), before);
}

#[test]
fn what_was_answered_with_done_and_accepted_is_no_change_made() {
    let plot = Plot {
        servers: Servers::PowerDns,
        ..Plot::small()
    };
    let Some(mut scene) = plot.scene() else {
        return;
    };
    let fate = Fate::Forged(|_| b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n".to_vec());
    let relay = Relay::start(scene.provider_at, is_patch, fate);
    scene.provider_at = relay.at;
    let text = scene.text();
    let (flip, _) = text.split_once("[[step]]\nid = \"published\"").unwrap();
    scene.write_playbook(flip);
    scene.run(&["failover", "PLAYBOOK", "--yes"]).exits(6);
    let accepts = ["resume", "--accept", "--yes"];
    let accepted = scene.run(&accepts).exits(9);
    accepted.says("not known: 1 change may stand, or not");
    let nagios = ["check", "PLAYBOOK", "--format", "nagios"];
    scene.run(&nagios).exits(2).says(THERE);
    let owed = scene.run(&["owed", "--format", "json"]).exits(0);
    owed.says("and it was not seen so");
    scene.run(&["rollback", "--yes"]).exits(0);
    scene.run(&["owed"]).exits(0).says("nothing is owed");
    scene.run(&nagios).says("unfinished_runs=0");
}

/// Whether nothing is answered any more, since somebody tried to write.
static DEAF: AtomicBool = AtomicBool::new(false);

fn is_lost(piece: &[u8]) -> bool {
    is_patch(piece) && !DEAF.swap(true, Ordering::SeqCst) || DEAF.load(Ordering::SeqCst)
}

#[test]
fn what_was_accepted_unread_and_reads_as_before_later_is_told() {
    let plot = Plot {
        servers: Servers::PowerDns,
        ..Plot::small()
    };
    let Some(mut scene) = plot.scene() else {
        return;
    };
    let relay = Relay::start(scene.provider_at, is_lost, Fate::Forged(|_| Vec::new()));
    scene.provider_at = relay.at;
    let text = scene
        .text()
        .replace("timeout = \"20s\"", "timeout = \"9s\"");
    let (flip, _) = text.split_once("[[step]]\nid = \"published\"").unwrap();
    scene.write_playbook(flip);
    scene.run(&["failover", "PLAYBOOK", "--yes"]).exits(6);
    scene.run(&["resume", "--accept", "--yes"]).exits(9);
    let nagios = ["check", "PLAYBOOK", "--format", "nagios"];
    scene.run(&nagios).exits(2).says("cannot be read");
    DEAF.store(false, Ordering::SeqCst);
    let owed = scene.run(&["owed"]).exits(0);
    let plain = owed.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        plain.contains("now it holds what it held before the run"),
        "{owed}"
    );
    let told = "stays at new, and not all that it wrote is seen there: ";
    scene.run(&nagios).exits(2).says(told).says(": as before");
    // Nothing of it is to be put back: somebody decides what becomes of it.
    scene.run(&["owed"]).says("--stays");
}

/// What is said of a write that was answered with done.
const THERE: &str = "not known: its write was answered with done, and it reads as before";

/// What read it so reads it so again: no list and no display takes that for the end of it.
fn all_say(scene: &Scene, doubt: &str) {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let owed = scene.run(&["owed"]).exits(0);
    assert!(plain(&owed.out).contains(doubt), "{owed}");
    let nagios = ["check", "PLAYBOOK", "--format", "nagios"];
    scene.run(&nagios).exits(2).says(doubt);
    let shown = scene.run(&["rollback", "--dry-run"]).exits(0);
    let now = format!("now: {doubt}");
    assert!(plain(&shown.out).contains(&now), "{shown}");
}

/// Whether answers do not come for now.
static SILENT: AtomicBool = AtomicBool::new(false);

fn done_or_nothing(_: &[u8]) -> Vec<u8> {
    match SILENT.load(Ordering::SeqCst) {
        true => Vec::new(),
        false => b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n".to_vec(),
    }
}

#[test]
fn what_was_cut_off_behind_an_answer_is_not_known_either() {
    let plot = Plot {
        servers: Servers::PowerDns,
        ..Plot::small()
    };
    let Some(mut scene) = plot.scene() else {
        return;
    };
    // The server never hears a word: an answer says that all is done, or never comes.
    let liar = Relay::start(scene.provider_at, is_patch, Fate::Forged(done_or_nothing));
    scene.provider_at = liar.at;
    // Nobody came to look what became of it.
    let flip = scene.start(&["failover", "PLAYBOOK", "--yes"]);
    flip.wait_for("the answer was: done");
    flip.signal(Signal::KILL);
    flip.end();
    all_say(&scene, THERE);
    // Nor what became of its way back, whose answer never came.
    SILENT.store(true, Ordering::SeqCst);
    let back = scene.start(&["rollback", "--yes"]);
    back.wait_for("putting back 4 record sets began");
    back.signal(Signal::KILL);
    back.end();
    let doubt = "not known: its way back was not answered with done, and it reads as before";
    all_say(&scene, doubt);
    // A way back that is answered ends it.
    SILENT.store(false, Ordering::SeqCst);
    scene.run(&["rollback", "--yes"]).exits(0);
    scene.run(&["owed"]).exits(0).says("nothing is owed");
}

#[test]
fn a_patch_whose_answer_is_an_error_but_that_happened_succeeds() {
    let plot = Plot {
        servers: Servers::PowerDns,
        ..Plot::small()
    };
    let Some(mut scene) = plot.scene() else {
        return;
    };
    let relay = Relay::start(scene.provider_at, is_patch, Fate::CutAfter);
    scene.provider_at = relay.at;
    let done = scene.run(&["failover", "PLAYBOOK", "--yes"]).exits(0);
    assert!(scene.leads_to(&scene.new), "{done}");
}
