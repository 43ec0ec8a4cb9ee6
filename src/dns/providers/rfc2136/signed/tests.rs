//! Answers as a server signs them, and as somebody in between would like to. The DNS library signs here: what it
//! makes is checked by our own code.

use hickory_resolver::proto::op::{Message, OpCode, Query};
use hickory_resolver::proto::rr::rdata::tsig::{TsigAlgorithm, TsigError};
use hickory_resolver::proto::rr::rdata::{A, TSIG};
use hickory_resolver::proto::rr::{DNSClass, RData, Record, RecordType, TSigResponseContext};
use hickory_resolver::proto::serialize::binary::{BinEncodable, BinEncoder};

use super::super::message::name as fqdn;
use super::*;

const NOW: u64 = 1_700_000_000;
const KEY: &str = "cutover.example.org";

fn signer(key: &str, algorithm: TsigAlgorithm) -> TSigner {
    let mut name = Name::from_ascii(key).unwrap();
    name.set_fqdn(true);
    TSigner::new(b"a secret of some bytes".to_vec(), algorithm, name, 300).unwrap()
}

fn usual() -> TSigner {
    signer(KEY, TsigAlgorithm::HmacSha256)
}

fn asked() -> (Message, Sealed) {
    let mut message = Message::query();
    message.add_query(Query::query(fqdn("example.org").unwrap(), RecordType::A));
    let (_, sealed) = Sealed::seal(message.clone(), usual(), NOW).unwrap();
    (message, sealed)
}

fn reply(question: &Message, ip: [u8; 4]) -> Vec<u8> {
    let mut reply = Message::response(question.metadata.id, OpCode::Query);
    reply.add_queries(question.queries.clone());
    let data = RData::A(A(ip.into()));
    reply.add_answer(Record::from_rdata(fqdn("example.org").unwrap(), 60, data));
    reply.to_vec().unwrap()
}

/// A message with a signature put at its end.
fn with(mut message: Vec<u8>, tsig: &Record<TSIG>) -> Vec<u8> {
    let additionals = u16::from_be_bytes([message[10], message[11]]) + 1;
    message[10..12].copy_from_slice(&additionals.to_be_bytes());
    let mut bytes = Vec::new();
    tsig.emit(&mut BinEncoder::new(&mut bytes)).unwrap();
    message.extend_from_slice(&bytes);
    message
}

/// The library's own answer to a question with this sum.
fn signed_by(signer: &TSigner, mac: &[u8], message: Vec<u8>, time: u64) -> Vec<u8> {
    let id = u16::from_be_bytes([message[0], message[1]]);
    let context = TSigResponseContext::new(id, time, signer.clone(), mac.to_vec(), None);
    let tsig = context.sign(&message).unwrap();
    with(message, &tsig)
}

fn signed(sealed: &Sealed, message: Vec<u8>, time: u64) -> Vec<u8> {
    signed_by(&sealed.signer, &sealed.previous, message, time)
}

/// A record of TSIG with a sum of our own making.
fn record(key: &str, data: TSIG) -> Record<TSIG> {
    let mut record = Record::from_rdata(fqdn(key).unwrap(), 0, data);
    record.dns_class = DNSClass::ANY;
    record
}

/// The signature of a later message of a transfer (5.3.1): the last sum, what came since, the time.
fn later(signer: &TSigner, last: &[u8], since: &[Vec<u8>], message: Vec<u8>) -> (Vec<u8>, Vec<u8>) {
    let mut covered = (last.len() as u16).to_be_bytes().to_vec();
    covered.extend_from_slice(last);
    covered.extend(since.concat());
    covered.extend_from_slice(&message);
    covered.extend_from_slice(&NOW.to_be_bytes()[2..]);
    covered.extend_from_slice(&300_u16.to_be_bytes());
    let mac = signer.sign(&covered).unwrap();
    let id = u16::from_be_bytes([message[0], message[1]]);
    let algorithm = TsigAlgorithm::HmacSha256;
    let data = TSIG::new(algorithm, NOW, 300, mac.clone(), id, None, Vec::new());
    (with(message, &record(KEY, data)), mac)
}

/// The sum of a signed message.
fn mac_of(bytes: &[u8]) -> Vec<u8> {
    Reply::read(bytes).unwrap().signature.unwrap().mac
}

