//! What the looks before the change say of those after it.

use super::*;
use crate::steps::propagation::seen::Soa;
use crate::world::dns::signed::KeyId;

const LONG: Duration = Duration::from_secs(600);

fn of(looks: Vec<Sighting>) -> Finding {
    let before = Aim {
        moved: false,
        ..aim()
    };
    foresee(&before, &evidence(looks), LONG)
}

fn old(server: &str) -> Asked {
    asked(server, told(OLD4), told(OLD6))
}

fn silent() -> Result<Told, Unseen> {
    Err(Unseen::new(Cause::TimedOut, "it did not answer"))
}

fn lame() -> Result<Told, Unseen> {
    but(told(OLD4), |told| told.authoritative = false)
}

#[test]
fn who_can_tell_is_counted_whatever_it_says() {
    let finding = of(vec![
        sighting(Role::Authoritative, vec![old("ns1"), old("ns2")]),
        sighting(Role::Resolver, vec![old("192.0.2.53:53")]),
    ]);
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:?}");
    assert_eq!(
        finding.headline,
        "2 server addresses can tell of the change"
    );
    let rows: Vec<&str> = finding.facts.iter().map(|fact| &*fact.what).collect();
    assert_eq!(
        rows,
        [
            "example.org at ns1",
            "example.org at ns2",
            "example.org at resolver 192.0.2.53:53"
        ]
    );
    // Where nobody was asked, nothing was told.
    let nobody = of(Vec::new());
    assert_eq!(nobody.outcome, Outcome::Unknown);
    assert_eq!(nobody.headline, "there was nothing to ask");
}

#[test]
fn who_cannot_tell_now_will_not_tell_then() {
    let dead = |server: &str| asked(server, silent(), silent());
    let servers = |asked: Vec<Asked>| of(vec![sighting(Role::Authoritative, asked)]);
    let one = servers(vec![old("ns1"), dead("ns2")]);
    assert_eq!(one.outcome, Outcome::Unknown);
    let told = "example.org at ns2: it did not answer, so the change cannot be seen there";
    assert_eq!(one.headline, told);
    let two = servers(vec![dead("ns2"), old("ns1"), dead("ns3")]);
    assert_eq!(two.headline, format!("{told} (and 1 more)"));
    let three = servers(vec![dead("ns2"), dead("ns3"), dead("ns4")]);
    assert_eq!(three.headline, format!("{told} (and 2 more)"));
    // A server that is asked for a zone that it does not have; a cache need not have authority.
    let lame = asked("ns2", lame(), lame());
    let refused = servers(vec![old("ns1"), lame.clone()]);
    assert_eq!(refused.outcome, Outcome::Unknown);
    assert!(refused.headline.contains("without authority (lame)"));
    assert!(!refused.advice.is_empty(), "{refused:?}");
    let cache = of(vec![
        sighting(Role::Authoritative, vec![old("ns1")]),
        sighting(Role::Resolver, vec![lame]),
    ]);
    assert_eq!(cache.outcome, Outcome::Pass, "{cache:?}");
}

/// Somebody chose a resolver of the playbook; those of this machine may be out of order without a word on the names.
#[test]
fn a_resolver_that_nobody_chose_warns_only() {
    let with = |role| {
        of(vec![
            sighting(Role::Authoritative, vec![old("ns1")]),
            sighting(role, vec![asked("192.0.2.53:53", silent(), silent())]),
        ])
    };
    let chosen = with(Role::Resolver);
    assert_eq!(chosen.outcome, Outcome::Unknown);
    let not = with(Role::SystemResolver);
    assert_eq!(not.outcome, Outcome::Warn);
    assert_eq!(
        not.headline,
        "example.org at resolver 192.0.2.53:53: it did not answer"
    );
    assert!(not.advice.is_empty());
}

#[test]
fn a_server_that_answers_over_udp_only_warns() {
    let mut udp = old("ns1");
    udp.over_tcp = Some(silent());
    let finding = of(vec![sighting(Role::Authoritative, vec![udp])]);
    assert_eq!(finding.outcome, Outcome::Warn);
    assert_eq!(
        finding.headline,
        "example.org at ns1: it does not answer over tcp: it did not answer"
    );
}

