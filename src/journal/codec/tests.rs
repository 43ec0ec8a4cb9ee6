use super::*;
use crate::journal::samples;

fn sealed() -> Vec<Vec<u8>> {
    let mut chain = Chain::default();
    let seal = |record: Record| {
        let sealed = chain.seal(record.at.clone(), record.event.clone()).unwrap();
        assert_eq!(sealed.record, record);
        chain.advance(&sealed);
        sealed.bytes.to_vec()
    };
    samples::records().into_iter().map(seal).collect()
}

fn text(lines: &[Vec<u8>]) -> Vec<u8> {
    lines
        .iter()
        .flat_map(|line| [line, &b"\n"[..]].concat())
        .collect()
}

/// Where reading stops, and why.
fn damage(lines: &[Vec<u8>]) -> (u64, String) {
    match read_lines(&text(lines)) {
        Err(JournalError::Damaged { seq, why }) => (seq, why),
        other => panic!("{other:?}"),
    }
}

/// A first record with this inner object, and the hash that belongs to it.
fn line(inner: &str) -> Vec<u8> {
    let hex = HEXLOWER.encode(&Sha256::digest(inner.as_bytes()));
    format!(r#"{{"hash":"{hex}","record":{inner}}}"#).into_bytes()
}

#[test]
fn what_was_written_is_read() {
    let lines = read_lines(&text(&sealed())).unwrap();
    assert_eq!(lines.records, samples::records());
    assert!(!lines.torn);
    assert!(read_lines(b"").unwrap().records.is_empty());
}

#[test]
fn every_line_is_json() {
    for line in sealed() {
        let json: Json = serde_json::from_slice(&line).unwrap();
        assert_eq!(json["record"]["format"], FORMAT);
    }
}

#[test]
fn a_last_line_cut_off_anywhere_is_left_out() {
    let mut lines = sealed();
    let last = lines.pop().unwrap();
    for cut in 1..=last.len() {
        let torn = [text(&lines).as_slice(), &last[..cut]].concat();
        let read = read_lines(&torn).unwrap();
        assert!(read.torn, "{cut}");
        assert_eq!(read.records.len(), lines.len(), "{cut}");
    }
}

#[test]
fn any_changed_byte_is_told_at_its_record() {
    let whole = sealed();
    for (seq, line) in whole.iter().enumerate() {
        // A prime step reaches every part of the line: hash, frame, event.
        for at in (0..line.len()).step_by(7) {
            let mut lines = whole.clone();
            lines[seq][at] ^= 0x04;
            assert_eq!(damage(&lines).0, seq as u64, "byte {at} of {seq}");
        }
    }
}

#[test]
fn lost_doubled_and_moved_records_are_told_at_their_place() {
    let whole = sealed();
    let mut lines = whole.clone();
    lines.remove(3);
    assert_eq!(damage(&lines), (3, "its number is 4".into()));
    let mut lines = whole.clone();
    lines.insert(3, whole[3].clone());
    assert_eq!(damage(&lines), (4, "its number is 3".into()));
    let mut lines = whole.clone();
    lines.swap(5, 6);
    assert_eq!(damage(&lines), (5, "its number is 6".into()));
}

#[test]
fn a_record_of_another_journal_does_not_follow() {
    let mut other = Chain::default();
    let first = other
        .seal(samples::stamp(0), Event::Waited { entry: 1 })
        .unwrap();
    other.advance(&first);
    let second = other
        .seal(samples::stamp(1), Event::Waited { entry: 1 })
        .unwrap();
    let mut lines = sealed();
    lines[1] = second.bytes.to_vec();
    let (seq, why) = damage(&lines);
    assert_eq!(
        (seq, why.as_str()),
        (1, "it does not follow the record before it")
    );
}

#[test]
fn what_another_version_wrote_is_refused_as_that() {
    let at = serde_json::to_string(&samples::stamp(0)).unwrap();
    let prev = "0".repeat(64);
    let record = |format: u32, event: &str| {
        line(&format!(
            r#"{{"format":{format},"seq":0,"prev":"{prev}","at":{at},"event":{event}}}"#
        ))
    };
    let known = record(FORMAT, r#"{"is":"waited","entry":1}"#);
    assert_eq!(read_lines(&text(&[known])).unwrap().records.len(), 1);
    let cases = [
        (
            record(FORMAT, r#"{"is":"teleported","entry":1}"#),
            "teleported",
        ),
        (record(2, r#"{"is":"waited","entry":1}"#), "its format is 2"),
        (line(r#"{"format":2,"altogether":"different"}"#), ""),
    ];
    for (line, named) in cases {
        match read_lines(&text(&[line])) {
            Err(JournalError::Newer { seq: 0, why }) => assert!(why.contains(named), "{why}"),
            other => panic!("{other:?}"),
        }
    }
}

/// The journal of format 1 is read for ever. It was written by this test with `UPDATE_GOLDEN=1`; once a
/// version of cutover was released, a difference is a mistake in the code, never in the file.
#[test]
#[expect(clippy::disallowed_methods, reason = "the golden journal is a file")]
fn the_golden_journal_of_format_1_is_read() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/journal-v1.jsonl");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, text(&sealed())).unwrap();
    }
    let lines = read_lines(&std::fs::read(path).unwrap()).unwrap();
    assert!(!lines.torn);
    assert_eq!(lines.records, samples::records());
}

/// A new event has to be added to the samples: this `match` is what reminds of it.
#[test]
fn the_samples_hold_every_event() {
    let number = |event: &Event| match event {
        Event::Started { .. } => 0,
        Event::Looked { .. } => 1,
        Event::Judged { .. } => 2,
        Event::BaselineTaken { .. } => 3,
        Event::Compared { .. } => 4,
        Event::Intended { .. } => 5,
        Event::Answered { .. } => 6,
        Event::Settled { .. } => 7,
        Event::WouldChange { .. } => 8,
        Event::Waited { .. } => 9,
        Event::Approved { .. } => 10,
        Event::HoldOver { .. } => 11,
        Event::Decided { .. } => 12,
        Event::StopAsked { .. } => 13,
        Event::Resumed { .. } => 14,
        Event::Owes { .. } => 15,
        Event::Ended { .. } => 16,
        Event::Barred { .. } => 17,
        Event::StaysSo { .. } => 18,
        Event::Overtaken { .. } => 19,
    };
    let found: Vec<usize> = samples::events().iter().map(number).collect();
    assert_eq!(found, (0..20).collect::<Vec<_>>());
}
