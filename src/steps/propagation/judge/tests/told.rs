//! What a headline says, and of how many.

use super::*;

fn server(name: &str, addresses: [&[&str]; 2]) -> Asked {
    asked(name, told(addresses[0]), told(addresses[1]))
}

#[test]
fn the_first_of_the_worst_is_told_and_the_others_are_counted() {
    let (old, new) = ([OLD4, OLD6], [NEW4, NEW6]);
    let one = of_servers(vec![
        server("ns1", new),
        server("ns2", old),
        server("ns3", new),
    ]);
    assert_eq!(one.outcome, Outcome::Late);
    assert!(
        one.headline.starts_with("example.org at ns2: still old: "),
        "{}",
        one.headline
    );
    assert!(!one.headline.contains("more)"), "{}", one.headline);
    let two = of_servers(vec![
        server("ns1", old),
        server("ns2", new),
        server("ns3", old),
    ]);
    assert!(
        two.headline.starts_with("example.org at ns1: still old: "),
        "{}",
        two.headline
    );
    assert!(two.headline.contains("(and 1 more)"), "{}", two.headline);
    let nobody = judge(&aim(), &Evidence::default(), FLOOR);
    let told = "all names: no authoritative server told anything";
    assert_eq!(nobody.headline, told);
}

#[test]
fn at_the_end_of_their_time_caches_have_let_the_old_records_go() {
    let of = |ttl: u32| {
        let one = vec![asked("ns1", told(NEW4), told(NEW6))];
        let mut short = sighting(Role::Authoritative, one);
        short.old_ttl = Some(ttl);
        // New since 90, looked at at 100.
        judge(&aim(), &evidence(vec![short]), Duration::from_secs(1)).headline
    };
    let gone = "caches that keep to the rules have let the old records go";
    assert!(of(9).ends_with(gone), "{}", of(9));
    assert!(of(10).ends_with(gone), "{}", of(10));
    let held = "may hold the old records until 03:01:41 UTC";
    assert!(of(11).ends_with(held), "{}", of(11));
}
