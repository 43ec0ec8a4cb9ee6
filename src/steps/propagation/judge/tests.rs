use super::*;
use crate::event::{Advice, Cause};
use crate::steps::propagation::seen::Told;

const FLOOR: Duration = Duration::from_secs(30);

fn at(seconds: u64) -> Stamp {
    let start = Stamp {
        wall: "2026-11-22T03:00:00Z".parse().unwrap(),
        boot_ms: 0,
        boot_id: "test".into(),
    };
    start.plus(Duration::from_secs(seconds))
}

fn aim() -> Aim {
    Aim {
        active: "cloud".into(),
        idle: "dedicated".into(),
        moved: true,
    }
}

fn told(addresses: &[&str]) -> Result<Told, Unseen> {
    Ok(Told {
        rcode: "NOERROR".into(),
        is_telling: true,
        authoritative: true,
        addresses: addresses.iter().map(|ip| ip.parse().unwrap()).collect(),
        ttl: (!addresses.is_empty()).then_some(60),
        cname: None,
        referral: None,
    })
}

fn but(told: Result<Told, Unseen>, change: impl FnOnce(&mut Told)) -> Result<Told, Unseen> {
    told.map(|mut told| {
        change(&mut told);
        told
    })
}

const OLD4: &[&str] = &["192.0.2.10"];
const OLD6: &[&str] = &["2001:db8::10"];
const NEW4: &[&str] = &["198.51.100.20"];
const NEW6: &[&str] = &["2001:db8:1::20"];

/// One server that was asked for the A and the AAAA set of one name.
fn asked(server: &str, v4: Result<Told, Unseen>, v6: Result<Told, Unseen>) -> Asked {
    // Each server has an address of its own.
    let last = server.chars().filter_map(|c| c.to_digit(10)).next_back();
    let answers = vec![
        ("www.example.org. A".parse().unwrap(), v4.clone()),
        ("www.example.org. AAAA".parse().unwrap(), v6),
    ];
    let ip = ([127, 0, 0, last.unwrap_or(1) as u8], 5300).into();
    Asked {
        over_tcp: Some(v4),
        new_since: Some(at(90)),
        ..Asked::new(server.into(), ip, answers, at(100))
    }
}

fn sighting(role: Role, asked: Vec<Asked>) -> Sighting {
    let ips = |texts: [&str; 2]| texts.iter().map(|ip| ip.parse().unwrap()).collect();
    Sighting {
        zone: "example.org".into(),
        role,
        sites: [
            ("cloud".into(), ips(["198.51.100.20", "2001:db8:1::20"])),
            ("dedicated".into(), ips(["192.0.2.10", "2001:db8::10"])),
        ]
        .into(),
        asked,
        notes: Vec::new(),
        unseen: Vec::new(),
        written_at: None,
        old_ttl: Some(300),
    }
}

fn evidence(sightings: Vec<Sighting>) -> Evidence {
    let items = sightings.into_iter().enumerate().map(|(at, sighting)| {
        let json = serde_json::to_value(sighting).unwrap();
        (format!("look {at}"), Known::Live(json))
    });
    Evidence {
        items: items.collect(),
        baseline: Vec::new(),
    }
}

fn of_servers(asked: Vec<Asked>) -> Finding {
    judge(
        &aim(),
        &evidence(vec![sighting(Role::Authoritative, asked)]),
        FLOOR,
    )
}

#[test]
fn all_new_passes_and_says_until_when_caches_may_hold() {
    let one = asked("ns1", told(NEW4), told(NEW6));
    let two = asked("ns2", told(NEW4), told(NEW6));
    let finding = of_servers(vec![one, two]);
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:?}");
    assert_eq!(
        finding.headline,
        "2 server addresses asked, every one has the new records; caches that keep to the rules may hold \
         the old records until 03:06:30 UTC"
    );
    // Some caches keep everything longer than they should.
    let mut short = sighting(
        Role::Authoritative,
        vec![asked("ns1", told(NEW4), told(NEW6))],
    );
    short.old_ttl = Some(20);
    let finding = judge(&aim(), &evidence(vec![short]), FLOOR);
    let end = "until 03:01:50 UTC (03:02:00 UTC with a floor of 30s)";
    assert!(finding.headline.ends_with(end), "{}", finding.headline);
}

