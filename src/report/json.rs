//! One record per line, for programs.

use std::io::{self, Write};

use serde::Serialize;

use super::Reporter;
use super::text::is_unsafe;
use crate::event::Record;

/// Writes each record as one line of JSON, as it is in the journal.
pub struct JsonLines<W> {
    to: W,
}

impl<W: Write + Send> JsonLines<W> {
    pub fn new(to: W) -> JsonLines<W> {
        JsonLines { to }
    }
}

impl<W: Write + Send> Reporter for JsonLines<W> {
    fn record(&mut self, record: &Record) -> io::Result<()> {
        writeln!(self.to, "{}", line(record)?)?;
        self.to.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// A value as one line, without a line end.
pub fn line(value: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(value).map(|json| escape(&json))
}

/// Escapes what JSON allows and a terminal does not; such characters occur only within strings.
fn escape(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_unsafe(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn the_escaped_form_means_the_same() {
        let text = "a\u{9b}31m\u{202e}b\u{e0001}\u{7f}é";
        let json = escape(&serde_json::to_string(text).unwrap());
        assert_eq!(json, r#""a\u009b31m\u202eb\udb40\udc01\u007fé""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
