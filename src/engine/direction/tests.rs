//! Which way a run goes, on written zones.

use std::sync::Arc;

use super::*;
use crate::dns::Honesty;
use crate::steps::testing::{Book, site};
use crate::world::dns::tests::{Scripted, a, anywhere, cname, reply};

const BOOK: &str = r#"
[playbook]
name = "site"
[hosts.primary]
site = "dedicated"
ssh = "primary"
addresses = ["192.0.2.10", "2001:db8::10"]
[hosts.standby]
site = "cloud"
ssh = "standby"
addresses = ["198.51.100.20", "2001:db8:1::20"]
[services.website]
names = ["example.org"]
probes = [{ http = "/" }]
[[step]]
id = "works"
kind = "services"
at = "target"
"#;

async fn of(sets: &[(&str, &[&str])], to: Option<&str>) -> Result<Direction, SurveyError> {
    let site = site(Book::new(Honesty::Atomic, sets));
    direction(&book(), &site, to).await
}

fn book() -> Playbook {
    match Playbook::parse(BOOK, "site.toml", &[]) {
        Ok(book) => book,
        Err(problems) => panic!("{}", problems.render(false, None)),
    }
}

fn from(source: &str, target: &str) -> Direction {
    Direction {
        source: source.into(),
        target: target.into(),
    }
}

#[tokio::test]
async fn whether_the_names_lead_there_already_is_told_of_all_of_them() {
    let old: (&str, &[&str]) = ("example.org. A", &["192.0.2.10"]);
    let new: (&str, &[&str]) = ("example.org. AAAA", &["2001:db8:1::20"]);
    let leads = async |sets: &[(&str, &[&str])]| {
        leads(&book(), &site(Book::new(Honesty::Atomic, sets))).await
    };
    let site = |name: &str| Some(Active::Site(name.to_owned()));
    assert_eq!(leads(&[old]).await, site("dedicated"));
    assert_eq!(leads(&[new]).await, site("cloud"));
    assert_eq!(leads(&[]).await, Some(Active::Nowhere));
    let Some(Active::Split(split)) = leads(&[old, new]).await else {
        panic!("they lead apart");
    };
    let told: Vec<String> = led(&split).iter().map(ToString::to_string).collect();
    let each = [
        "example.org. AAAA leads to cloud",
        "example.org. A leads to dedicated",
    ];
    assert_eq!(told, each);
}

#[tokio::test]
async fn the_source_is_where_the_names_lead() {
    let old: (&str, &[&str]) = ("example.org. A", &["192.0.2.10"]);
    let new: (&str, &[&str]) = ("example.org. AAAA", &["2001:db8:1::20"]);
    let elsewhere: (&str, &[&str]) = ("example.org. A", &["203.0.113.5"]);
    assert_eq!(of(&[old], None).await.unwrap(), from("dedicated", "cloud"));
    assert_eq!(of(&[new], None).await.unwrap(), from("cloud", "dedicated"));

    let split = of(&[old, new], None).await.unwrap_err().to_string();
    assert!(split.contains("1 record set leads to `cloud`"), "{split}");
    assert!(split.contains("--to cloud"), "{split}");
    let nowhere = of(&[elsewhere], None).await.unwrap_err().to_string();
    assert!(nowhere.contains("leads to either site"), "{nowhere}");

    // Through aliases, and the wildcard that covers a name.
    let chain: [(&str, &[&str]); 3] = [
        ("example.org. CNAME", &["www.example.org."]),
        ("www.example.org. CNAME", &["web.example.org."]),
        ("web.example.org. AAAA", &["2001:db8:1::20"]),
    ];
    assert_eq!(of(&chain, None).await.unwrap(), from("cloud", "dedicated"));
    let wildcard: [(&str, &[&str]); 2] = [
        ("example.org. CNAME", &["any.example.org."]),
        ("*.example.org. A", &["192.0.2.10"]),
    ];
    let read = of(&wildcard, None).await.unwrap();
    assert_eq!(read, from("dedicated", "cloud"));
    let far: (&str, &[&str]) = ("example.org. CNAME", &["cdn.example.net."]);
    let nowhere = of(&[far], None).await.unwrap_err().to_string();
    assert!(nowhere.contains("leads to either site"), "{nowhere}");

    // Somebody says where to go: then it does not matter where the names lead.
    let to = of(&[old, new], Some("cloud")).await.unwrap();
    assert_eq!(to, from("dedicated", "cloud"));
    let no_site = of(&[old], Some("moon")).await.unwrap_err();
    assert!(matches!(no_site, SurveyError::NoSuchSite { .. }));
}