#[test]
fn each_algorithm_is_taken_and_names_in_any_case() {
    for algorithm in [
        TsigAlgorithm::HmacSha256,
        TsigAlgorithm::HmacSha384,
        TsigAlgorithm::HmacSha512,
    ] {
        for theirs in [KEY, "CutOver.EXAMPLE.org"] {
            let mut question = Message::query();
            question.add_query(Query::query(fqdn("example.org").unwrap(), RecordType::A));
            let ours = signer(KEY, algorithm.clone());
            let (_, mut sealed) = Sealed::seal(question.clone(), ours, NOW).unwrap();
            let their_signer = signer(theirs, algorithm.clone());
            let message = reply(&question, [192, 0, 2, 1]);
            let bytes = signed_by(&their_signer, &sealed.previous, message, NOW);
            let opened = sealed.open(&bytes, NOW).unwrap();
            assert!(opened.signed, "{algorithm} {theirs}");
        }
    }
}

/// Each bit of an answer counts, but for the case of the names of key and algorithm.
#[test]
fn no_bit_of_an_answer_can_be_turned() {
    let (question, sealed) = asked();
    let good = signed(&sealed, reply(&question, [192, 0, 2, 1]), NOW);
    let names = |bytes: &[u8]| {
        let tsig = Reply::read(bytes).ok()?.signature?;
        Some((tsig.key, tsig.algorithm, tsig.mac, tsig.begins))
    };
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let (_, mut sealed) = (question.clone(), fresh(&sealed));
        let opened = sealed.open(&bad, NOW);
        let only_case = bit % 8 == 5 && names(&bad) == names(&good);
        let in_signature = bit / 8 >= names(&good).unwrap().3;
        if !(only_case && in_signature) {
            assert!(!opened.is_ok_and(|opened| opened.signed), "bit {bit}");
        }
    }
}

/// The same question, as if nothing had been answered yet.
fn fresh(sealed: &Sealed) -> Sealed {
    Sealed {
        signer: sealed.signer.clone(),
        id: sealed.id,
        previous: sealed.previous.clone(),
        between: Vec::new(),
        unsigned: 0,
        first: true,
    }
}

#[test]
fn a_short_sum_another_key_and_another_question_are_refused() {
    let (question, sealed) = asked();
    let good = signed(&sealed, reply(&question, [192, 0, 2, 1]), NOW);
    let mac = mac_of(&good);
    for length in [0, 1, 10, 16, 31] {
        let data = TSIG::new(
            TsigAlgorithm::HmacSha256,
            NOW,
            300,
            mac[..length].to_vec(),
            question.metadata.id,
            None,
            Vec::new(),
        );
        let short = with(reply(&question, [192, 0, 2, 1]), &record(KEY, data));
        let opened = fresh(&sealed).open(&short, NOW);
        // Without any sum it is an unsigned answer.
        assert_eq!(opened.is_ok_and(|opened| !opened.signed), length == 0);
    }
    let other_secret = TSigner::new(
        b"another".to_vec(),
        TsigAlgorithm::HmacSha256,
        fqdn(KEY).unwrap(),
        300,
    );
    let strangers = [
        other_secret.unwrap(),
        signer("stranger", TsigAlgorithm::HmacSha256),
        signer(KEY, TsigAlgorithm::HmacSha512),
    ];
    for stranger in strangers {
        let message = reply(&question, [192, 0, 2, 1]);
        let bad = signed_by(&stranger, &sealed.previous, message, NOW);
        assert!(fresh(&sealed).open(&bad, NOW).is_err());
    }
    // The answer to the question of a moment ago, which had the same id.
    let elsewhere = signed_by(&usual(), &[7; 32], reply(&question, [192, 0, 2, 1]), NOW);
    assert!(fresh(&sealed).open(&elsewhere, NOW).is_err());
}

#[test]
fn an_answer_counts_for_as_long_as_it_says() {
    let (question, sealed) = asked();
    for (time, is_good) in [
        (NOW - 300, true),
        (NOW + 300, true),
        (NOW - 301, false),
        (NOW + 301, false),
        (0, false),
    ] {
        let bytes = signed(&sealed, reply(&question, [192, 0, 2, 1]), time);
        assert_eq!(fresh(&sealed).open(&bytes, NOW).is_ok(), is_good, "{time}");
    }
}

