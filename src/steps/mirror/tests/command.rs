//! The command that compares two folders, and how it reaches them.

use std::collections::BTreeMap;

use super::plain;
use crate::event::Cause;
use crate::site::Host;
use crate::steps::mirror::Mirror;
use crate::steps::mirror::command::endpoint;
use crate::steps::mirror::ground::Ground;
use crate::steps::testing;
use crate::world::exec::{Reach, Via, quoted};

fn host(name: &str, via: Option<Via>) -> Host {
    Host {
        reach: via.map(|via| Reach {
            name: name.into(),
            via,
            sudo: false,
        }),
        ..testing::host(name, name, &[])
    }
}

fn ssh(destination: &str) -> Option<Via> {
    Some(Via::Ssh {
        destination: destination.into(),
        config: None,
    })
}

#[test]
fn builds_the_command_for_each_way_to_reach_the_source() {
    let words = |mirror: &Mirror, source: Option<Via>, target: Option<Via>| {
        mirror
            .command(
                &host("primary", source),
                &host("standby", target),
                &Ground::default(),
            )
            .map(|argv| quoted(&argv))
            .map_err(|unseen| unseen.cause)
    };
    let line = words(&plain(), ssh("ops@primary.example"), ssh("standby")).unwrap();
    assert!(
        line.contains("rsync -rlptn -O --delete --no-motd --no-h --timeout=300 --stats"),
        "{line}"
    );
    assert!(
        line.contains("-e 'ssh -o BatchMode=yes -o ConnectTimeout=15 -o LogLevel=ERROR'"),
        "{line}"
    );
    assert!(
        line.ends_with("-- ops@primary.example:/srv/a/ /srv/a/"),
        "{line}"
    );
    assert!(!line.contains("contimeout"), "{line}");

    let mut mirror = plain();
    mirror.from.insert(
        "primary".into(),
        "rsync://[2001:db8::1]:8730/archive/".into(),
    );
    let line = words(&mirror, None, ssh("standby")).unwrap();
    assert!(
        line.contains("--contimeout=15")
            && line.ends_with("-- 'rsync://[2001:db8::1]:8730/archive/' /srv/a/"),
        "{line}"
    );

    let mut mirror = plain();
    mirror
        .from
        .insert("primary".into(), "ssh://m@2001:db8::1:2222".into());
    mirror.path = Some("/srv/a b/".into());
    mirror.ssh_options = vec!["-i".into(), "/k".into()];
    let line = words(&mirror, ssh("x"), ssh("standby")).unwrap();
    assert!(
        line.contains("-p 2222 -i /k") && line.contains(" -s "),
        "{line}"
    );
    assert!(
        line.ends_with("-- 'm@[2001:db8::1]:/srv/a b/' '/srv/a b/'"),
        "{line}"
    );

    assert_eq!(
        words(&plain(), Some(Via::Local), Some(Via::Local)),
        Err(Cause::Error)
    );
    assert_eq!(
        words(&plain(), Some(Via::Local), ssh("standby")),
        Err(Cause::Missing)
    );
    assert_eq!(words(&plain(), None, ssh("standby")), Err(Cause::Missing));
    assert_eq!(words(&plain(), ssh("p"), None), Err(Cause::Missing));

    let mut mirror = plain();
    mirror.path = None;
    mirror.paths = BTreeMap::from([
        ("primary".into(), "/".into()),
        ("standby".into(), "/b".into()),
    ]);
    mirror.index_only = true;
    let line = words(&mirror, Some(Via::Local), Some(Via::Local)).unwrap();
    assert!(line.ends_with("'--exclude=*' -- / /b/"), "{line}");
}

#[test]
fn leaves_out_only_what_has_a_reason() {
    let line = |mirror: &Mirror, ground: &Ground| {
        let (primary, standby) = (host("primary", ssh("p")), host("standby", ssh("s")));
        quoted(&mirror.command(&primary, &standby, ground).unwrap())
    };
    assert!(!line(&plain(), &Ground::default()).contains("exclude"));
    let archive = Ground {
        archive: true,
        marks: 1,
        behind: vec!["zzz-dists".into()],
        moment: None,
    };
    let own = "'--exclude=/Archive-Update-*' '--exclude=/project/trace/*'";
    let text = line(&plain(), &archive);
    assert!(
        text.contains(own) && text.matches("exclude").count() == 2,
        "{text}"
    );
    let mut mirror = plain();
    mirror.index_only = true;
    mirror.window = 2;
    let text = line(&mirror, &archive);
    assert!(
        text.contains("--include=/zzz-dists '--include=/zzz-dists/***'"),
        "{text}"
    );
    assert!(text.contains("--modify-window=2"), "{text}");
}

#[test]
fn destinations_read_as_ssh_and_rsync_take_them() {
    let cases = [
        ("standby", "standby", None),
        ("ops@standby.example", "ops@standby.example", None),
        ("ops@2001:db8::1", "ops@[2001:db8::1]", None),
        ("[2001:db8::1]", "[2001:db8::1]", None),
        ("ssh://ops@h:22", "ops@h", Some("22")),
        ("ssh://ops@[::1]", "ops@[::1]", None),
        ("ssh://ops@[::1]:2222", "ops@[::1]", Some("2222")),
    ];
    for (text, host, port) in cases {
        assert_eq!(endpoint(text), (host.to_owned(), port), "{text}");
    }
}
