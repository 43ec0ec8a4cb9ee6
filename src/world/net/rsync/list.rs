//! The list of one folder, as protocol 29 writes it.

/// One thing in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    pub(super) is: Is,
}

impl Entry {
    /// Its name as it is asked for. A daemon takes some characters for patterns, and the end of a line for the end of a
    /// name; where there are such, each stands as a pattern for any character.
    pub(super) fn asked(&self) -> Vec<u8> {
        let is_odd = |byte: u8| b"*?[\r\n\0".contains(&byte);
        if !self.name.iter().copied().any(is_odd) {
            return self.name.clone();
        }
        let plain = |byte: &u8| match *byte {
            byte if is_odd(byte) || b"]\\".contains(&byte) => b'?',
            byte => byte,
        };
        self.name.iter().map(plain).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Is {
    File,
    Folder,
    Link,
    Other,
}

/// How much of a list is read: of a folder with very many entries the first ones do.
const MOST: usize = 500;

/// What is in the list, as far as it came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// All of it, or enough: without the folder itself.
    Entries(Vec<Entry>),
    /// More bytes are needed.
    More,
}

/// Reads a list. Where one file was asked for, it is the one entry of the list.
pub(super) fn read(data: &[u8]) -> Read {
    let mut rest = data;
    let mut entries = Vec::new();
    let (mut name, mut mode) = (Vec::new(), 0);
    loop {
        match rest.first() {
            // An error count of four bytes follows, and lists that were not asked for do not.
            Some(0) if rest.len() >= 5 => return Read::Entries(entries),
            Some(0) | None => return Read::More,
            Some(_) => {}
        }
        let Some(after) = entry(rest, &mut name, &mut mode) else {
            return Read::More;
        };
        rest = after;
        let is = match mode & 0o170_000 {
            0o100_000 => Is::File,
            0o040_000 => Is::Folder,
            0o120_000 => Is::Link,
            _ => Is::Other,
        };
        if name != b"." {
            let name = name.clone();
            entries.push(Entry { name, is });
        }
        if entries.len() >= MOST {
            return Read::Entries(entries);
        }
    }
}

/// Takes one entry in, and returns what follows; none where it is not complete. What is as in the entry before is not
/// repeated.
fn entry<'d>(data: &'d [u8], name: &mut Vec<u8>, mode: &mut u32) -> Option<&'d [u8]> {
    const SAME_MODE: u8 = 0x02;
    const MORE_FLAGS: u8 = 0x04;
    const SAME_NAME: u8 = 0x20;
    const LONG_NAME: u8 = 0x40;
    const SAME_TIME: u8 = 0x80;
    let (flags, mut rest) = data.split_first()?;
    let has = |flag: u8| flags & flag != 0;
    rest = rest.get(usize::from(has(MORE_FLAGS))..)?;
    let mut kept = 0;
    if has(SAME_NAME) {
        let (of_last, after) = rest.split_first()?;
        (kept, rest) = (usize::from(*of_last), after);
    }
    let length = if has(LONG_NAME) {
        let length = usize::try_from(number(rest)?).ok()?;
        rest = rest.get(4..)?;
        length
    } else {
        let (length, after) = rest.split_first()?;
        rest = after;
        usize::from(*length)
    };
    let new = rest.get(..length)?;
    rest = rest.get(length..)?;
    // The size; where it does not fit into four bytes, eight follow.
    rest = rest.get(if number(rest)? == -1 { 12 } else { 4 }..)?;
    rest = rest.get(if has(SAME_TIME) { 0 } else { 4 }..)?;
    let mut now = *mode;
    if !has(SAME_MODE) {
        now = number(rest)?.cast_unsigned();
        rest = rest.get(4..)?;
    }
    *mode = now;
    name.truncate(kept);
    name.extend_from_slice(new);
    Some(rest)
}

fn number(data: &[u8]) -> Option<i32> {
    data.first_chunk().copied().map(i32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDER: &[u8] = b"\x19\x01.\x00\x10\x00\x00\x153\tk\xedA\x00\x00";
    const END: &[u8] = b"\0\0\0\0\0";

    fn entries(parts: &[&[u8]]) -> Vec<(String, Is)> {
        match read(&parts.concat()) {
            Read::Entries(entries) => (entries.into_iter())
                .map(|entry| (String::from_utf8(entry.name).unwrap(), entry.is))
                .collect(),
            Read::More => panic!("it is not complete"),
        }
    }

    #[test]
    fn a_list_tells_what_is_there_without_the_folder_itself() {
        // A file with a mode and a time of its own, one of which only the end of the name differs, a folder, a link.
        let file = b"\x18\x03foo\x03\0\0\0tttt\xa4\x81\0\0";
        let like = b"\xba\x02\x01b\x03\0\0\0";
        let folder = b"\x98\x03sub\0\x10\0\0\xed\x41\0\0";
        let link = b"\x98\x04pool\0\0\0\0\xff\xa1\0\0";
        let found = entries(&[FOLDER, file, like, folder, link, END]);
        let wanted = [
            ("foo", Is::File),
            ("fob", Is::File),
            ("sub", Is::Folder),
            ("pool", Is::Link),
        ];
        assert_eq!(found, wanted.map(|(name, is)| (name.to_owned(), is)));
        assert_eq!(entries(&[FOLDER, END]), []);
        assert_eq!(entries(&[END]), []);
    }

    #[test]
    fn what_is_not_complete_is_waited_for() {
        let whole = [FOLDER, END].concat();
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end]), Read::More, "{end}");
        }
        let long = b"\x5b\x02\0\0\0./\xff\xff\xff\xff12345678tttt";
        for end in 0..long.len() {
            assert_eq!(read(&long[..end]), Read::More, "{end}");
        }
    }

    #[test]
    fn of_very_many_entries_the_first_ones_do() {
        let one = b"\x98\x01f\x03\0\0\0\xa4\x81\0\0".as_slice();
        let many = vec![one; MOST + 1];
        assert_eq!(entries(&many).len(), MOST);
    }
}