/// RFC 8945, 5.2.3: it is signed, with the time of the question, and says what its clock shows.
#[test]
fn a_server_whose_clock_differs_says_by_how_much() {
    let (question, mut sealed) = asked();
    let shows = (NOW + 400).to_be_bytes()[2..].to_vec();
    let mut message = Message::response(question.metadata.id, OpCode::Query);
    message.metadata.response_code = ResponseCode::NotAuth;
    let bytes = message.to_vec().unwrap();
    let mut tsig = TSIG::new(
        TsigAlgorithm::HmacSha256,
        NOW,
        300,
        Vec::new(),
        question.metadata.id,
        Some(TsigError::BadTime),
        shows,
    );
    let covered = (sealed.signer)
        .encode_response_tbs(&sealed.previous, &bytes, &tsig)
        .unwrap();
    // Anybody can say it without a signature, and it is told as unsigned.
    let unsigned = with(bytes.clone(), &record(KEY, tsig.clone()));
    assert!(!fresh(&sealed).open(&unsigned, NOW).unwrap().signed);
    tsig.mac = sealed.signer.sign(&covered).unwrap();
    let opened = (sealed.open(&with(bytes, &record(KEY, tsig)), NOW)).unwrap();
    assert!(opened.signed);
    let why = denial(&opened.reply, "k", "example.org").unwrap();
    assert!(why.contains("400 seconds ahead of this machine's"), "{why}");
}

/// The name of a signature may be written as a place where it stood before.
#[test]
fn a_compressed_name_is_the_name() {
    let mut question = Message::query();
    question.add_query(Query::query(fqdn(KEY).unwrap(), RecordType::A));
    let (_, mut sealed) = Sealed::seal(question.clone(), usual(), NOW).unwrap();
    let message = reply(&question, [192, 0, 2, 1]);
    let begins = message.len();
    let bytes = signed(&sealed, message, NOW);
    // The question's name stands behind the header of twelve bytes.
    let long = KEY.len() + 2;
    let short = [&bytes[..begins], &[0xc0, 12], &bytes[begins + long..]].concat();
    assert!(sealed.open(&short, NOW).unwrap().signed);
}

#[test]
fn a_transfer_may_leave_99_messages_unsigned_and_each_counts() {
    let (question, sealed) = asked();
    let first = signed(&sealed, reply(&question, [192, 0, 2, 1]), NOW);
    let last_mac = mac_of(&first);
    let unsigned: Vec<Vec<u8>> = (0..100).map(|n| reply(&question, [192, 0, 2, n])).collect();
    let message = || reply(&question, [192, 0, 2, 200]);
    let run = |between: &[Vec<u8>], last: &[u8]| {
        let mut sealed = fresh(&sealed);
        assert!(sealed.open(&first, NOW)?.signed);
        for bytes in between {
            assert!(!sealed.open(bytes, NOW)?.signed);
        }
        sealed.open(last, NOW).map(|opened| opened.signed)
    };
    for count in [0, 1, 99] {
        let (last, mac) = later(&sealed.signer, &last_mac, &unsigned[..count], message());
        assert_eq!(run(&unsigned[..count], &last), Ok(true), "{count}");
        // The next one follows from it.
        let (next, _) = later(&sealed.signer, &mac, &[], message());
        let mut chain = fresh(&sealed);
        chain.open(&first, NOW).unwrap();
        for bytes in &unsigned[..count] {
            chain.open(bytes, NOW).unwrap();
        }
        chain.open(&last, NOW).unwrap();
        assert!(chain.open(&next, NOW).unwrap().signed);
    }
    let (last, _) = later(&sealed.signer, &last_mac, &unsigned, message());
    assert!(run(&unsigned, &last).is_err(), "a hundred");

    // One is changed, left out, doubled, or comes before the other.
    let (last, _) = later(&sealed.signer, &last_mac, &unsigned[..2], message());
    let [one, two, three] = [0, 1, 2].map(|n| unsigned[n].clone());
    for between in [
        vec![one.clone(), three],
        vec![one.clone()],
        vec![one.clone(), two.clone(), two.clone()],
        vec![two, one],
    ] {
        assert!(run(&between, &last).is_err(), "{between:?}");
    }
}
