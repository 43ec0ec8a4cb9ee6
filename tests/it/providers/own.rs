//! What a name server answers and is not the zone's own, and what of a zone is odd.

use std::net::SocketAddr;

use cutover::dns::{Grounds, Holds, Provider, RecordKey, RecordSet};

use super::{done, read, refused, rfc2136, set, write};
use crate::lab::dns::{Bind, Knot, Tsig};
use crate::lab::have;

const HEAD: &str = "\
$TTL 300
@ IN SOA ns.lab.example. hostmaster.lab.example. 1 3600 600 86400 60
@ IN NS ns.lab.example.
";

const LAB: &str = "\
$ORIGIN lab.example.
ns IN A 127.0.0.1
www IN A 192.0.2.10
*.wild IN A 192.0.2.10
here.wild IN A 192.0.2.10
*.there.wild IN A 192.0.2.10
there.wild IN A 192.0.2.10
*.link IN CNAME www
child IN NS ns
www.child IN A 192.0.2.10
sp\\032ace IN A 192.0.2.10
a\\@b IN A 192.0.2.10
\\195\\188 IN A 192.0.2.10
odd IN CNAME .
empty IN APL
naptr IN NAPTR 10 10 ! \"\" \"\" .
strange IN TYPE65400 \\# 0
strange IN TYPE65401 \\# 2 abcd
";

const CHILD: &str = "\
$ORIGIN child.lab.example.
ns IN A 127.0.0.1
www IN A 192.0.2.10
";

fn key(name: &str) -> RecordKey {
    format!("{name}.lab.example. A").parse().unwrap()
}

async fn grounds(provider: &dyn Provider, names: &[&str]) -> Grounds {
    let keys: Vec<RecordKey> = names.iter().map(|name| key(name)).collect();
    provider.grounds("lab.example", &keys).await.unwrap()
}