#[tokio::test]
async fn a_drill_to_where_it_serves_already_has_no_way_back() {
    let old: (&str, &[&str]) = ("example.org. A", &["192.0.2.10"]);
    let new: (&str, &[&str]) = ("example.org. AAAA", &["2001:db8:1::20"]);
    let nowhere: (&str, &[&str]) = ("example.org. A", &["203.0.113.5"]);
    let why = async |sets: &[(&str, &[&str])]| {
        let site = site(Book::new(Honesty::Atomic, sets));
        why_no_way_back(&book(), &site, "cloud").await
    };
    let there = why(&[new]).await.unwrap();
    assert!(there.starts_with("`cloud` serves already, "), "{there}");
    assert!(there.contains("`--to dedicated`"), "{there}");
    let split = why(&[old, new]).await.unwrap();
    assert!(split.contains("1 record set leads to `cloud`"), "{split}");
    assert_eq!(why(&[old]).await, None);
    assert_eq!(why(&[nowhere]).await, None);
}

#[tokio::test]
async fn where_the_names_lead_in_dns_is_asked_of_every_server_and_not_of_the_provider() {
    // The provider shows an old copy.
    let old: (&str, &[&str]) = ("example.org. A", &["192.0.2.10"]);
    let mut site = site(Book::new(Honesty::Atomic, &[old]));
    let serving = |ip: &'static str| {
        Scripted::start(anywhere(), move |query, _| {
            let mut reply = reply(query);
            let asked = &query.queries[0];
            let apex = asked.name().to_ascii() == "example.org.";
            if apex && asked.query_type() == dns::RecordType::A {
                reply.add_answer(a("example.org", 60, ip));
            }
            vec![reply.to_vec().unwrap()]
        })
    };
    let (new, also, lags) = (
        serving("198.51.100.20").await,
        serving("198.51.100.20").await,
        serving("192.0.2.10").await,
    );
    let mut of = async |servers: &[SocketAddr]| {
        let zone = site.zones.get_mut("example.org").unwrap();
        zone.servers = servers.to_vec();
        leads_in_dns(&book(), &site).await.unwrap()
    };
    assert_eq!(of(&[new.at, also.at]).await.as_deref(), Some("cloud"));
    assert_eq!(of(&[new.at, lags.at]).await, None);
    assert_eq!(of(&[lags.at]).await.as_deref(), Some("dedicated"));
}

#[tokio::test]
async fn where_the_provider_is_down_the_name_servers_are_asked() {
    let provider = Book::new(Honesty::Atomic, &[]);
    provider.fail();
    let mut site = site(Arc::clone(&provider));
    let server = Scripted::start(anywhere(), |query, _| {
        let mut reply = reply(query);
        let asked = &query.queries[0];
        let name = asked.name().to_ascii();
        if name == "example.org." && asked.query_type() == dns::RecordType::A {
            reply.add_answer(a("example.org", 60, "198.51.100.20"));
        }
        vec![reply.to_vec().unwrap()]
    })
    .await;
    let zone = site.zones.get_mut("example.org").unwrap();
    zone.servers = vec![server.at];
    let read = direction(&book(), &site, None).await.unwrap();
    assert_eq!(read, from("cloud", "dedicated"));

    let lame = Scripted::start(anywhere(), |query, _| {
        let mut reply = reply(query);
        reply.metadata.authoritative = false;
        vec![reply.to_vec().unwrap()]
    })
    .await;
    let zone = site.zones.get_mut("example.org").unwrap();
    zone.servers = vec![lame.at];
    let error = direction(&book(), &site, None)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("the provider did not answer"), "{error}");
    assert!(error.contains("without authority"), "{error}");
}

/// Names in one zone, the addresses in another: each server tells of its own zone alone.
#[tokio::test]
async fn an_alias_into_another_zone_of_the_playbook_is_followed_there() {
    let server = |zone: &'static str, ip: &'static str| {
        Scripted::start(anywhere(), move |query, _| {
            let mut reply = reply(query);
            let asked = &query.queries[0];
            let name = asked.name().to_ascii();
            if zone == "example.org" && name == "example.org." {
                reply.add_answer(cname("example.org", "lb.example.net"));
            } else if zone == "example.net"
                && name == "lb.example.net."
                && asked.query_type() == dns::RecordType::A
            {
                reply.add_answer(a("lb.example.net", 60, ip));
            }
            vec![reply.to_vec().unwrap()]
        })
    };
    let (org, net) = (
        server("example.org", "").await,
        server("example.net", "198.51.100.20").await,
    );
    let provider = Book::new(Honesty::Atomic, &[]);
    provider.fail();
    let mut site = site(provider);
    let mut other = site.zones["example.org"].clone();
    other.name = "example.net".to_owned();
    other.servers = vec![net.at];
    site.zones.get_mut("example.org").unwrap().servers = vec![org.at];
    site.zones.insert(other.name.clone(), other);
    let leads = leads_in_dns(&book(), &site).await;
    assert_eq!(leads.unwrap().as_deref(), Some("cloud"));
    let read = direction(&book(), &site, None).await.unwrap();
    assert_eq!(read, from("cloud", "dedicated"));
}