#[test]
fn servers_that_differ_before_the_change_warn() {
    let differ = |second: Asked| {
        of(vec![sighting(
            Role::Authoritative,
            vec![old("ns1"), second],
        )])
    };
    // It leads to a side beside which the other stays.
    let both = &["192.0.2.10", "198.51.100.20"];
    let finding = differ(asked("ns2", told(both), told(OLD6)));
    assert_eq!(finding.outcome, Outcome::Warn);
    assert_eq!(
        finding.headline,
        "www.example.org. A: 192.0.2.10 at one, at another 192.0.2.10 198.51.100.20"
    );
    // What a cache says, or a server that does not know, is no other answer.
    let finding = of(vec![
        sighting(Role::Authoritative, vec![old("ns1")]),
        sighting(Role::Resolver, vec![asked("c", told(NEW4), told(OLD6))]),
    ]);
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:?}");
    let unsure = but(told(NEW4), |told| told.authoritative = false);
    let finding = differ(asked("ns2", unsure, told(OLD6)));
    let apart = (finding.facts.iter()).any(|fact| fact.actual.contains("at another"));
    assert!(!apart, "{finding:?}");
}

#[test]
fn what_a_provider_has_not_published_yet_it_may_have_by_then() {
    let mut looks = evidence(vec![sighting(Role::Authoritative, vec![old("ns1")])]);
    let waits = Known::Live(serde_json::json!("`mythic` says that it waits"));
    looks.items.push(("published".into(), waits));
    let before = Aim {
        moved: false,
        ..aim()
    };
    let finding = foresee(&before, &looks, LONG);
    assert_eq!(finding.outcome, Outcome::Warn);
    assert_eq!(finding.headline, "published: `mythic` says that it waits");
    // Afterwards it is waited for.
    assert_eq!(judge(&aim(), &looks, FLOOR).outcome, Outcome::Late);
}

#[test]
fn a_server_that_leads_to_neither_site_or_to_more_than_the_others_stops_a_planned_run_and_is_named()
{
    const STRANGER: &[&str] = &["203.0.113.9"];
    const MORE: &[&str] = &["192.0.2.10", "203.0.113.9"];
    let no_name = || but(told(&[]), |told| told.rcode = "NXDOMAIN".into());
    for (v4, v6, says) in [
        (told(STRANGER), told(OLD6), "203.0.113.9"),
        (no_name(), told(OLD6), "(no such name)"),
        (told(OLD4), told(&[]), "AAAA nothing"),
        (told(MORE), told(OLD6), "192.0.2.10 203.0.113.9"),
    ] {
        for odd_first in [true, false] {
            let odd = asked("ns2", v4.clone(), v6.clone());
            let servers = match odd_first {
                true => vec![odd, old("ns1")],
                false => vec![old("ns1"), old("ns3"), odd],
            };
            let finding = of(vec![sighting(Role::Authoritative, servers)]);
            assert_eq!(finding.outcome, Outcome::Late, "{finding:?}");
            assert!(finding.final_);
            let text = &finding.headline;
            assert!(text.starts_with("example.org at ns2: it says"), "{text}");
            assert!(text.contains(says), "{text}");
            assert!(format!("{:?}", finding.advice).contains("mend that server"));
        }
    }
    // Where all of them say so, there is nothing to wait for.
    let lone = || asked("ns1", told(STRANGER), told(STRANGER));
    let finding = of(vec![sighting(Role::Authoritative, vec![lone(), lone()])]);
    assert_ne!(finding.outcome, Outcome::Late);
}

