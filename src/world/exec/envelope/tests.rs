//! Marks in noise, in pieces, cut and repeated.

use super::super::output::Sink;
use super::*;

/// What a stream hands over where it comes in pieces of `size`, and how it ends.
fn within(mark: &Mark, text: &str, size: usize) -> (String, Stream) {
    let mut stream = Heard::new(mark).out;
    let mut own = Vec::new();
    for chunk in text.as_bytes().chunks(size) {
        stream.take(chunk, &mut |bytes| own.extend_from_slice(bytes));
    }
    stream.close(&mut |bytes| own.extend_from_slice(bytes));
    (String::from_utf8(own).unwrap(), stream)
}

#[test]
fn only_what_stands_between_the_marks_is_the_programs() {
    let mark = Mark::new();
    let m = mark.as_str();
    let other = Mark::new();
    let cases = [
        ("banner\n", "value\n"),
        ("no newline", "value"),
        ("", ""),
        ("", "\n\n"),
        ("cutover-", "cutover-"),
        // A list of processes shows the mark; another start has another one.
        (
            &format!("sh -c x sh {m} fed\n"),
            &format!("sh {m} fed ps\n"),
        ),
        (&format!("{m} out end 0\n"), &format!("{m} out begin\n")),
        (
            &format!("{} out begin\n", other.as_str()),
            &format!("{} out end 3\n", other.as_str()),
        ),
        (m, m),
        (&format!("{m}{m}"), &format!("{m}{m} out end x\n")),
    ];
    for (noise, value) in cases {
        let text = format!("{noise}{m} out begin\n{value}{m} out end 7\nbye {m} out end 0\n");
        for size in [1, 2, 7, 50, 4096] {
            let (own, stream) = within(&mark, &text, size);
            assert_eq!(own, value, "in pieces of {size}");
            let how = How::Itself;
            assert_eq!(stream.at, At::After(End { status: 7, how }));
            assert_eq!(text_of(&stream), noise);
        }
    }
}

fn text_of(stream: &Stream) -> String {
    text(&stream.noise)
}

#[test]
fn what_is_cut_off_has_no_end_and_what_never_began_is_nobodys() {
    let mark = Mark::new();
    let m = mark.as_str();
    let (own, stream) = within(&mark, &format!("{m} out begin\nhalf {m} out en"), 5);
    assert_eq!(own, format!("half {m} out en"));
    assert_eq!(stream.at, At::Within);
    let (own, stream) = within(&mark, "This account is for backups only\n", 5);
    assert_eq!((&*own, stream.at), ("", At::Before));
    let much = "x".repeat(3 * NOISE);
    assert_eq!(within(&mark, &much, 999).1.noise.len(), NOISE);
}

#[test]
fn streams_that_are_mixed_are_told() {
    let mark = Mark::new();
    let m = mark.as_str();
    let text = format!("{m} out begin\n{m} err begin\nx{m} out end 0\n");
    assert!(within(&mark, &text, 3).1.mixed);
}

#[test]
fn output_in_which_each_piece_may_begin_a_mark_comes_whole() {
    let mark = Mark::new();
    let text = "cutover-".repeat(200_000);
    let whole = format!("{0} out begin\n{text}{0} out end 0\n", mark.as_str());
    let (own, stream) = within(&mark, &whole, 64);
    assert!(own == text && stream.ended());
}

/// A login that sends a copy of what it prints on the other stream, as `exec > >(tee /dev/stderr)` does.
#[test]
fn what_comes_on_both_streams_of_a_session_is_taken_once() {
    let mark = Mark::new();
    let name = mark.as_str();
    let said = [
        format!("{name} out begin\none\n"),
        format!("two\n{name} out end 0\n"),
    ];
    for copied_first in [false, true] {
        let mut lines = Vec::new();
        let mut taker = |line: &[u8]| {
            lines.push(String::from_utf8_lossy(line).trim_end().to_owned());
        };
        let mut own = Own::new(Sink::Lines(&mut taker));
        let mut heard = Heard::coded(&mark);
        for (n, text) in said.iter().enumerate() {
            let coded = data_encoding::BASE64.encode(text.as_bytes());
            let piece = format!("{name} out {n} 64 {} {coded}\n", coded.len());
            let (first, then) = match copied_first {
                true => (Whose::Err, Whose::Out),
                false => (Whose::Out, Whose::Err),
            };
            heard.take(first, piece.as_bytes(), &mut own);
            heard.take(then, piece.as_bytes(), &mut own);
        }
        assert!(heard.out.ended() && !heard.spoiled());
        drop(own);
        assert_eq!(lines, ["one", "two"], "{copied_first}");
    }
}
