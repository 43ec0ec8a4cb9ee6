//! A way back over what somebody else wrote meanwhile, and onto a side that does not serve.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use hickory_resolver::proto::rr::RecordType;

use super::scene::{ARCHIVE, NEW, OLD, Plot, Scene, WWW};
use crate::lab::dns::answers;
use crate::lab::relay::{Fate, Relay};
use crate::lab::{program, put};

/// What each touch of the A set of `www` makes of it, and how a refusal says so.
fn touches() -> [(String, &'static str, Vec<String>); 3] {
    let [new, _] = NEW;
    let away = format!("update delete {WWW} A\n");
    [
        (
            format!("{away}update add {WWW} 300 A 203.0.113.77\n"),
            "`www.site.example. A` holds `203.0.113.77` (TTL 300) instead of",
            vec!["300 203.0.113.77".to_owned()],
        ),
        (
            format!("{away}update add {WWW} 60 A {new}\n"),
            "`www.site.example. A` holds `198.51.100.20` (TTL 60) instead of",
            vec![format!("60 {new}")],
        ),
        (
            away,
            "`www.site.example. A` holds nothing instead of",
            Vec::new(),
        ),
    ]
}

/// A failover of which somebody changed one record set: what it was before, and what is there now.
fn goes_back_but_for_one_set(
    scene: &Scene,
    id: &str,
    told: &str,
    whole: BTreeMap<String, Vec<String>>,
) {
    let touched = scene.zone();
    for verb in [
        &["rollback", id, "--dry-run"][..],
        &["rollback", id, "--yes"],
    ] {
        let refused = scene.run(verb).exits(4).complains(told);
        let refused = refused.complains("nothing was touched").complains(&format!(
            "`cutover rollback {id} --anyway` puts back all the rest"
        ));
        assert_eq!(scene.zone(), touched, "{refused}");
    }
    scene
        .run(&["rollback", id, "--dry-run", "--anyway"])
        .exits(4)
        .complains("would be held");
    assert_eq!(scene.zone(), touched);
    let done = scene.run(&["rollback", id, "--yes", "--anyway"]).exits(6);
    let done = done
        .says("1 change of which nothing is left but what somebody else wrote")
        .says("putting back 3 record sets began")
        .says("that is left, and what is ours goes back");
    let now = scene.zone();
    assert_eq!(now, whole, "{done}");
    // What is proposed is not certain to be refused.
    assert!(!done.out.contains("cutover resume"), "{done}");
    assert!(!done.out.contains("cutover rollback"), "{done}");
    scene
        .run(&["rollback", id, "--yes", "--anyway"])
        .exits(4)
        .complains("a new run starts from what there is now");
    assert_eq!(scene.zone(), now);
    // The card has said that it is to be set by hand.
    let left = "was left as it is: somebody else wrote there";
    scene.run(&["owed"]).exits(0).says(left);
    // With another TTL it leads where the run led it.
    let ttl_only = now["www.site.example A"] == [format!("60 {}", NEW[0])];
    let monitored = scene.run(&["check", "PLAYBOOK", "--format", "nagios"]);
    monitored
        .exits(if ttl_only { 2 } else { 1 })
        .says(&format!(
            "run {id} (failover) is held, not all is as it was before: `www.site.example. A`: as "
        ))
        .says(&format!("set it by hand; `cutover show {id}`"));
    let given = "as the run wrote it, with another TTL that somebody gave it";
    let owed = scene.run(&["owed", "--format", "json"]).exits(0);
    assert_eq!(owed.out.contains(given), ttl_only, "{owed}");
}

#[test]
fn what_somebody_else_wrote_is_named_and_left_and_the_rest_goes_back() {
    let Some(scene) = Plot::small().scene() else {
        return;
    };
    for (touch, told, left) in touches() {
        let before = scene.zone();
        scene
            .run(&["failover", "PLAYBOOK", "--to", "new", "--yes"])
            .exits(0);
        let id = scene.newest_run()["run"].as_str().unwrap().to_owned();
        scene.update_zone(&touch);
        let mut whole = before.clone();
        whole.insert("www.site.example A".to_owned(), left);
        goes_back_but_for_one_set(&scene, &id, told, whole);
        // Nothing is locked: a new run goes from what there is.
        scene.update_zone(&format!(
            "update delete {WWW} A\nupdate add {WWW} 2 A {}\n",
            OLD[0]
        ));
        assert_eq!(scene.zone(), before);
        scene.run(&["owed"]).exits(0).says("nothing is owed");
        scene
            .run(&["check", "PLAYBOOK", "--format", "nagios"])
            .exits(0);
    }
}

#[test]
fn a_run_that_was_held_for_what_somebody_wrote_goes_back_by_an_acceptance_too() {
    let Some(scene) = Plot::staying().scene() else {
        return;
    };
    let drill = scene.drill_there();
    drill.wait_for("holding 10m");
    scene.somebody_else_writes("203.0.113.77");
    // It comes back, and stops where somebody else wrote.
    drill.signal(rustix::process::Signal::TERM);
    drill.end();
    let id = scene.newest_run()["run"].as_str().unwrap().to_owned();
    scene
        .run(&["rollback", &id, "--yes"])
        .exits(4)
        .complains("203.0.113.77");
    let done = scene.run(&["rollback", &id, "--yes", "--anyway"]).exits(6);
    let zone = scene.zone();
    assert_eq!(zone["www.site.example A"], ["300 203.0.113.77"], "{done}");
    for (key, lines) in &zone {
        assert!(
            !lines
                .iter()
                .any(|line| NEW.iter().any(|new| line.ends_with(new))),
            "{key} {lines:?} {done}"
        );
    }
    // Nothing is locked.
    scene.run(&["plan", "PLAYBOOK", "--to", "new"]).exits(9);
}

#[test]
fn a_side_that_was_just_seen_not_to_serve_is_not_said_to_serve() {
    let Some(mut scene) = Plot::small().scene() else {
        return;
    };
    let before = scene.zone();
    // Without a look at the services as users reach them, only the names are seen after the way back.
    let text = scene.text();
    let (bare, _) = text.split_once("[[step]]\nid = \"public\"").unwrap();
    std::fs::write(scene.folder.path().join("bare.toml"), bare).unwrap();
    scene.run(&["failover", "bare.toml", "--yes"]).exits(0);
    scene.old.web.take();
    let done = scene.run(&["rollback", "--yes", "--anyway"]).exits(9);
    assert!(!done.out.contains("old serves"), "{done}");
    assert_eq!(scene.zone(), before);
    done.says("put back, as before; old was not seen to serve: works fail");
}

/// So many record sets with names so long need some messages, of which the one write of the zone consists.
const MANY: usize = 400;

fn long_name(n: usize) -> String {
    let long = "a-label-of-which-few-fit-into-a-message";
    format!("h{n:03}.{long}.{long}.site.example")
}

/// Just before the n-th update of the run reaches the server, somebody else writes.
fn written_before(scene: &mut Scene, nth: usize, theirs: &str) -> Relay {
    let update = format!(
        "server {} {}\nkey hmac-sha256:{} {}\nzone site.example\n{theirs}send\n",
        scene.primary().ip(),
        scene.primary().port(),
        scene.key.name,
        scene.key.secret
    );
    let update = put(scene.folder.path(), "theirs.update", &update);
    let seen = AtomicUsize::new(0);
    let is_that = move |piece: &[u8]| {
        let is_update = piece.get(4..8) == Some(&[5 << 3, 0, 0, 1]);
        if is_update && seen.fetch_add(1, Ordering::SeqCst) + 1 == nth {
            let done = Command::new(program("nsupdate")).arg(&update).status();
            assert!(done.unwrap().success());
        }
        false
    };
    let relay = Relay::start(scene.provider_at, is_that, Fate::Silence);
    scene.provider_at = relay.at;
    relay
}

/// The server compares what the message says: nothing of it was written, so the run touched nothing.
#[test]
fn a_write_that_the_server_refuses_for_what_somebody_else_wrote_is_a_stale_plan() {
    let Some(mut scene) = Plot::small().scene() else {
        return;
    };
    let before = scene.zone();
    let theirs = format!("update delete {WWW} A\nupdate add {WWW} 77 A 203.0.113.77\n");
    let _relay = written_before(&mut scene, 1, &theirs);
    let text = scene.text();
    scene.write_playbook(&text);
    let done = scene.run(&["failover", "PLAYBOOK", "--to", "new", "--yes"]);
    let done = done
        .exits(8)
        .says("the write was refused: ")
        .says("NXRRSET")
        .says("holds `203.0.113.77` (TTL 77) instead of `192.0.2.10` (TTL 2)")
        .says("nothing was changed");
    assert!(!done.out.contains("may stand"), "{done}");
    let mut now = before;
    now.insert(
        "www.site.example A".to_owned(),
        vec!["77 203.0.113.77".to_owned()],
    );
    assert_eq!(scene.zone(), now, "{done}");
    // Nothing of it is to be put back, or gone on with.
    scene.run(&["owed"]).exits(0).says("nothing is owed");
    scene.run(&["rollback", "--yes"]).exits(4);
    assert_eq!(scene.zone(), now);
    let check = scene.run(&["check", "PLAYBOOK", "--format", "nagios"]);
    assert!(!check.out.contains("unfinished_runs=1"), "{check}");
}

/// Whoever wrote just that, or a part of it, does not find it led home by a run that was refused for it.
#[test]
fn the_same_value_that_somebody_else_wrote_just_before_is_his() {
    let [v4, v6] = NEW;
    let all = |name: &str| {
        format!(
            "update delete {name} A\nupdate add {name} 1 A {v4}\nupdate delete {name} AAAA\nupdate add {name} 1 AAAA {v6}\n"
        )
    };
    for (theirs, told) in [
        (
            all(WWW) + &all(ARCHIVE),
            "the place holds what was to be written",
        ),
        (all(WWW), "the place holds a part of what was to be written"),
    ] {
        let Some(mut scene) = Plot::small().scene() else {
            return;
        };
        let _relay = written_before(&mut scene, 1, &theirs);
        let text = scene.text();
        scene.write_playbook(&text);
        let done = scene.run(&["failover", "PLAYBOOK", "--to", "new", "--yes"]);
        let done = done
            .exits(6)
            .says("the write was refused: ")
            .says(told)
            .says("somebody wrote that just before, or the write came through twice");
        assert!(!done.out.contains("and seen so"), "{done}");
        let now = scene.zone();
        let www = answers(scene.primary(), WWW, RecordType::A);
        assert_eq!(www, [format!("1 {v4}")], "{done}");
        // Every list says so, and nobody leads it home.
        let whose = "not known whose: its write was refused, and it holds what was to be written";
        let said = |args: &[&str]| {
            let said = scene.run(args);
            let plain: Vec<&str> = said.out.split_whitespace().collect();
            assert!(plain.join(" ").contains(whose), "{said}");
            said
        };
        said(&["owed"]);
        said(&["check", "PLAYBOOK", "--format", "nagios"]).exits(2);
        said(&["rollback", "--dry-run"]);
        // It is held again by whoever goes on with it, and over once somebody takes it as it is.
        scene.run(&["resume", "--yes"]).exits(6).says(told);
        scene
            .run(&["rollback", "--yes"])
            .exits(4)
            .says("not known whose");
        scene.run(&["rollback", "--yes", "--anyway"]).exits(6);
        assert_eq!(scene.zone(), now);
    }
}

/// A zone that is written in three messages, which hold all of it, and what it holds of that.
fn of_three_messages(scene: &mut Scene) -> impl Fn(&Scene) -> Vec<String> + use<> {
    for some in (0..MANY).collect::<Vec<_>>().chunks(100) {
        let add = |n: &usize| format!("update add {} 300 A {}\n", long_name(*n), OLD[0]);
        scene.update_zone(&some.iter().map(add).collect::<String>());
    }
    |scene| {
        let of = |n| answers(scene.primary(), &long_name(n), RecordType::A).concat();
        (0..MANY).map(of).collect()
    }
}

/// The flip of the whole zone.
fn moves_all(scene: &Scene) {
    let text = scene.text();
    let text = text.replace("services = \"all\"\nttl = \"1s\"", "records = \"all\"");
    scene.write_playbook(&text);
}

fn set_by_hand(name: &str) -> String {
    format!("update delete {name} A\nupdate add {name} 77 A 203.0.113.77\n")
}

#[test]
fn what_somebody_else_writes_while_a_zone_is_written_in_several_messages_is_left() {
    let Some(mut scene) = Plot::small().scene() else {
        return;
    };
    let held = of_three_messages(&mut scene);
    let before = held(&scene);
    // The last message is not under way before the second one.
    let _relay = written_before(&mut scene, 2, &set_by_hand(&long_name(MANY - 1)));
    moves_all(&scene);
    let done = scene.run(&["failover", "PLAYBOOK", "--to", "new", "--yes"]);
    let done = done
        .exits(6)
        .says("the write was refused: ")
        .says("messages were taken, and then: ")
        .says("what was taken was put back at once")
        .says("somebody else wrote here: ")
        .says("holds `203.0.113.77` (TTL 77) instead of `192.0.2.10` (TTL 300)");
    assert!(!done.out.contains("may stand"), "{done}");
    assert!(!done.out.contains("instead of `198.51.100.20`"), "{done}");
    let mut whole = before;
    whole[MANY - 1] = "77 203.0.113.77".to_owned();
    assert!(held(&scene) == whole, "{done}");
}

/// What came home on the way back stays there, whatever becomes of the rest.
#[test]
fn what_came_home_in_the_messages_before_a_refused_one_stays_at_home() {
    let Some(mut scene) = Plot::small().scene() else {
        return;
    };
    let held = of_three_messages(&mut scene);
    let before = held(&scene);
    // Three are of the way there.
    let _relay = written_before(&mut scene, 6, &set_by_hand(&long_name(MANY - 1)));
    moves_all(&scene);
    scene
        .run(&["failover", "PLAYBOOK", "--to", "new", "--yes"])
        .exits(0);
    let id = scene.newest_run()["run"].as_str().unwrap().to_owned();
    let back = scene.run(&["rollback", &id, "--yes"]).exits(6);
    let back = back.says("2 of 3 messages were taken, and then: ");
    assert!(!back.out.contains("put back at once"), "{back}");
    let now = held(&scene);
    assert_eq!(now[0], before[0], "{back}");
    assert_eq!(now[MANY - 1], "77 203.0.113.77", "{back}");
    let done = scene.run(&["rollback", &id, "--yes", "--anyway"]).exits(6);
    let mut whole = before;
    whole[MANY - 1] = "77 203.0.113.77".to_owned();
    assert!(held(&scene) == whole, "{done}");
}

/// Each answer was certain, so what stands is known, and is put back but for what somebody else wrote.
#[test]
fn what_could_not_be_put_back_of_several_messages_goes_back_when_somebody_says_so() {
    let Some(mut scene) = Plot::small().scene() else {
        return;
    };
    let held = of_three_messages(&mut scene);
    let before = held(&scene);
    // In the second message, which was taken by then, and in the third.
    let theirs = [MANY / 2, MANY - 1];
    let by_hand: String = theirs.map(|n| set_by_hand(&long_name(n))).concat();
    let _relay = written_before(&mut scene, 3, &by_hand);
    moves_all(&scene);
    let done = scene.run(&["failover", "PLAYBOOK", "--to", "new", "--yes"]);
    let done = done
        .exits(6)
        .says("of 2 messages that were taken 1 could not be put back: ");
    let new = format!("300 {}", NEW[0]);
    assert!(held(&scene).contains(&new), "{done}");
    assert_eq!(held(&scene)[0], before[0], "the first was put back");
    let id = scene.newest_run()["run"].as_str().unwrap().to_owned();
    scene.run(&["rollback", &id, "--yes"]).exits(4);
    let done = scene.run(&["rollback", &id, "--yes", "--anyway"]).exits(6);
    let done = done.says("1 change of which nothing is left but what somebody else wrote");
    let mut whole = before;
    for n in theirs {
        whole[n] = "77 203.0.113.77".to_owned();
    }
    assert!(held(&scene) == whole, "{done}");
}