/// It would be waited for on the way back, or on the way there.
#[test]
fn a_server_that_leads_to_the_other_side_than_the_one_that_is_written_to_stops_a_planned_run_until_it_follows()
 {
    let new = |server: &str| asked(server, told(NEW4), told(NEW6));
    let judged = |servers: Vec<Asked>, written: Option<&Asked>| {
        let mut seen = sighting(Role::Authoritative, servers);
        seen.written_at = written.map(|asked| asked.at);
        of(vec![seen])
    };
    for (servers, written, named) in [
        (
            vec![old("ns1"), new("ns2")],
            None,
            "ns2: it says www.example.org. A 198.",
        ),
        (
            vec![new("ns2"), old("ns1")],
            Some(old("ns1")),
            "ns2: it says www.example.org. A 198.",
        ),
        // The one that is written to has moved already.
        (
            vec![old("ns1"), new("ns2")],
            Some(new("ns2")),
            "ns1: it says www.example.org. A 192.",
        ),
        (
            vec![old("ns1"), asked("ns2", told(OLD4), told(NEW6))],
            None,
            "ns2: it says www.example.org. AAAA 2001:db8:1::20",
        ),
    ] {
        let finding = judged(servers, written.as_ref());
        assert_eq!(finding.outcome, Outcome::Late, "{finding:?}");
        assert!(!finding.final_, "it may follow");
        assert!(finding.headline.contains(named), "{}", finding.headline);
        assert!(
            finding
                .mended_by()
                .unwrap()
                .starts_with("look again when that server")
        );
    }
}

#[test]
fn a_server_with_another_copy_of_the_zone_stops_a_planned_run_until_it_follows() {
    let with = |server: &str, serial: Option<u32>, rest: &str| Asked {
        soa: serial.map(|serial| Soa {
            serial,
            rest: rest.into(),
            rises: false,
        }),
        ..old(server)
    };
    let judged = |servers: Vec<Asked>, written: Option<usize>| {
        let at = written.map(|at| servers[at].at);
        let mut seen = sighting(Role::Authoritative, servers);
        seen.written_at = at;
        of(vec![seen])
    };
    for (one, two, written, odd) in [
        (Some(14), Some(14), None, None),
        (
            Some(14),
            Some(1),
            None,
            Some("ns2: its serial is 1, and that of ns1 is 14"),
        ),
        // RFC 1982: the number has begun anew.
        (
            Some(u32::MAX),
            Some(3),
            None,
            Some("ns1: its serial is 4294967295"),
        ),
        (Some(14), None, None, None),
        // A primary that was restored: its secondaries hold a higher serial, and never follow.
        (
            Some(7),
            Some(9),
            Some(0),
            Some("ns2: its serial is 9, and that of ns1, which is written to, is 7"),
        ),
        (
            Some(7),
            Some(9),
            Some(1),
            Some("ns1: its serial is 7, and that of ns2, which is written to, is 9"),
        ),
    ] {
        let servers = || vec![with("ns1", one, "same"), with("ns2", two, "same")];
        let finding = judged(servers(), written);
        match odd {
            Some(text) => {
                assert_eq!(finding.outcome, Outcome::Late);
                assert!(!finding.final_, "it may follow");
                assert!(finding.headline.contains(text), "{}", finding.headline);
                assert!(finding.mended_by().unwrap().starts_with("look again when"));
            }
            None => assert_eq!(finding.outcome, Outcome::Pass, "{finding:?}"),
        }
        // Of two providers, and of one that signs what the other does not, it is no proof.
        let mut others = servers();
        others[1].soa = with("ns2", two, "other").soa;
        let mut signed = servers();
        let key = KeyId {
            tag: 1,
            algorithm: 13,
        };
        (signed[1].zone_keys, signed[1].signers) = ([key].into(), [[key].into()].into());
        let mut moving = servers();
        (moving.iter_mut()).for_each(|asked| asked.soa.iter_mut().for_each(|soa| soa.rises = true));
        // A zone that is always written to is followed some time behind.
        assert_eq!(judged(moving, written).outcome, Outcome::Pass);
        for servers in [others, signed] {
            let finding = judged(servers, written);
            let warns = if odd.is_some() {
                Outcome::Warn
            } else {
                Outcome::Pass
            };
            assert_eq!(finding.outcome, warns, "{finding:?}");
        }
    }
}
