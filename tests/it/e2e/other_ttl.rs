//! A provider that stores another TTL than it was given: the way back stays open, and what differs is said.

use super::scene::{Plot, Scene, Servers};
use crate::lab::relay::{Fate, Relay};

/// The TTL that is asked for, and the TTL that names have at first.
const SHORT: &str = "\"ttl\":1,";
const USUAL: &str = "\"ttl\":2,";

fn replaced(piece: &[u8], what: &str, by: &str) -> Vec<u8> {
    String::from_utf8_lossy(piece)
        .replace(what, by)
        .into_bytes()
}

fn holds(piece: &[u8], what: &str) -> bool {
    String::from_utf8_lossy(piece).contains(what)
}

/// A scene whose provider stores TTL 7 where 1 is asked for; `all`: and 9 where 2 is.
fn scene(all: bool) -> Option<(Scene, Relay)> {
    let plot = Plot {
        servers: Servers::PowerDns,
        ..Plot::small()
    };
    let mut scene = plot.scene()?;
    let relay = match all {
        false => {
            let change = |piece: &[u8]| replaced(piece, SHORT, "\"ttl\":7,");
            Relay::start(
                scene.provider_at,
                |piece| holds(piece, SHORT),
                Fate::Changed(change),
            )
        }
        true => {
            let change = |piece: &[u8]| {
                let usual = replaced(piece, USUAL, "\"ttl\":9,");
                replaced(&usual, SHORT, "\"ttl\":7,")
            };
            let is_write = |piece: &[u8]| {
                !piece.starts_with(b"HTTP") && (holds(piece, SHORT) || holds(piece, USUAL))
            };
            Relay::start(scene.provider_at, is_write, Fate::Changed(change))
        }
    };
    scene.provider_at = relay.at;
    Some((scene, relay))
}

const STORED: &str = "the server stored TTL 7 instead of 1 for 4 record sets";

#[test]
fn a_rollback_leads_back_from_the_ttl_that_was_stored() {
    let Some((scene, _relay)) = scene(false) else {
        return;
    };
    let before = scene.zone();
    let done = scene.run(&["failover", "PLAYBOOK", "--yes"]).exits(0);
    done.says(STORED);
    assert!(scene.zone()["www.site.example A"][0].starts_with("7 "));
    scene
        .run(&["rollback", "--dry-run"])
        .exits(0)
        .says("as the run left it");
    scene.run(&["rollback", "--yes"]).exits(0);
    assert_eq!(scene.zone(), before);
}

#[test]
fn a_rollback_does_not_overwrite_a_ttl_that_somebody_changed_since() {
    let Some((scene, _relay)) = scene(false) else {
        return;
    };
    scene.run(&["failover", "PLAYBOOK", "--yes"]).exits(0);
    scene.update_zone(
        "update delete www.site.example A\nupdate add www.site.example 8 A 198.51.100.20\n",
    );
    let now = scene.zone();
    scene
        .run(&["rollback", "--yes"])
        .exits(4)
        .complains("somebody else wrote");
    assert_eq!(scene.zone(), now);
}

#[test]
fn a_drill_comes_back_from_the_ttl_that_was_stored() {
    let Some((scene, _relay)) = scene(false) else {
        return;
    };
    let before = scene.zone();
    let done = scene.run(&["drill", "PLAYBOOK", "--yes"]).exits(0);
    done.says(STORED);
    assert_eq!(scene.zone(), before);
}

#[test]
fn a_way_back_that_is_stored_with_another_ttl_is_not_as_before_and_nobody_is_blamed() {
    let Some((scene, _relay)) = scene(true) else {
        return;
    };
    scene.run(&["failover", "PLAYBOOK", "--yes"]).exits(0);
    let done = scene.run(&["rollback", "--yes"]).exits(6);
    assert!(!done.out.contains("somebody else"), "{done}");
    done.says("the server stored TTL 9 instead of 2 for 4 record sets")
        .says("but not as it was");
    assert!(scene.leads_to(&scene.old));
}
