//! What is asked of a name server: record sets, and whether they are the zone's own.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::AtomicUsize;

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{self, TSigner};

use super::reply::{CNAME, DNAME, Data, Entry, NS, Reply, SOA};
use super::signed::{self, Opened, Sealed};
use super::view::Views;
use super::{Key, TIMEOUT, message, now};
use crate::dns::providers::common::gather;
use crate::dns::{Grounds, Other, RecordKey, RecordSet, RecordType};
use crate::event::{Cause, Unseen};
use crate::words::part_of;
use crate::world::wire::ask_all;

/// So many questions are made ready together.
const AT_ONCE: usize = 1_000;

/// A label that no zone holds: what is answered below a name tells what the name itself is.
const NOBODY: &str = "cutover-asks-q7x";

/// Asks one server of one zone with one key.
pub(super) struct Reader<'a> {
    pub(super) server: SocketAddr,
    pub(super) zone: &'a str,
    pub(super) key: &'a Key,
    pub(super) signer: TSigner,
    /// A transfer of so many bytes did not hold a zone, or was refused: it is not tried again.
    pub(super) no_transfer: &'a AtomicUsize,
    pub(super) views: &'a Views,
}

impl Reader<'_> {
    fn garbled(&self, asked: &str, why: impl std::fmt::Display) -> Unseen {
        let detail = format!("asking `{}` for `{asked}` failed: {why}", self.server);
        Unseen::new(Cause::Garbled, detail)
    }

    /// Puts questions, signed and in flight together; each comes back with its answer, which is signed and of
    /// the zone's own server.
    pub(super) async fn ask(
        &self,
        questions: Vec<(String, Message)>,
    ) -> Result<Vec<Reply>, Unseen> {
        let question =
            |(asked, question): &(String, Message)| Ok((asked.clone(), question.clone()));
        self.ask_each(&questions, question, |_, reply| reply).await
    }

    /// Puts a question about each of many, and takes what is wanted of its answer. Of the messages themselves only
    /// some are kept at a time.
    async fn ask_each<Q, T>(
        &self,
        about: &[Q],
        question: impl Fn(&Q) -> Result<(String, Message), String>,
        take: impl Fn(&Q, Reply) -> T,
    ) -> Result<Vec<T>, Unseen> {
        let mut taken = Vec::with_capacity(about.len());
        let (mut first, mut count) = (None, 0);
        for some in about.chunks(AT_ONCE) {
            let (mut bytes, mut sealed) = (Vec::new(), Vec::new());
            for of in some {
                let (asked, mut question) =
                    question(of).map_err(|why| self.garbled(self.zone, why))?;
                let first = *first.get_or_insert(question.metadata.id);
                question.metadata.id = id_of(first, count);
                count += 1;
                let (message, seal) = Sealed::seal(question, self.signer.clone(), now())
                    .map_err(|why| self.garbled(&asked, why))?;
                bytes.push(message);
                sealed.push((of, asked, seal));
            }
            let answers = ask_all(self.server, &bytes, TIMEOUT).await?;
            for ((of, asked, mut seal), answer) in sealed.into_iter().zip(answers) {
                let opened = seal.open(&answer, now());
                let opened = opened.map_err(|why| self.garbled(&asked, why))?;
                taken.push(take(of, self.accepted(&asked, opened)?));
            }
        }
        Ok(taken)
    }

    fn accepted(&self, asked: &str, opened: Opened) -> Result<Reply, Unseen> {
        let Opened { reply, signed } = opened;
        let server = self.server;
        if let Some(why) = signed::denial(&reply, &self.key.name, self.zone) {
            return Err(Unseen::new(
                Cause::Denied,
                format!("the name server `{server}` does not answer: {why}"),
            ));
        }
        let code = ResponseCode::from(0, (reply.code & 15) as u8);
        if !matches!(code, ResponseCode::NoError | ResponseCode::NXDomain) {
            return Err(Unseen::new(
                Cause::Error,
                format!("the name server `{server}` answers `{code}` for `{asked}`"),
            ));
        }
        if !signed {
            return Err(self.garbled(asked, "the answer is not signed"));
        }
        if !reply.authoritative {
            let cut = reply.authorities.iter().find(|entry| entry.rtype == NS);
            let why = match cut {
                Some(cut) => format!(
                    "it is delegated to the servers of `{}`; name that zone in the playbook",
                    cut.owner
                ),
                None => "`server` must be the zone's primary".into(),
            };
            return Err(Unseen::new(
                Cause::Error,
                format!("the name server `{server}` is not authoritative for `{asked}`: {why}"),
            ));
        }
        match reply.truncated {
            true => Err(self.garbled(asked, "the answer is cut off")),
            false => Ok(reply),
        }
    }

    /// The sets at these keys; absent ones are left out. Many are taken from a transfer of the zone, where the server
    /// gives one: that is its own data, of which its answers are made.
    pub(super) async fn read(&self, keys: &[RecordKey]) -> Result<Vec<RecordSet>, Unseen> {
        match self.transferred(keys).await {
            Some(sets) => Ok(sets),
            None => self.answered(keys).await,
        }
    }

    /// The same, each asked for.
    pub(super) async fn answered(&self, keys: &[RecordKey]) -> Result<Vec<RecordSet>, Unseen> {
        Ok(self.read_each(keys).await?.0)
    }

    /// The sets at these keys, and for each key whether its answer says itself that it is of this zone.
    async fn read_each(&self, keys: &[RecordKey]) -> Result<(Vec<RecordSet>, Vec<bool>), Unseen> {
        let question = |key: &RecordKey| Ok((key.to_string(), message::question(key)?));
        let take =
            |key: &RecordKey, reply: Reply| (records(key, &reply), self.is_of_the_zone(&reply));
        let taken = self.ask_each(keys, question, take).await?;
        let (records, of_the_zone): (Vec<_>, Vec<_>) = taken.into_iter().unzip();
        let sets = gather(records.into_iter().flatten());
        Ok((
            sets.map_err(|why| self.garbled(self.zone, why))?,
            of_the_zone,
        ))
    }

    /// The sets at these keys, and whether they can be written.
    ///
    /// What an answer shows of it is not asked once more: that it comes from this zone, where it names the servers of
    /// it. That no wildcard made it, `own` must know.
    pub(super) async fn read_with_grounds(
        &self,
        keys: &[RecordKey],
        own: impl Fn(&RecordSet) -> bool,
    ) -> Result<(Vec<RecordSet>, Grounds), Unseen> {
        let (sets, of_the_zone) = self.read_each(keys).await?;
        let own: HashSet<&RecordKey> = (sets.iter().filter(|set| own(set)))
            .map(|set| &set.key)
            .collect();
        let open: Vec<RecordKey> = (keys.iter().zip(of_the_zone))
            .filter(|(key, of_the_zone)| !of_the_zone || !own.contains(key))
            .map(|(key, _)| key.clone())
            .collect();
        let grounds = self.grounds(&open).await?;
        Ok((sets, grounds))
    }

    /// Whether an answer says itself that it is of this zone: it names its servers, and no alias led it elsewhere.
    fn is_of_the_zone(&self, reply: &Reply) -> bool {
        let leads = |entry: &Entry| matches!(entry.rtype, CNAME | DNAME);
        let mut servers = reply.authorities.iter().filter(|entry| entry.rtype == NS);
        let named = servers.next().is_some_and(|first| first.owner == self.zone);
        named && servers.all(|entry| entry.owner == self.zone) && !reply.answers.iter().any(leads)
    }

    /// The HTTPS and SVCB sets that are answered for these names, aliases followed as far as the server does.
    pub(super) async fn others(&self, names: &[String]) -> Result<Vec<Other>, Unseen> {
        let about: Vec<(&String, rr::RecordType)> = (names.iter())
            .flat_map(|name| {
                [rr::RecordType::HTTPS, rr::RecordType::SVCB].map(|rtype| (name, rtype))
            })
            .collect();
        let question = |(name, rtype): &(&String, rr::RecordType)| {
            Ok((format!("{name}. {rtype}"), message::of_type(name, *rtype)?))
        };
        let take = |_: &_, reply: Reply| -> Vec<Other> {
            reply.answers.iter().filter_map(Entry::other).collect()
        };
        let mut others: Vec<Other> = Vec::new();
        for other in (self.ask_each(&about, question, take).await?)
            .into_iter()
            .flatten()
        {
            if !others.contains(&other) {
                others.push(other);
            }
        }
        Ok(others)
    }

    /// The sets at these keys before a write of them, and whether they can be written. Of those that `own` knows the
    /// update itself requires that they are still there.
    pub(super) async fn before_a_write(
        &self,
        keys: &[RecordKey],
        own: &BTreeSet<RecordKey>,
    ) -> Result<(Vec<RecordSet>, Grounds), Unseen> {
        if keys.iter().all(|key| own.contains(key))
            && let Some(sets) = self.transferred(keys).await
        {
            return Ok((sets, Grounds::default()));
        }
        self.read_with_grounds(keys, |set| own.contains(&set.key))
            .await
    }

    /// The sets at these keys, what somebody who has no key is told (`None` where the server tells him nothing), and
    /// whether the sets can be written.
    ///
    /// Where a transfer tells of many what is in the zone, and whoever asks without a key is told the same of this very
    /// zone, it is not asked with the key as well.
    pub(super) async fn with_grounds(
        &self,
        keys: &[RecordKey],
    ) -> Result<(Vec<RecordSet>, Option<Vec<RecordSet>>, Grounds), Unseen> {
        let Some(zone) = self.at_once(keys).await else {
            let without_key = async { Ok(self.read_unsigned(keys, message::question).await) };
            let signed = self.read_with_grounds(keys, |_| false);
            let ((sets, grounds), public) = futures::try_join!(signed, without_key)?;
            return Ok((sets, public.map(|(sets, _)| sets), grounds));
        };
        let own: HashMap<&RecordKey, &RecordSet> =
            zone.sets.iter().map(|set| (&set.key, set)).collect();
        let public = self.read_unsigned(keys, message::question).await;
        let (public, of_the_zone) = public.unzip();
        let same: HashSet<&RecordKey> = (public.iter().flatten())
            .filter(|set| own.get(&set.key) == Some(set))
            .map(|set| &set.key)
            .collect();
        let of_the_zone = of_the_zone.unwrap_or_else(|| vec![false; keys.len()]);
        let (settled, open): (Vec<_>, Vec<_>) = (keys.iter().zip(of_the_zone))
            .partition(|(key, of_the_zone)| *of_the_zone && same.contains(key));
        let open: Vec<RecordKey> = open.into_iter().map(|(key, _)| key.clone()).collect();
        let is_own = |set: &RecordSet| own.get(&set.key) == Some(&set);
        let (mut sets, grounds) = self.read_with_grounds(&open, is_own).await?;
        sets.extend(
            settled
                .iter()
                .filter_map(|(key, _)| own.get(key))
                .map(|set| RecordSet::clone(set)),
        );
        Ok((sets, public, grounds))
    }

    /// What somebody who has no key is told of these keys, and for each key whether the answer says itself that it is
    /// of this zone; `None` where the server tells him nothing.
    pub(super) async fn read_unsigned(
        &self,
        keys: &[RecordKey],
        question: impl Fn(&RecordKey) -> Result<Message, String>,
    ) -> Option<(Vec<RecordSet>, Vec<bool>)> {
        let (mut first, mut count) = (None, 0);
        let (mut told, mut of_the_zone) = (Vec::new(), Vec::with_capacity(keys.len()));
        for some in keys.chunks(AT_ONCE) {
            let mut bytes = Vec::with_capacity(some.len());
            for key in some {
                let mut question = question(key).ok()?;
                question.metadata.id = id_of(*first.get_or_insert(question.metadata.id), count);
                count += 1;
                bytes.push(question.to_vec().ok()?);
            }
            let answers = ask_all(self.server, &bytes, TIMEOUT).await.ok()?;
            for (key, answer) in some.iter().zip(&answers) {
                let reply = Reply::read(answer).ok()?;
                if !reply.authoritative || !matches!(reply.code, 0 | 3) {
                    return None;
                }
                told.extend(records(key, &reply));
                of_the_zone.push(self.is_of_the_zone(&reply));
            }
        }
        Some((gather(told).ok()?, of_the_zone))
    }

    /// Whether the sets at these keys are the zone's own.
    ///
    /// What is answered for a name that cannot exist below each name tells two things in one: its SOA is that of
    /// the zone in which the name lies, and that it does not exist says that no wildcard answers for the name
    /// either (RFC 4592, 2.2.1: a wildcard covers what is below a name only where that name is not there).
    async fn grounds(&self, keys: &[RecordKey]) -> Result<Grounds, Unseen> {
        let mut grounds = Grounds::default();
        if keys.is_empty() {
            return Ok(grounds);
        }
        let names: BTreeSet<&str> = keys.iter().map(|key| key.name.as_str()).collect();
        // One that has no room below itself cannot be asked about so; the server itself compares it.
        let below = |prefix: &str, name: &str| {
            let asked = format!("{prefix}.{name}");
            let question = message::soa(&asked).ok()?;
            Some((asked, question))
        };
        let (names, questions): (Vec<&str>, Vec<_>) = (names.into_iter())
            .filter_map(|name| Some((name, below(NOBODY, name)?)))
            .unzip();
        let replies = self.ask(questions).await?;
        let mut bars: BTreeMap<&str, String> = BTreeMap::new();
        let mut covered = Vec::new();
        for (name, reply) in names.iter().zip(&replies) {
            if let Some(alias) = reply.answers.iter().find(|entry| entry.rtype == DNAME) {
                // It answers for what is below its own name.
                if alias.owner != *name {
                    let why = format!("the DNAME at `{}` answers for it", alias.owner);
                    bars.insert(name, why);
                }
                continue;
            }
            if reply.code == 0 || !reply.answers.is_empty() {
                covered.push(*name);
            }
            let of = reply.authorities.iter().find(|entry| entry.rtype == SOA);
            let alias = reply.answers.iter().any(|entry| entry.rtype == CNAME);
            if let Some(of) = of.filter(|of| !alias && of.owner != self.zone) {
                let why = format!(
                    "it lies in the zone `{}`, and not in `{}`: name that zone in the playbook",
                    of.owner, self.zone
                );
                bars.insert(name, why);
            }
        }
        // Either a wildcard covers the name, or there is one right below it; in the second case nothing is found
        // below that.
        let (covered, questions): (Vec<&str>, Vec<_>) = (covered.into_iter())
            .filter_map(|name| Some((name, below(&format!("{NOBODY}.*"), name)?)))
            .unzip();
        for (name, reply) in covered.iter().zip(self.ask(questions).await?) {
            if reply.code == 0 || !reply.answers.is_empty() {
                bars.entry(name).or_insert_with(|| {
                    "a wildcard answers for it, and there is no such record set: add it first"
                        .into()
                });
            }
        }
        for key in keys {
            if let Some(why) = bars.get(key.name.as_str()) {
                grounds
                    .sets
                    .insert(key.clone(), format!("`{key}` cannot be written: {why}"));
            }
        }
        Ok(grounds)
    }

    /// What speaks against the server being the zone's primary: then what is read from it may lag behind what is
    /// written.
    pub(super) async fn apex(&self) -> Result<Vec<String>, Unseen> {
        let mut notes = Vec::new();
        let apex = |question: Result<Message, String>| {
            question.map(|question| vec![(self.zone.to_owned(), question)])
        };
        let question =
            apex(message::apex(self.zone)).map_err(|why| self.garbled(self.zone, why))?;
        let replies = match self.ask(question).await {
            Ok(replies) => replies,
            // Without EDNS (RFC 6891, 7).
            Err(_) => {
                let plain = apex(message::soa(self.zone));
                self.ask(plain.map_err(|why| self.garbled(self.zone, why))?)
                    .await?
            }
        };
        let Some(reply) = replies.first() else {
            return Ok(notes);
        };
        let Some((primary, expires)) = reply.answers.iter().find_map(|entry| match &entry.data {
            Data::Soa {
                primary, expire, ..
            } if entry.owner == self.zone => Some((primary.clone(), *expire)),
            _ => None,
        }) else {
            return Err(self.garbled(self.zone, "it has no SOA of this zone"));
        };
        let (server, zone) = (self.server, self.zone);
        let lags = "where it forwards updates, what is read from it lags behind what is written; give the primary as `server`";
        match reply.expire {
            Some(left) if left < expires => notes.push(format!(
                "`{server}` is a secondary of `{zone}` (its copy expires in {}): {lags}",
                part_of(left, expires, "second")
            )),
            Some(_) => {}
            // Only what the server itself knows of its primary is asked.
            None if message::is_within(&primary, zone) => {
                let rtype = match server.ip() {
                    IpAddr::V4(_) => RecordType::A,
                    IpAddr::V6(_) => RecordType::Aaaa,
                };
                let key = RecordKey::new(&primary, rtype);
                let found = self
                    .read(std::slice::from_ref(&key))
                    .await
                    .unwrap_or_default();
                let addresses: Vec<IpAddr> = found.iter().flat_map(RecordSet::addresses).collect();
                if !addresses.is_empty() && !addresses.contains(&server.ip()) {
                    notes.push(format!(
                        "the SOA of `{zone}` names `{primary}` as its primary, and `{server}` is none of its addresses: {lags}"
                    ));
                }
            }
            None => {}
        }
        Ok(notes)
    }
}

/// The id of the n-th of several questions: different ones within what is in flight on a connection, and others than
/// those of a moment ago, whose answers could be played once more.
fn id_of(first: u16, n: usize) -> u16 {
    first.wrapping_add((n % (1 << 16)) as u16)
}

/// The records of one set, in the answer to the question for it.
fn records(asked: &RecordKey, reply: &Reply) -> Vec<(RecordKey, u32, String)> {
    let records = reply.answers.iter().filter_map(Entry::understood);
    records.filter(|(key, ..)| key == asked).collect()
}