#[test]
fn a_name_server_with_addresses_that_could_not_be_told_is_unknown() {
    let one = asked("ns1", told(NEW4), told(NEW6));
    let mut of = sighting(Role::Authoritative, vec![one]);
    let why = Unseen::new(Cause::TimedOut, "`192.0.2.55:53` did not answer");
    of.unseen.push(("ns2.example.org.".into(), why));
    let finding = judge(&aim(), &evidence(vec![of]), FLOOR);
    assert_eq!(finding.outcome, Outcome::Unknown, "{finding:?}");
    let row = &finding.facts[1];
    assert_eq!(row.what, "example.org at ns2.example.org.");
    assert!(row.actual.ends_with("did not answer"), "{row:?}");
}

#[test]
fn a_wall_clock_that_was_set_back_does_not_hide_the_last_server() {
    let one = asked("ns1", told(NEW4), told(NEW6));
    let mut two = asked("ns2", told(NEW4), told(NEW6));
    // Ten minutes after the other one, though the clock on the wall says an hour before.
    let mut later = at(690);
    later.wall = at(0).wall - jiff::SignedDuration::from_hours(1);
    two.new_since = Some(later.clone());
    for asked in [vec![one.clone(), two.clone()], vec![two, one]] {
        let of = sighting(Role::Authoritative, asked);
        let expiry = caches(&aim(), &[of], &[], FLOOR).unwrap();
        assert_eq!(
            expiry.strict.boot_ms,
            later.plus(Duration::from_secs(300)).boot_ms
        );
    }
}

#[test]
fn a_record_of_a_proxy_of_both_sides_is_neither_old_nor_new() {
    const PROXY: &[&str] = &["203.0.113.5"];
    let behind = |v4: &[&str], v6: &[&str]| {
        let mut of = sighting(Role::Authoritative, vec![asked("ns1", told(v4), told(v6))]);
        for addresses in of.sites.values_mut() {
            addresses.insert("203.0.113.5".parse().unwrap());
        }
        judge(&aim(), &evidence(vec![of]), FLOOR)
    };
    let finding = behind(PROXY, NEW6);
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:?}");
    assert!(finding.facts.iter().all(|fact| !fact.what.ends_with(" A")));
    assert_eq!(behind(PROXY, OLD6).outcome, Outcome::Late);
    let finding = behind(PROXY, &[]);
    assert_eq!(finding.outcome, Outcome::Warn, "{finding:?}");
    assert_eq!(
        finding.facts[0].actual,
        "records lead to a proxy of both sides only"
    );
}

#[test]
fn the_last_server_counts_and_the_past_is_past() {
    let mut one = asked("ns1", told(NEW4), told(NEW6));
    let mut two = one.clone();
    one.new_since = Some(at(10));
    two.new_since = Some(at(40));
    (one.taken, two.taken) = (at(400), at(400));
    let finding = of_servers(vec![one, two]);
    assert!(
        finding.headline.ends_with("have let the old records go"),
        "{}",
        finding.headline
    );
}

#[test]
fn each_kind_of_answer_has_its_outcome() {
    let refused = || {
        but(told(&[]), |t| {
            (t.rcode, t.is_telling) = ("REFUSED".into(), false)
        })
    };
    let lame = || but(told(NEW4), |t| t.authoritative = false);
    let silent = || Err(Unseen::new(Cause::TimedOut, "`ns2` did not answer"));
    let both: &[&str] = &["192.0.2.10", "198.51.100.20"];
    let foreign: &[&str] = &["198.51.100.20", "203.0.113.9"];
    let cases = [
        (
            "old",
            told(OLD4),
            told(OLD6),
            Outcome::Late,
            "192.0.2.10 (ttl 60)",
        ),
        (
            "one family old",
            told(NEW4),
            told(OLD6),
            Outcome::Late,
            "2001:db8::10",
        ),
        (
            "both addresses",
            told(both),
            told(NEW6),
            Outcome::Late,
            "192.0.2.10",
        ),
        ("refused", refused(), refused(), Outcome::Unknown, "REFUSED"),
        (
            "without authority",
            lame(),
            told(NEW6),
            Outcome::Unknown,
            "lame",
        ),
        (
            "a referral",
            but(told(&[]), |t| {
                (t.authoritative, t.referral) = (false, Some("www.example.org.".into()));
            }),
            told(NEW6),
            Outcome::Unknown,
            "refers to the servers of `www.example.org.`",
        ),
        (
            "silent",
            silent(),
            silent(),
            Outcome::Unknown,
            "did not answer",
        ),
        (
            "other foreign members",
            told(foreign),
            told(NEW6),
            Outcome::Late,
            "same addresses",
        ),
        (
            "a family is missing",
            told(NEW4),
            told(&[]),
            Outcome::Late,
            "same addresses",
        ),
    ];
    for (what, v4, v6, outcome, says) in cases {
        let good = asked("ns1", told(NEW4), told(NEW6));
        let finding = of_servers(vec![good, asked("ns2", v4, v6)]);
        assert_eq!(finding.outcome, outcome, "{what}: {finding:?}");
        let told = finding
            .facts
            .iter()
            .any(|fact| fact.outcome == outcome && format!("{fact:?}").contains(says));
        assert!(told, "{what}: {finding:?}");
    }
}

