//! A terminal in memory, as long as it needs to be. For tests only.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

/// Understands what a display may send, and refuses anything else.
#[derive(Clone, Debug)]
pub(super) struct Screen {
    width: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    rows: Vec<Vec<char>>,
    row: usize,
    column: usize,
}

impl Screen {
    pub(super) fn new(width: usize) -> Screen {
        Screen {
            width,
            state: Arc::default(),
        }
    }

    /// Everything that can be seen, colours left out.
    pub(super) fn text(&self) -> String {
        let state = self.state.lock().unwrap();
        let lines: Vec<String> = (state.rows.iter())
            .map(|row| row.iter().collect::<String>().trim_end().to_owned())
            .collect();
        lines.join("\n").trim_end().to_owned() + "\n"
    }
}

impl State {
    fn row(&mut self) -> &mut Vec<char> {
        while self.rows.len() <= self.row {
            self.rows.push(Vec::new());
        }
        &mut self.rows[self.row]
    }

    fn put(&mut self, c: char, width: usize) {
        if self.column == width {
            self.row += 1;
            self.column = 0;
        }
        let column = self.column;
        let row = self.row();
        while row.len() <= column {
            row.push(' ');
        }
        row[column] = c;
        self.column += 1;
    }

    fn steer(&mut self, sequence: &str) {
        let body = sequence.strip_prefix('[').expect("a control sequence");
        let (number, last) = body.split_at(body.len() - 1);
        let n = || number.parse::<usize>().unwrap();
        match last {
            "m" => assert!(number.chars().all(|c| c.is_ascii_digit() || c == ';')),
            "A" => self.row = self.row.saturating_sub(n()),
            "B" => self.row += n(),
            "K" if number == "2" => self.row().clear(),
            _ => panic!("`{sequence}` reached the terminal"),
        }
    }

    fn text(&mut self, text: &str, width: usize) {
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '\n' => {
                    self.row += 1;
                    self.column = 0;
                }
                '\r' => self.column = 0,
                '\x1b' => {
                    let mut sequence = String::new();
                    for c in chars.by_ref() {
                        sequence.push(c);
                        if c.is_ascii_alphabetic() {
                            break;
                        }
                    }
                    self.steer(&sequence);
                }
                c => {
                    assert!(!c.is_control(), "{c:?} reached the terminal");
                    self.put(c, width);
                }
            }
        }
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
        self.state.lock().unwrap().text(text, self.width);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
