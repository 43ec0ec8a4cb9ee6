//! Whether a server with an older copy of the zone follows.

use hickory_resolver::proto::rr::rdata::SOA;
use hickory_resolver::proto::rr::{RData, Record};

use super::*;
use crate::world::dns::tests::name;

/// A server that tells these serials, one after the other, and the last of them for ever.
async fn telling(serials: &'static [u32]) -> Scripted {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    Scripted::start(anywhere(), move |query, _| {
        let mut out = reply(query);
        match query.queries[0].query_type() {
            dns::RecordType::A => {
                out.add_answer(a("www.example.org", 60, "192.0.2.10"));
            }
            dns::RecordType::SOA => {
                let turn = asked.fetch_add(1, Ordering::Relaxed);
                let serial = serials[turn.min(serials.len() - 1)];
                let [host, person] = ["ns1.example.org", "h.example.org"].map(name);
                let soa = SOA::new(host, person, serial, 3600, 600, 86_400, 60);
                out.add_answer(Record::from_rdata(name("example.org"), 60, RData::SOA(soa)));
            }
            _ => {}
        }
        vec![out.to_vec().unwrap()]
    })
    .await
}

#[tokio::test]
async fn who_tells_an_older_serial_now_and_then_does_not_follow() {
    for (serials, follows) in [
        (&[5, 7][..], true),
        // Two servers behind one address, both of which follow.
        (&[5, 8, 7, 8, 6, 9], true),
        (&[5, 5], false),
        // A zone that was restored.
        (&[7, 5], false),
        // Two servers behind one address, of which one is stale.
        (&[5, 7, 5, 7, 5, 7], false),
        (&[5, 7, 7, 7, 7, 5, 7], false),
    ] {
        let (newest, other) = (telling(&[9]).await, telling(serials).await);
        let mut site = site(Book::new(Honesty::Atomic, &[]));
        let zone = site.zones.get_mut("example.org").unwrap();
        zone.servers = vec![newest.at, other.at];
        zone.resolvers = Some(Vec::new());
        let (check, before) = (
            check(),
            Aim {
                moved: false,
                ..aim("cloud", "dedicated")
            },
        );
        evidence(&check, &site, &before).await;
        let second = evidence(&check, &site, &before).await;
        let finding = check.foresee(&before, &second);
        let wanted = match follows {
            true => Outcome::Pass,
            false => Outcome::Late,
        };
        assert_eq!(finding.outcome, wanted, "{serials:?}: {finding:?}");
    }
}