#[test]
fn the_way_back_reads_the_same_evidence_the_other_way_round() {
    let evidence = evidence(vec![sighting(
        Role::Authoritative,
        vec![asked("ns1", told(OLD4), told(OLD6))],
    )]);
    assert_eq!(judge(&aim(), &evidence, FLOOR).outcome, Outcome::Late);
    let home = Aim {
        active: "dedicated".into(),
        idle: "cloud".into(),
        moved: true,
    };
    assert_eq!(judge(&home, &evidence, FLOOR).outcome, Outcome::Pass);
}

#[test]
fn a_server_that_lags_over_tcp_only_is_late_and_one_without_tcp_warns() {
    let mut lags = asked("ns1", told(NEW4), told(NEW6));
    lags.over_tcp = Some(told(OLD4));
    assert_eq!(of_servers(vec![lags]).outcome, Outcome::Late);
    let mut mute = asked("ns1", told(NEW4), told(NEW6));
    mute.over_tcp = Some(Err(Unseen::new(Cause::Refused, "refused")));
    let finding = of_servers(vec![mute]);
    assert_eq!(finding.outcome, Outcome::Warn);
    assert!(
        finding.headline.contains("over tcp"),
        "{}",
        finding.headline
    );
}

#[test]
fn caches_are_late_until_their_copy_ends() {
    let cache = |role, v4, v6| {
        let good = asked("ns1", told(NEW4), told(NEW6));
        let items = vec![
            sighting(Role::Authoritative, vec![good]),
            sighting(role, vec![asked("192.0.2.55:53", v4, v6)]),
        ];
        judge(&aim(), &evidence(items), FLOOR)
    };
    let no_aa = |addresses: &[&str]| but(told(addresses), |told| told.authoritative = false);
    let old = || but(no_aa(OLD4), |told| told.ttl = Some(42));
    let gone = || but(no_aa(&[]), |told| told.rcode = "NXDOMAIN".into());
    let sick = || {
        but(no_aa(&[]), |t| {
            (t.rcode, t.is_telling) = ("SERVFAIL".into(), false)
        })
    };
    let chosen = |v4| cache(Role::Resolver, v4, no_aa(NEW6));
    let system = |v4| cache(Role::SystemResolver, v4, no_aa(NEW6));

    assert_eq!(chosen(no_aa(NEW4)).outcome, Outcome::Pass);
    let late = chosen(old());
    assert_eq!(late.outcome, Outcome::Late);
    assert!(
        late.headline.contains("until 03:02:22 UTC at the latest"),
        "{}",
        late.headline
    );
    assert!(
        late.headline.contains("caches that keep to the rules"),
        "{}",
        late.headline
    );
    assert_eq!(system(old()).outcome, Outcome::Late);
    assert_eq!(
        chosen(gone()).outcome,
        Outcome::Late,
        "a negative answer is cached"
    );
    assert_eq!(system(gone()).outcome, Outcome::Warn);
    assert_eq!(chosen(sick()).outcome, Outcome::Unknown);
    assert_eq!(system(sick()).outcome, Outcome::Warn);
}

#[test]
fn a_name_that_led_somewhere_and_is_gone_fails() {
    let gone = || asked("ns1", told(NEW4), told(&[]));
    let mut evidence = evidence(vec![sighting(Role::Authoritative, vec![gone()])]);
    assert_eq!(
        judge(&aim(), &evidence, FLOOR).outcome,
        Outcome::Pass,
        "it never had IPv6"
    );
    let before = sighting(
        Role::Authoritative,
        vec![asked("ns1", told(OLD4), told(OLD6))],
    );
    evidence.baseline = vec![("look 0".into(), serde_json::to_value(before).unwrap())];
    let finding = judge(&aim(), &evidence, FLOOR);
    assert_eq!(finding.outcome, Outcome::Fail);
    assert!(
        finding
            .headline
            .contains("www.example.org. AAAA: it is gone"),
        "{}",
        finding.headline
    );
}

