//! What the looks before the change say of those after it.

use super::*;

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
    let finding = differ(asked("ns2", told(NEW4), told(OLD6)));
    assert_eq!(finding.outcome, Outcome::Warn);
    assert_eq!(
        finding.headline,
        "www.example.org. A: 192.0.2.10 at one, at another 198.51.100.20"
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
    // One that has followed, or lags behind, leads to one of the sites.
    let new = asked("ns2", told(NEW4), told(NEW6));
    let finding = of(vec![sighting(Role::Authoritative, vec![old("ns1"), new])]);
    assert_eq!(finding.outcome, Outcome::Warn);
    // Where all of them say so, there is nothing to wait for.
    let lone = || asked("ns1", told(STRANGER), told(STRANGER));
    let finding = of(vec![sighting(Role::Authoritative, vec![lone(), lone()])]);
    assert_ne!(finding.outcome, Outcome::Late);
}

#[test]
fn a_server_with_an_older_zone_is_told_before_the_change() {
    let with = |server: &str, serial| {
        let mut one = old(server);
        one.serial = serial;
        one
    };
    for (one, two, odd) in [
        (Some(14), Some(14), None),
        (Some(14), Some(1), Some("ns2: its serial is 1")),
        // RFC 1982: the number has begun anew.
        (
            Some(u32::MAX),
            Some(3),
            Some("ns1: its serial is 4294967295"),
        ),
        (Some(14), None, None),
    ] {
        let servers = vec![with("ns1", one), with("ns2", two)];
        let finding = of(vec![sighting(Role::Authoritative, servers)]);
        match odd {
            Some(text) => {
                assert_eq!(finding.outcome, Outcome::Warn);
                assert!(finding.headline.contains(text), "{}", finding.headline);
            }
            None => assert_eq!(finding.outcome, Outcome::Pass, "{finding:?}"),
        }
    }
}
