//! Domain names as bytes and as text.
//!
//! A label holds any bytes (RFC 2181, 11). In our text they are lower case without the last dot, and every byte
//! that could be taken for something else is written as `\DDD`, in decimal (RFC 1035, 5.1): so each name has one
//! text, which zone files, `nsupdate` and the APIs of the providers read alike.

/// The labels of a name that is given as text, lower case; none for the root, `.`.
pub(crate) fn labels(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let wrong = |why: &str| Err(format!("`{text}` is no name: {why}"));
    if text == "." {
        return Ok(Vec::new());
    }
    let mut labels = vec![Vec::new()];
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'.' => {
                labels.push(Vec::new());
                continue;
            }
            b'\\' => match bytes.next() {
                Some(first @ b'0'..=b'9') => {
                    let digits = [Some(first), bytes.next(), bytes.next()];
                    let number = digits.iter().try_fold(0_u16, |sum, digit| {
                        let digit = digit.filter(u8::is_ascii_digit)?;
                        Some(sum * 10 + u16::from(digit - b'0'))
                    });
                    match number.and_then(|number| u8::try_from(number).ok()) {
                        Some(byte) => byte,
                        None => {
                            return wrong("an escape is a backslash and three digits up to 255");
                        }
                    }
                }
                Some(byte) => byte,
                None => return wrong("it ends with a backslash"),
            },
            byte if byte.is_ascii_whitespace() => return wrong("it holds a space; write `\\032`"),
            byte => byte,
        };
        if let Some(label) = labels.last_mut() {
            label.push(byte.to_ascii_lowercase());
        }
    }
    // The last dot.
    if labels.len() > 1 && labels.last().is_some_and(Vec::is_empty) {
        labels.pop();
    }
    if labels.iter().any(Vec::is_empty) {
        return wrong("a label is empty");
    }
    if labels.iter().any(|label| label.len() > 63) {
        return wrong("a label is longer than 63 bytes");
    }
    if labels.iter().map(|label| label.len() + 1).sum::<usize>() > 254 {
        return wrong("it is longer than 255 bytes");
    }
    Ok(labels)
}

/// The text of these labels, without the last dot; empty for the root.
pub(crate) fn text<L: AsRef<[u8]>>(labels: impl IntoIterator<Item = L>) -> String {
    let mut text = String::new();
    for (at, label) in labels.into_iter().enumerate() {
        if at > 0 {
            text.push('.');
        }
        for byte in label.as_ref() {
            match byte {
                byte if is_plain(*byte) => text.push(char::from(*byte)),
                b'!'..=b'~' if !br#""$().;@\`"#.contains(byte) => {
                    text.push(char::from(byte.to_ascii_lowercase()));
                }
                byte => text.push_str(&format!("\\{byte:03}")),
            }
        }
    }
    text
}

/// Whether a byte of a label is written as it is.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'*')
}

/// Whether a text is the one text of its name already, as it is of nearly every name; not of each of them.
fn is_canonical(name: &str) -> bool {
    let fits = |label: &str| matches!(label.len(), 1..=63) && label.bytes().all(is_plain);
    name.len() <= 253 && name.split('.').all(fits)
}

/// The one text of a name, without the last dot; empty for the root.
pub(crate) fn canonical(name: &str) -> Result<String, String> {
    if is_canonical(name) {
        return Ok(name.to_owned());
    }
    Ok(text(labels(name)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_name_has_one_text() {
        let cases = [
            ("WWW.Example.org.", "www.example.org"),
            (r"sp\032ace.v.test", r"sp\032ace.v.test"),
            (r"sp\ ace.v.test.", r"sp\032ace.v.test"),
            (r"a@b.test", r"a\064b.test"),
            (r"a\@b.test", r"a\064b.test"),
            (r"a\.b.test", r"a\046b.test"),
            (r"a\\b.test", r"a\092b.test"),
            (r"\195\188.test", r"\195\188.test"),
            ("ü.test", r"\195\188.test"),
            (r"\065.test", "a.test"),
            ("*.example.org", "*.example.org"),
            (".", ""),
        ];
        for (given, canonical) in cases {
            assert_eq!(super::canonical(given).as_deref(), Ok(canonical), "{given}");
        }
        let long = format!("{}.test", "a".repeat(64));
        let longer = ["a".repeat(63).as_str(); 4].join(".");
        for bad in [
            "",
            "..",
            "a..b",
            r"a\",
            r"a\25",
            r"a\256",
            "two words",
            &long,
            &longer,
        ] {
            assert!(labels(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_canonical_already_stays_as_it_is(name in r"[a-z0-9_*.A-Z-]{1,80}") {
            let slowly = labels(&name).map(text);
            prop_assert_eq!(canonical(&name), slowly);
        }

        #[test]
        fn every_label_survives_its_text(
            wire in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..20), 1..6),
        ) {
            let lower: Vec<Vec<u8>> = wire.iter().map(|label| label.to_ascii_lowercase()).collect();
            prop_assert_eq!(labels(&text(&wire)).unwrap(), lower);
        }
    }
}