#[test]
fn names_that_lead_nowhere_are_never_a_success() {
    let elsewhere: &[&str] = &["203.0.113.9"];
    let half = of_servers(vec![asked("ns1", told(elsewhere), told(NEW6))]);
    assert_eq!(
        half.outcome,
        Outcome::Warn,
        "one family leads elsewhere, and did before"
    );
    let none = of_servers(vec![asked("ns1", told(elsewhere), told(&[]))]);
    assert_eq!(none.outcome, Outcome::Fail);
    let alias = || {
        but(told(&[]), |told| {
            told.cname = Some("cdn.example.net.".into())
        })
    };
    let now = sighting(Role::Authoritative, vec![asked("ns1", alias(), alias())]);
    let mut seen = evidence(vec![now]);
    let alias = judge(&aim(), &seen, FLOOR);
    assert!(alias.has_unknowns(), "unproven at most: {alias:?}");
    assert!(format!("{:?}", alias.facts).contains("alias of cdn.example.net."));
    // It led to a side itself before.
    let before = sighting(
        Role::Authoritative,
        vec![asked("ns1", told(OLD4), told(&[]))],
    );
    seen.baseline = vec![("look 0".into(), serde_json::to_value(before).unwrap())];
    assert_eq!(judge(&aim(), &seen, FLOOR).outcome, Outcome::Fail);
}

#[test]
fn without_any_evidence_nothing_is_known() {
    let finding = judge(&aim(), &Evidence::default(), FLOOR);
    assert_eq!(finding.outcome, Outcome::Unknown);
    let unseen = Known::Unseen(Unseen::new(Cause::NoName, "no delegation"));
    let evidence = Evidence {
        items: vec![("example.org at its name servers".into(), unseen)],
        baseline: Vec::new(),
    };
    let finding = judge(&aim(), &evidence, FLOOR);
    assert_eq!(finding.outcome, Outcome::Unknown);
    assert!(
        finding.headline.contains("no delegation"),
        "{}",
        finding.headline
    );
}

#[test]
fn what_the_provider_says_counts_too() {
    let with = |json: Json| {
        let servers = vec![asked("ns1", told(NEW4), told(NEW6))];
        let mut evidence = evidence(vec![sighting(Role::Authoritative, servers)]);
        evidence
            .items
            .push(("example.org at provider mythic".into(), Known::Live(json)));
        judge(&aim(), &evidence, FLOOR).outcome
    };
    assert_eq!(with(Json::Null), Outcome::Pass);
    assert_eq!(with(Json::Bool(true)), Outcome::Pass);
    assert_eq!(with("not yet on every name server".into()), Outcome::Late);
    assert_eq!(with(serde_json::json!(["www.example.net"])), Outcome::Warn);
    assert_eq!(
        with(serde_json::json!({ "form": "unknown" })),
        Outcome::Unknown
    );
}

#[test]
fn a_late_server_comes_with_a_command() {
    let finding = of_servers(vec![asked("ns1", told(OLD4), told(NEW6))]);
    assert_eq!(
        finding.advice,
        [Advice::Try(
            "dig +norecurse -p 5300 @127.0.0.1 www.example.org. A".into()
        )]
    );
}

#[test]
fn the_longest_hold_counts_and_not_the_highest_number() {
    // A TTL of 2^31 or more counts as zero (RFC 2181), also beside an hour.
    for highest in [1 << 31, u32::MAX] {
        let one = asked("ns1", told(NEW4), told(NEW6));
        let mut of = sighting(Role::Authoritative, vec![one]);
        of.old_ttl = Some(highest);
        let mut before = asked("ns1", told(OLD4), told(OLD6));
        for (at, ttl) in [highest, 3600].into_iter().enumerate() {
            before.answers[at].1.as_mut().unwrap().ttl = Some(ttl);
        }
        let before = sighting(Role::Authoritative, vec![before]);
        let since = of.asked[0].new_since.clone().unwrap();
        let expiry = caches(&aim(), &[of], &[before], FLOOR).unwrap();
        assert_eq!(expiry.strict, since.plus(Duration::from_secs(3600)));
    }
}

mod beside;
mod cached;
mod foreseen;
mod told;
mod wavers;
