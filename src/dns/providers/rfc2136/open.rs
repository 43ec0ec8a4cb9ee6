//! A zone as a server hands it to anybody, without a signature: what it tells stops a write, and never makes one.

use std::net::SocketAddr;
use std::time::Duration;

use super::message;
use super::reply::{Entry, Reply, SOA};
use super::transfer::listing;
use crate::dns::Listing;
use crate::world::wire::Wire;

/// How long it may take, and how much of it is read, in bytes.
const PATIENCE: Duration = Duration::from_secs(2);
const LIMIT: usize = 1 << 20;

/// The zone, where the server hands it to everybody and it is not large.
pub(super) async fn listed(server: SocketAddr, zone: &str) -> Option<Listing> {
    let listed = tokio::time::timeout(PATIENCE, transfer(server, zone)).await;
    listed.ok().flatten()
}

async fn transfer(server: SocketAddr, zone: &str) -> Option<Listing> {
    let question = message::transfer(zone).ok()?.to_vec().ok()?;
    let mut wire = Wire::connect(server, PATIENCE).await.ok()?;
    wire.ask(&question).await.ok()?;
    let (mut records, mut others) = (Vec::new(), Vec::new());
    let (mut heads, mut size) = (0, 0);
    while heads < 2 {
        let bytes = wire.receive().await.ok()?;
        size += bytes.len();
        let reply = Reply::read(&bytes).ok()?;
        let answers = &reply.answers;
        heads += answers.iter().filter(|entry| entry.rtype == SOA).count();
        if reply.code != 0 || answers.is_empty() || heads == 0 || size > LIMIT {
            return None;
        }
        records.extend(answers.iter().filter_map(Entry::understood));
        others.extend(answers.iter().filter_map(Entry::other));
    }
    Some(listing(records, others))
}

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::op::ResponseCode;
    use hickory_resolver::proto::rr::rdata::{NULL, SOA};
    use hickory_resolver::proto::rr::{RData, Record, RecordType};

    use super::*;
    use crate::world::dns::tests::{Scripted, a, anywhere, name, reply};

    /// PowerDNS, types of its own.
    const LUA: u16 = 65_402;

    fn soa() -> Record {
        let [server, person] = ["ns1.example.org", "h.example.org"].map(name);
        let soa = SOA::new(server, person, 1, 3600, 600, 86_400, 60);
        Record::from_rdata(name("example.org"), 60, RData::SOA(soa))
    }

    fn lua() -> Record {
        let data = RData::Unknown {
            code: RecordType::Unknown(LUA),
            rdata: NULL::with(b"\x00\x01\x0bpickrandom{".to_vec()),
        };
        Record::from_rdata(name("www.example.org"), 60, data)
    }

    /// What is made of a transfer that comes in these messages.
    async fn transferred(messages: &[&[Record]], code: ResponseCode) -> Option<Listing> {
        let messages: Vec<Vec<Record>> = messages.iter().map(|part| part.to_vec()).collect();
        let server = Scripted::start(anywhere(), move |query, over_tcp| {
            assert!(over_tcp && query.signature().is_none());
            let each = messages.iter().map(|records| {
                let mut out = reply(query);
                out.metadata.response_code = code;
                out.add_answers(records.clone());
                out.to_vec().unwrap()
            });
            each.collect()
        })
        .await;
        listed(server.at, "example.org").await
    }

    #[tokio::test]
    async fn a_zone_that_anybody_may_have_is_read_without_a_key() {
        let all = |messages: &[usize]| {
            let records = [soa(), a("example.org", 60, "192.0.2.10"), lua(), soa()];
            let mut rest = records.to_vec();
            let parts = messages.iter().map(|many| rest.drain(..*many).collect());
            parts.collect::<Vec<Vec<Record>>>()
        };
        for cut in [&[4][..], &[1, 3], &[1, 1, 1, 1], &[3, 1]] {
            let parts = all(cut);
            let parts: Vec<&[Record]> = parts.iter().map(Vec::as_slice).collect();
            let listing = transferred(&parts, ResponseCode::NoError).await.unwrap();
            let sets: Vec<String> = listing.sets.iter().map(|set| set.key.to_string()).collect();
            assert_eq!(sets, ["example.org. A"], "{cut:?}");
            let made = (listing.others.iter()).any(|other| other.name == "www.example.org");
            assert!(made, "{:?}", listing.others);
        }
    }

    /// What is refused, cut off, or no transfer is no zone: nothing is told of it, neither that it is empty.
    #[tokio::test]
    async fn what_is_no_whole_zone_is_none() {
        let one = a("example.org", 60, "192.0.2.10");
        let refused = transferred(&[&[]], ResponseCode::Refused).await;
        assert!(refused.is_none());
        let empty = transferred(&[&[]], ResponseCode::NoError).await;
        assert!(empty.is_none());
        for records in [[one.clone(), soa()], [soa(), one.clone()]] {
            let found = transferred(&[&records], ResponseCode::NoError).await;
            assert!(found.is_none());
        }
        // More than is read of a server that nobody knows.
        let many = vec![one; 2_000];
        let parts: Vec<&[Record]> = std::iter::repeat_n(many.as_slice(), 40).collect();
        let first = [soa()];
        let parts: Vec<&[Record]> = [&first[..]].into_iter().chain(parts).collect();
        assert!(transferred(&parts, ResponseCode::NoError).await.is_none());
    }
}
