//! What a server that is asked afterwards will not show, and what of a zone a person is only told.

use std::net::SocketAddr;

use hickory_resolver::proto::op::ResponseCode;

use super::*;
use crate::dns::Grounds;
use crate::world::dns::tests::{Scripted, anywhere, reply};

const WHY: &str = "it shows others another view";

/// The plan where the server that is written shows others something else, and these servers are asked.
async fn plan(servers: &[SocketAddr], mode: Mode) -> Result<Plan, SurveyError> {
    let hidden = vec![WHY.into()];
    let grounds = Grounds {
        hidden,
        ..Grounds::default()
    };
    plan_on(grounds, servers, mode).await
}

async fn plan_on(
    grounds: Grounds,
    servers: &[SocketAddr],
    mode: Mode,
) -> Result<Plan, SurveyError> {
    let at: SocketAddr = ([192, 0, 2, 54], 53).into();
    let mut provider = Book::new(Honesty::CompareAndSwap, &SETS);
    if let Some(provider) = Arc::get_mut(&mut provider) {
        provider.at = Some(at);
        provider.grounds = grounds;
    }
    let mut site = site(provider);
    // Of the delegation nothing can be told here.
    let resolver = Scripted::start(anywhere(), |query, _| {
        let mut out = reply(query);
        out.metadata.response_code = ResponseCode::Refused;
        vec![out.to_vec().unwrap_or_default()]
    });
    let resolver = resolver.await;
    for zone in site.zones.values_mut() {
        zone.servers = servers.to_vec();
        zone.resolvers = Some(vec![resolver.at]);
    }
    for service in site.services.values_mut() {
        service.names.retain(|name| name == "example.org");
    }
    let book = Playbook::parse(BOOK, "site.toml", &[]).ok().map(Arc::new);
    let intention = Intention {
        mode,
        like: match mode {
            Mode::Plan => Mode::Failover,
            live => live,
        },
        to: Some("cloud".into()),
        hold: None,
    };
    let book = book.expect("the playbook is right");
    survey(&Actual { book, site }, &intention).await
}

#[tokio::test]
async fn a_view_that_nobody_else_sees_stops_a_planned_run_where_its_server_is_asked() {
    let [written, other] = [54, 55].map(|last| SocketAddr::from(([192, 0, 2, last], 53)));
    let told = format!("example.org: {WHY}");
    for mode in [Mode::Plan, Mode::Drill, Mode::Failover] {
        for servers in [&[written][..], &[other, written]] {
            let refused = plan(servers, mode).await.unwrap_err().to_string();
            assert!(refused.contains(&told), "{mode}: {refused}");
        }
    }
    // A primary that nobody is to ask, servers that nobody tells, and an emergency: it is told.
    for (servers, mode) in [
        (&[other][..], Mode::Failover),
        (&[], Mode::Failover),
        (&[written], Mode::Emergency),
    ] {
        let plan = plan(servers, mode).await.unwrap();
        assert_eq!(plan.edits().count(), 1, "{mode}");
        let stays = plan.stays.iter().filter(|stay| stay.why == WHY);
        assert_eq!(stays.count(), 1, "{mode}");
    }
}

#[tokio::test]
async fn a_serial_that_never_rises_stops_a_planned_run_where_secondaries_are_asked() {
    let [one, other] = [54, 55].map(|last| SocketAddr::from(([192, 0, 2, last], 53)));
    let six: SocketAddr = "[2001:db8::54]:53".parse().unwrap();
    let on = async |servers: &[SocketAddr], mode| {
        let unfetched = vec![WHY.into()];
        let grounds = Grounds {
            unfetched,
            ..Grounds::default()
        };
        plan_on(grounds, servers, mode).await
    };
    let told = format!("example.org: {WHY}");
    for mode in [Mode::Plan, Mode::Drill, Mode::Failover] {
        let refused = on(&[one, six, other], mode).await.unwrap_err().to_string();
        assert!(refused.contains(&told), "{mode}: {refused}");
    }
    // One server at both of its addresses, servers that nobody tells, and an emergency: it is told.
    for (servers, mode) in [
        (&[one, six][..], Mode::Failover),
        (&[], Mode::Failover),
        (&[one, six, other], Mode::Emergency),
    ] {
        let plan = on(servers, mode).await.unwrap();
        let stays = plan.stays.iter().filter(|stay| stay.why == WHY);
        assert_eq!(stays.count(), 1, "{mode}");
    }
}
