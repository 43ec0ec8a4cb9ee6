//! What rsync leaves lying about while it works, told from files that only look like it.

/// The folder in which `--delay-updates` keeps what has come so far.
const DELAYED: &[u8] = b".~tmp~";

/// Whether a path as rsync lists it is that folder, or lies in it.
pub(super) fn delayed(path: &[u8]) -> bool {
    path.split(|c| *c == b'/').any(|name| name == DELAYED)
}

/// The path that a temporary file of rsync would become: `a/index.html` of `a/.index.html.Xy12aB`.
///
/// The form proves nothing: `.env.docker` has it too. It is a leftover where that path is there as well.
pub(super) fn becomes(path: &[u8]) -> Option<Vec<u8>> {
    let (folder, name) = match path.iter().rposition(|c| *c == b'/') {
        Some(at) => path.split_at(at + 1),
        None => (&b""[..], path),
    };
    let (name, random) = name.strip_prefix(b".")?.split_last_chunk::<6>()?;
    let name = name.strip_suffix(b".")?;
    let plain = !name.is_empty() && random.iter().all(u8::is_ascii_alphanumeric);
    plain.then(|| [folder, name].concat())
}

/// Whether the last six letters of a path look drawn: words that people choose, as in `.index.html.backup`, have neither
/// a digit nor a capital, and one in two hundred names that rsync draws.
pub(super) fn looks_random(path: &[u8]) -> bool {
    let drawn = path.last_chunk::<6>();
    drawn.is_some_and(|drawn| {
        drawn
            .iter()
            .any(|c| c.is_ascii_digit() || c.is_ascii_uppercase())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_a_temporary_file_tells_what_it_would_become() {
        let cases: &[(&str, Option<&str>)] = &[
            (".index.html.Xy12aB", Some("index.html")),
            ("a/b/.f.abcdef", Some("a/b/f")),
            (".env.docker", Some("env")),
            (".htaccess.backup", Some("htaccess")),
            ("..hidden.a1b2c3", Some(".hidden")),
            (".f.abcdefg", None),
            (".f.abc-ef", None),
            ("f.abcdef", None),
            ("..abcdef", None),
            (".abcdef", None),
            ("a/.f.abcdef/g", None),
            ("", None),
        ];
        assert!(looks_random(b".index.html.Xy12aB") && looks_random(b".f.abcde1"));
        for chosen in [".index.html.backup", ".f1.secret", ".env.docker", "f", ""] {
            assert!(!looks_random(chosen.as_bytes()), "{chosen}");
        }
        for (path, name) in cases {
            let found = becomes(path.as_bytes());
            assert_eq!(found.as_deref(), name.map(str::as_bytes), "{path}");
        }
        assert!(delayed(b".~tmp~/f") && delayed(b"a/.~tmp~/") && delayed(b"a/.~tmp~/b/c"));
        assert!(!delayed(b"a/.~tmp~x") && !delayed(b"tmp/f"));
    }
}
