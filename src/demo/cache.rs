//! A caching resolver for the zone of the lab: it keeps an answer for its TTL, and not a moment longer.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::proto::op::{Header, HeaderCounts, Metadata, ResponseCode};
use hickory_server::proto::rr::rdata::{A, AAAA};
use hickory_server::proto::rr::{RData, Record};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use tokio::time::Instant;

use super::ports::Sockets;
use crate::world::dns::{self, RecordType};

/// How long a name server may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many answers are kept; then all are let go.
const MOST: usize = 1_000;

/// The shortest time for which it is remembered that there is no such record.
const SHORTEST_ABSENCE: u32 = 1;

/// A resolver that asks the zone's servers in turn.
#[derive(Clone)]
pub(super) struct Cache {
    /// Names elsewhere are refused.
    zone: Arc<str>,
    servers: Arc<[SocketAddr]>,
    turn: Arc<AtomicUsize>,
    kept: Arc<Mutex<BTreeMap<(String, RecordType), Kept>>>,
}

#[derive(Clone)]
struct Kept {
    code: ResponseCode,
    addresses: Vec<IpAddr>,
    until: Instant,
}

impl Cache {
    pub(super) fn new(zone: &str, servers: Vec<SocketAddr>) -> Cache {
        Cache {
            zone: zone.into(),
            servers: servers.into(),
            turn: Arc::default(),
            kept: Arc::default(),
        }
    }

    /// Resolves until the server is dropped.
    pub(super) fn serve(self, sockets: Sockets) -> Server<Cache> {
        sockets.name_server(self)
    }

    async fn resolve(&self, name: &str, rtype: RecordType) -> Result<Kept, ResponseCode> {
        let inside = (name.strip_suffix(&*self.zone))
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        if !inside {
            return Err(ResponseCode::Refused);
        }
        let key = (name.to_owned(), rtype);
        let lock = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().get(&key).cloned();
        if let Some(kept) = known.filter(|kept| kept.until > Instant::now()) {
            return Ok(kept);
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let server = self.servers[turn % self.servers.len().max(1)];
        let seen = dns::ask(server, name, rtype, false, PATIENCE)
            .await
            .map_err(|_| ResponseCode::ServFail)?;
        let code = match seen.rcode.as_str() {
            "NOERROR" => ResponseCode::NoError,
            "NXDOMAIN" => ResponseCode::NXDomain,
            _ => return Err(ResponseCode::ServFail),
        };
        let absence = || {
            let soa = seen.soa.as_ref().map(|soa| soa.ttl.min(soa.minimum));
            soa.unwrap_or_default().max(SHORTEST_ABSENCE)
        };
        let seconds = seen.ttl.unwrap_or_else(absence);
        let kept = Kept {
            code,
            addresses: seen.addresses(),
            until: Instant::now() + Duration::from_secs(seconds.into()),
        };
        let mut all = lock();
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(key, kept.clone());
        Ok(kept)
    }

    async fn answer<R: ResponseHandler>(&self, request: &Request, mut reply: R) -> ResponseInfo {
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.recursion_available = true;
        let mut answers = Vec::new();
        metadata.response_code = match request.request_info() {
            Ok(info) => {
                let rtype = info.query.query_type();
                let name = info.query.name().to_string();
                let name = name.trim_end_matches('.').to_ascii_lowercase();
                match self.resolve(&name, rtype).await {
                    Ok(kept) => {
                        let left = kept.until.saturating_duration_since(Instant::now());
                        let left = u32::try_from(left.as_secs()).unwrap_or(u32::MAX);
                        answers.extend(kept.addresses.iter().map(|ip| {
                            let data = match ip {
                                IpAddr::V4(ip) => RData::A(A(*ip)),
                                IpAddr::V6(ip) => RData::AAAA(AAAA(*ip)),
                            };
                            Record::from_rdata(info.query.original().name().clone(), left, data)
                        }));
                        kept.code
                    }
                    Err(code) => code,
                }
            }
            Err(_) => ResponseCode::FormErr,
        };
        let message = MessageResponseBuilder::from_message_request(request);
        let message = message.build(metadata, &answers, [], [], []);
        // A client that cannot be answered asks again.
        reply.send_response(message).await.unwrap_or_else(|_| {
            ResponseInfo::from(Header {
                metadata,
                counts: HeaderCounts::default(),
            })
        })
    }
}

impl RequestHandler for Cache {
    /// What `async fn` would be here, written out: the trait is made by a macro of a crate that nothing else
    /// needs.
    fn handle_request<'s, 'r, 'f, R, T>(
        &'s self,
        request: &'r Request,
        reply: R,
    ) -> Pin<Box<dyn Future<Output = ResponseInfo> + Send + 'f>>
    where
        's: 'f,
        'r: 'f,
        Self: 'f,
        R: ResponseHandler + 'f,
        T: Time + 'f,
    {
        Box::pin(self.answer(request, reply))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::ports::{Ports, Server as Place};
    use crate::demo::zone::Zone;
    use crate::dns::{RecordKey, RecordSet, RecordType as Moved};

    fn set(data: &str) -> RecordSet {
        let key = RecordKey::new("www.demo.example", Moved::A);
        RecordSet::new(key, 2, [data]).unwrap()
    }

    #[tokio::test]
    async fn an_answer_is_kept_for_its_ttl_and_not_longer() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().display().to_string();
        let (ports, mut sockets) = Ports::find(&name).await.unwrap();
        let file = folder.path().join("zone.json");
        let zone = Zone::open("demo.example", &file, vec![set("192.0.2.1")]).await;
        let zone = zone.unwrap_or_else(|error| panic!("{error}"));
        let _servers = zone.serve(sockets.take(Place::Primary), sockets.take(Place::Secondary));
        let cache = Cache::new("demo.example", ports.of(Place::Primary));
        let _cache = cache.serve(sockets.take(Place::Cache));
        let at = ports.of(Place::Cache)[0];
        let ask = async |name: &str, rtype| {
            let patience = Duration::from_secs(60);
            dns::ask(at, name, rtype, true, patience).await.unwrap()
        };

        let first = ask("www.demo.example", RecordType::A).await;
        assert_eq!(first.records, ["192.0.2.1"]);
        assert!(!first.authoritative);
        let changed = set("198.51.100.1");
        let change = vec![(changed.key.clone(), Some(changed))];
        zone.change(change).await.unwrap();
        let began = Instant::now();
        while ask("www.demo.example", RecordType::A).await.records == first.records {
            assert!(began.elapsed() < Duration::from_secs(60));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let now = ask("www.demo.example", RecordType::A).await;
        assert_eq!(now.records, ["198.51.100.1"]);
        assert!(now.ttl.is_some_and(|ttl| ttl <= 2));

        assert_eq!(
            ask("none.demo.example", RecordType::A).await.rcode,
            "NXDOMAIN"
        );
        let absent = ask("www.demo.example", RecordType::AAAA).await;
        assert_eq!(
            (absent.rcode.as_str(), absent.records.len()),
            ("NOERROR", 0)
        );
        assert_eq!(
            ask("www.other.example", RecordType::A).await.rcode,
            "REFUSED"
        );
    }
}
