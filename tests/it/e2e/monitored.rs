//! What monitoring asks for every few minutes, and what is settled by looking.

use super::forgotten::plain;
use super::scene::{Plot, Servers, ZONE};
use crate::lab::{FrozenPort, V4};

#[test]
fn monitoring_gets_an_answer_in_time_and_leaves_no_check_in_the_history() {
    let Some(scene) = (Plot {
        // With its usual interval of 10s it cannot be done within 9s.
        more: "[[step]]\nid = \"traffic\"\nkind = \"traffic\"\n".to_owned(),
        ..Plot::small()
    })
    .scene() else {
        return;
    };
    let nagios = ["check", "PLAYBOOK", "--format", "nagios"];
    for _ in 0..3 {
        let told = scene
            .run(&nagios)
            .exits(0)
            .says("CUTOVER OK - site: 2 checks pass");
        let told = told.says("; traffic is left out here: a look takes 14s, see `--within`");
        let told = told.says(" | checks=2;;;0 passed=2;;;0 ");
        assert!(told.took.as_secs() < 9, "{told}");
    }
    assert_eq!(scene.run(&["runs", "--format", "json"]).exits(0).out, "");
    // Somebody who gives it the time gets the look: no host of this scene has an access log.
    let patient = [&nagios[..], &["--within", "14s"]].concat();
    scene
        .run(&patient)
        .exits(3)
        .says("traffic/before unknown: ");
    // Whoever types a check finds it again.
    scene.run(&["check", "PLAYBOOK"]);
    let kept = scene.run(&["runs", "--format", "json"]).exits(0);
    assert_eq!(kept.out.lines().count(), 1, "{kept}");
}

/// A name server that answers each question with REFUSED, as one does that knows nothing of the zone.
fn refusing() -> (std::net::SocketAddr, std::thread::JoinHandle<()>) {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = socket.local_addr().unwrap();
    let answers = std::thread::spawn(move || {
        let mut packet = [0; 512];
        // An empty packet ends it.
        while let Ok((size @ 4.., from)) = socket.recv_from(&mut packet) {
            packet[2] |= 0x80;
            packet[3] = packet[3] & 0xf0 | 5;
            let _ = socket.send_to(&packet[..size], from);
        }
    });
    (at, answers)
}

/// It is asked again, and what it said is told all the same.
#[test]
fn monitoring_names_the_name_server_that_refuses() {
    let Some(scene) = Plot::small().scene() else {
        return;
    };
    let (at, answers) = refusing();
    let servers = format!(
        "zones.\"{ZONE}\".servers=[\"{}\", \"{at}\"]",
        scene.servers()[0]
    );
    let nagios = ["check", "PLAYBOOK", "--format", "nagios", "--set", &servers];
    let told = scene.run(&nagios).says("published/before");
    let told = told.says(&at.to_string()).says("REFUSED");
    assert!(!told.out.contains("not all was looked at"), "{told}");
    assert!(told.took.as_secs() < 9, "{told}");
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(&[], at).unwrap();
    answers.join().unwrap();
}

/// Its answer takes longer than a monitoring system waits; what it was asked is told all the same.
#[test]
fn monitoring_names_who_is_silent_where_the_changes_are_planned() {
    let silent = FrozenPort::open(V4);
    for servers in [Servers::Bind, Servers::PowerDns] {
        let Some(scene) = (Plot {
            servers,
            ..Plot::small()
        })
        .scene() else {
            continue;
        };
        let set = match servers {
            Servers::PowerDns => format!("providers.dyn.url=\"http://{}\"", silent.at),
            _ => format!("providers.dyn.server=\"{}\"", silent.at),
        };
        let nagios = ["check", "PLAYBOOK", "--format", "nagios", "--set", &set];
        let told = scene.run(&nagios).says(&silent.at.to_string());
        assert_eq!(told.out.lines().count(), 1, "{told}");
        assert!(told.out.contains("did not answer"), "{told}");
        assert!(told.code != Some(0) && told.took.as_secs() < 9, "{told}");
    }
}

/// A name server that answers as `primary` does, until it is sent an empty packet.
fn following(primary: std::net::SocketAddr) -> (std::net::SocketAddr, std::thread::JoinHandle<()>) {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = socket.local_addr().unwrap();
    let answers = std::thread::spawn(move || {
        let (mut packet, mut reply) = ([0; 4096], [0; 4096]);
        while let Ok((size @ 1.., from)) = socket.recv_from(&mut packet) {
            let asks = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            asks.send_to(&packet[..size], primary).unwrap();
            let size = asks.recv(&mut reply).unwrap();
            let _ = socket.send_to(&reply[..size], from);
        }
    });
    (at, answers)
}

/// Whoever cannot see where the names lead does not know whether an old side may come back.
#[test]
fn an_old_side_that_may_come_back_is_not_looked_at_where_a_name_server_is_gone() {
    let Some(scene) = Plot::small().scene() else {
        return;
    };
    let primary = scene.servers()[0];
    let (at, answers) = following(primary);
    let servers = format!("zones.\"{ZONE}\".servers=[\"{primary}\", \"{at}\"]");
    let emergency = ["failover", "PLAYBOOK", "--emergency", "--yes"];
    scene
        .run(&[&emergency[..], &["--set", &servers]].concat())
        .exits(0);
    let fence = "`old` may come back while `new` is active";
    let unread = "where the names lead cannot be read now: ";
    let seen = scene.run(&["owed"]).exits(0).says(fence);
    assert!(!plain(&seen.out).contains(unread), "{seen}");
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(&[], at).unwrap();
    answers.join().unwrap();
    let unseen = scene.run(&["owed"]).exits(9).says(fence);
    assert!(plain(&unseen.out).contains(unread), "{unseen}");
}

#[test]
fn what_is_owed_is_settled_by_looking() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("there");
    let script = format!("until [ -e {} ]; do sleep 0.05; done", file.display());
    let Some(scene) = (Plot {
        more: format!(
            "[[step]]\nid = \"slow\"\nkind = \"command\"\non = \"local\"\nlooks-only = true\n\
             shell = \"{script}\"\ntimeout = \"1s\"\nwithin = \"0s\"\non-fail = \"warn\"\n"
        ),
        ..Plot::small()
    })
    .scene() else {
        return;
    };
    scene.run(&["failover", "PLAYBOOK", "--yes"]).exits(9);
    // It lists it, and cannot tell whether it is so still.
    let owed = scene.run(&["owed"]).exits(9).says("slow");
    assert!(!owed.out.contains("nothing is owed"), "{owed}");
    std::fs::write(&file, "").unwrap();
    let settled = scene.run(&["owed"]).exits(0).says("nothing is owed");
    assert!(!settled.out.contains("slow"), "{settled}");
    // It was looked at, and not written down: what is late again is owed again.
    std::fs::remove_file(&file).unwrap();
    scene.run(&["owed"]).exits(9).says("slow");
}