async fn holds(at: SocketAddr, tsig: &Tsig) {
    let dir = tempfile::tempdir().unwrap();
    let provider = rfc2136(dir.path(), at, tsig);
    let own = [
        "www",
        "here.wild",
        "there.wild",
        "*.wild",
        "sp\\032ace",
        "a\\064b",
        "\\195\\188",
    ];
    let seen = grounds(&*provider, &own).await;
    assert_eq!(seen, Grounds::default());
    let others = ["gone.wild", "x.y.wild", "x.link", "www.child"];
    let seen = grounds(&*provider, &others).await;
    assert_eq!(seen.sets.len(), 4, "{seen:?}");
    for (name, told) in [
        ("gone.wild", "wildcard"),
        ("x.y.wild", "wildcard"),
        ("x.link", "wildcard"),
        ("www.child", "`child.lab.example`"),
    ] {
        let why = &seen.sets[&key(name)];
        assert!(why.contains(told) && why.contains(name), "{why}");
    }

    // A write refuses the same, before anything is sent.
    for name in ["gone.wild", "www.child"] {
        let of = |ip: &str| set(&key(name).to_string(), 300, &[ip]);
        let why = refused(write(&*provider, &[of("192.0.2.10")], &[of("192.0.2.20")]).await);
        assert_eq!(why, seen.sets[&key(name)]);
    }

    // Odd ones hinder nobody, and odd names can be moved, there and back.
    let listing = provider.list("lab.example").await.unwrap();
    // What is below the delegation is glue.
    assert_eq!(
        listing.cut_over("www.child.lab.example"),
        Some("child.lab.example")
    );
    assert_eq!(listing.cut_over("www.lab.example"), None);
    let names: Vec<String> = listing.sets.iter().map(|set| set.key.to_string()).collect();
    for name in [
        "sp\\032ace.lab.example. A",
        "odd.lab.example. CNAME",
        "www.lab.example. A",
    ] {
        assert!(names.iter().any(|seen| seen == name), "{name}: {names:?}");
    }
    // One that cannot be read stays, with the reason; the others are told by their data.
    let other = |rtype: &str| {
        let mut others = listing.others.iter();
        others
            .find(|other| other.rtype == rtype)
            .unwrap()
            .holds
            .clone()
    };
    let Holds::Unread(why) = other("NAPTR") else {
        panic!("{listing:?}");
    };
    assert!(why.contains("no data of its type"), "{why}");
    assert!(matches!(other("TYPE65401"), Holds::Text(_)), "{listing:?}");
    for name in own {
        let name = key(name).to_string();
        let before = read(&*provider, &[&name]).await;
        assert_eq!(before, [set(&name, 300, &["192.0.2.10"])]);
        let after = [set(&name, 60, &["192.0.2.20"])];
        done(write(&*provider, &before, &after).await);
        assert_eq!(read(&*provider, &[&name]).await, after);
        let (from, to) = (RecordSet::value_of(&after), RecordSet::value_of(&before));
        let typed = provider.commands("lab.example", &from, &to).join("\n");
        let owner = name.trim_end_matches(" A");
        assert!(typed.contains(owner), "{typed}");
        done(write(&*provider, &after, &before).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_is_the_zones_own() {
    if !have(&["named", "knotd"]) {
        return;
    }
    let tsig = Tsig::new("cutover");
    let [lab, child] = [LAB, CHILD].map(|text| format!("{HEAD}{text}"));
    let zones = [("lab.example", lab.as_str()), ("child.lab.example", &child)];
    holds(Bind::primary(&zones, &tsig).v4, &tsig).await;
    holds(Knot::primary(&zones, &tsig).v4, &tsig).await;
}

/// A secondary may take updates and hand them on; what is read from it then lags behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_secondary_is_told_from_the_primary() {
    if !have(&["named"]) {
        return;
    }
    let (dir, tsig) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let lab = format!("{HEAD}{LAB}");
    let (first, second) = Bind::pair(&[("lab.example", &lab)], &tsig);
    let primary = rfc2136(dir.path(), first.v4, &tsig);
    assert_eq!(grounds(&*primary, &["www"]).await.notes, [""; 0]);
    let secondary = rfc2136(dir.path(), second.v4, &tsig);
    let told = async {
        while !(grounds(&*secondary, &["www"]).await.notes.iter())
            .any(|note| note.contains("is a secondary"))
        {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    let in_time = tokio::time::timeout(crate::lab::READY, told).await;
    in_time.expect("its copy is some seconds old");
}

/// Of many sets a transfer tells what else is asked of each; a server that refuses it is asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_tells_no_more_than_questions_do() {
    if !have(&["named"]) {
        return;
    }
    let (dir, tsig) = (tempfile::tempdir().unwrap(), Tsig::new("cutover"));
    let hosts: String = (0..100)
        .map(|n| format!("h{n} IN A 192.0.2.10\n"))
        .collect();
    let lab = format!("{HEAD}{LAB}{hosts}");
    let child = format!("{HEAD}{CHILD}");
    let inner = child.replace("child.lab", "h7.lab");
    let zones = [
        ("lab.example", lab.as_str()),
        ("child.lab.example", &child),
        // Nothing in the zone above tells of it.
        ("h7.lab.example", &inner),
    ];
    let bind = Bind::primary(&zones, &tsig);
    let hosts = (0..100).map(|n| format!("h{n}"));
    let odd = [
        "gone.wild",
        "x.y.wild",
        "x.link",
        "www.child",
        "here.wild",
        "absent",
    ];
    let names: Vec<String> = hosts.chain(odd.map(str::to_owned)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let allowed = rfc2136(dir.path(), bind.v4, &tsig);
    let other = tempfile::tempdir().unwrap();
    let powerless = rfc2136(other.path(), bind.v4, &Bind::powerless());
    assert!(powerless.list("lab.example").await.is_err());
    let seen = grounds(&*allowed, &names).await;
    assert_eq!(seen, grounds(&*powerless, &names).await);
    let barred: Vec<String> = seen.sets.keys().map(ToString::to_string).collect();
    let wanted = ["gone.wild", "h7", "www.child", "x.link", "x.y.wild"];
    assert_eq!(barred, wanted.map(|name| key(name).to_string()));
    assert_eq!(seen.notes, [""; 0]);

    // What was seen to be the zone's own is not asked again, and the server still holds the write to it.
    let name = key("h3").to_string();
    let of = |ip: &str| set(&name, 300, &[ip]);
    done(write(&*allowed, &[of("192.0.2.10")], &[of("192.0.2.20")]).await);
    let why = refused(write(&*allowed, &[of("192.0.2.10")], &[of("192.0.2.30")]).await);
    assert!(why.contains("somebody else wrote it"), "{why}");
    let name = key("gone.wild").to_string();
    let of = |ip: &str| set(&name, 300, &[ip]);
    let why = refused(write(&*allowed, &[of("192.0.2.10")], &[of("192.0.2.20")]).await);
    assert_eq!(why, seen.sets[&key("gone.wild")]);

    // What many sets hold, and what stands there before they are written, is the same however it is read.
    let hosts = (0..100).filter(|n| ![3, 7].contains(n));
    let hosts: Vec<RecordKey> = hosts.map(|n| key(&format!("h{n}"))).collect();
    let all = |ip: &str| -> Vec<RecordSet> {
        let sets = hosts.iter().map(|key| set(&key.to_string(), 300, &[ip]));
        sets.collect()
    };
    let hold = async |ip: &str| {
        for provider in [&allowed, &powerless] {
            let mut sets = provider.read("lab.example", &hosts).await.unwrap();
            sets.sort_by_key(|set| hosts.iter().position(|key| *key == set.key));
            assert_eq!(sets, all(ip));
        }
    };
    hold("192.0.2.10").await;
    done(write(&*allowed, &all("192.0.2.10"), &all("192.0.2.20")).await);
    hold("192.0.2.20").await;
    let why = refused(write(&*allowed, &all("192.0.2.10"), &all("192.0.2.30")).await);
    assert!(why.contains("somebody else wrote it"), "{why}");
}

/// Where a zone cannot be listed, what visitors follow beside addresses is asked for by name.
#[tokio::test(flavor = "multi_thread")]
async fn what_visitors_follow_is_told_to_whoever_may_not_list_the_zone() {
    if !have(&["named"]) {
        return;
    }
    let tsig = Tsig::new("cutover");
    let more = "\
$ORIGIN lab.example.
ns IN A 127.0.0.1
web IN A 192.0.2.10
web IN HTTPS 1 . alpn=h2 ipv4hint=192.0.2.10
www IN CNAME web
both IN A 192.0.2.10
both IN SVCB 1 web port=8443
_8443._https.both IN HTTPS 1 . ipv6hint=2001:db8::10
*.wild IN HTTPS 1 . ipv4hint=192.0.2.10
plain IN A 192.0.2.10
plain IN TXT \"192.0.2.10\"
";
    let zone = format!("{HEAD}{more}");
    let bind = Bind::primary(&[("lab.example", zone.as_str())], &tsig);
    let dir = tempfile::tempdir().unwrap();
    let provider = rfc2136(dir.path(), bind.v4, &Bind::powerless());
    assert!(provider.list("lab.example").await.is_err());
    for (name, wanted) in [
        ("web", Some(("web.lab.example. HTTPS", "192.0.2.10"))),
        // Of the name where the alias ends.
        ("www", Some(("web.lab.example. HTTPS", "192.0.2.10"))),
        ("both", Some(("both.lab.example. SVCB", "web.lab.example"))),
        (
            "_8443._https.both",
            Some(("_8443._https.both.lab.example. HTTPS", "2001:db8::10")),
        ),
        (
            "any.wild",
            Some(("any.wild.lab.example. HTTPS", "192.0.2.10")),
        ),
        ("plain", None),
        ("gone", None),
    ] {
        let asked = [format!("{name}.lab.example")];
        let found = provider.others("lab.example", &asked).await.unwrap();
        let found: Vec<(String, bool)> = (found.iter())
            .map(|other| {
                let held = other
                    .addresses()
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>();
                let holds = |data: &str| {
                    held.contains(&data.to_owned()) || other.targets().contains(&data.to_owned())
                };
                (
                    other.to_string(),
                    wanted.is_some_and(|(_, data)| holds(data)),
                )
            })
            .collect();
        let wanted: Vec<_> = wanted
            .iter()
            .map(|(what, _)| ((*what).to_owned(), true))
            .collect();
        assert_eq!(found, wanted, "{name}");
    }
}
