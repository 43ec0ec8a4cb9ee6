//! What dpkg and os-release say of one host.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::version::is_version;
use crate::event::{Cause, Unseen};
use crate::steps::probe::excerpt;
use crate::words::count;
use crate::world::exec::quoted;

/// Asks all of it in one round trip; it only reads. dpkg keeps a file `info/NAME.list` of each package that it has ever
/// unpacked and that is not purged, so their number tells whether its status was cut off between two packages. `root` is the folder of a chroot, or empty: its
/// links lead to what they lead to in it, and its architecture is its own.
pub(super) fn script(root: Option<&str>) -> String {
    format!("root={}\n{SCRIPT}", quoted(&[root.unwrap_or_default()]))
}

const SCRIPT: &str = r#"LC_ALL=C; export LC_ALL
if [ -n "$root" ]; then
  status=$root/var/lib/dpkg/status
  case $(ls -d -- "$status" 2>&1 >/dev/null) in *'ermission denied'*) echo '== no entry'; exit 0;; esac
  if [ ! -d "$root" ]; then echo '== no folder'; exit 0; fi
  if [ ! -f "$status" ]; then echo '== no packages'; exit 0; fi
  if [ ! -r "$status" ]; then echo '== no entry'; exit 0; fi
fi
top=$(cd -P -- "$root/" && pwd -P)
for release in /etc/os-release /usr/lib/os-release; do
  links=0
  while to=$(readlink -- "$root$release") && [ "$links" -lt 9 ]; do
    links=$((links + 1))
    case $to in /*) release=$to;; *) release=$(dirname -- "$release")/$to;; esac
  done
  release=$root$release
  case ${root:+$(readlink -f -- "$release")} in '' | "${top%/}"/*) ;; *) continue;; esac
  [ -f "$release" ] && head -c 65536 -- "$release" 2>/dev/null && break
done
arch=
if [ -n "$root" ]; then
  arch=$(dpkg-query "--admindir=$root/var/lib/dpkg" -W -f='${Architecture}\n' dpkg base-files 2>/dev/null |
    grep -vx -e '' -e all | head -n 1)
  own=$root/var/lib/dpkg/arch
  [ -n "$arch" ] || { [ -f "$own" ] && arch=$(head -n 1 -- "$own" 2>/dev/null); }
fi
printf '\n== %s\n' "${arch:-$(dpkg --print-architecture 2>/dev/null)}"
dpkg-query ${root:+"--admindir=$root/var/lib/dpkg"} -W -f='${db:Status-Abbrev}\t${Package}\t${Architecture}\t${Version}\t${source:Package}\t${source:Version}\t${Essential}\n'
printf '== %s\n' "$?"
printf '== lists %s\n' "$(ls -- "$root/var/lib/dpkg/info" 2>/dev/null | grep -c '\.list$')"
"#;

/// The packages of one host, and what runs them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Host {
    pub(super) host: String,
    /// The hosts of the other site that it is compared with.
    pub(super) beside: Vec<String>,
    /// What a person types before a command for this host: `ssh ops@standby sudo`.
    pub(super) shell: String,
    pub(super) system: System,
    /// Installed packages and their versions; an empty one cannot be read. A package of another architecture than
    /// the host's is `name:arch`.
    pub(super) installed: BTreeMap<String, String>,
    /// Packages that are neither installed nor gone, and dpkg's word for their state: `iU`, `iF`, `iHR`.
    pub(super) broken: BTreeMap<String, String>,
    /// The versions of these, as far as dpkg tells them.
    pub(super) broken_versions: BTreeMap<String, String>,
    /// Packages that are held at their version.
    pub(super) held: Vec<String>,
}

/// The release of the operating system; versions are compared within one only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct System {
    pub(super) id: String,
    /// `VERSION_ID`, or the code name where a release has no number yet.
    pub(super) version: String,
}

impl System {
    pub(super) fn name(&self) -> String {
        let name = format!("{} {}", self.id, self.version);
        match name.trim() {
            "" => "an unknown system".to_owned(),
            name => name.to_owned(),
        }
    }
}

/// Reads what the script printed, and what dpkg complained of.
pub(super) fn parse(host: &str, stdout: &[u8], stderr: &[u8]) -> Result<Host, Unseen> {
    let garbled = |what: &str| {
        let what: String = what.chars().filter(|c| !c.is_control()).take(120).collect();
        let detail = format!("the package list of `{host}` cannot be read: `{what}`");
        Unseen::new(Cause::Garbled, detail)
    };
    let text = std::str::from_utf8(stdout).map_err(|_| garbled("it is not UTF-8"))?;
    let mut lines = text.lines();
    let mut seen = Host {
        host: host.to_owned(),
        ..Host::default()
    };
    let mut native = None;
    let (mut number, mut code_name) = (String::new(), String::new());
    for line in lines.by_ref() {
        if let Some(arch) = line.strip_prefix("== ") {
            native = Some(arch);
            break;
        }
        if let Some((key, value)) = line.split_once('=') {
            let value = value.trim().trim_matches(['"', '\'']);
            let value: String = value.chars().filter(|c| is_plain(*c)).take(60).collect();
            match key {
                "ID" => seen.system.id = value,
                "VERSION_ID" => number = value,
                "VERSION_CODENAME" => code_name = value,
                _ => {}
            }
        }
    }
    seen.system.version = if number.is_empty() { code_name } else { number };
    let root = match native {
        Some("no folder") => Some((Cause::Missing, "the folder in `roots` is not there")),
        Some("no packages") => {
            let why = "the folder in `roots` holds no Debian system: no file `var/lib/dpkg/status`";
            Some((Cause::Missing, why))
        }
        Some("no entry") => Some((
            Cause::Denied,
            "the account may not read `var/lib/dpkg/status` in the folder in `roots`",
        )),
        _ => None,
    };
    if let Some((cause, why)) = root {
        return Err(Unseen::new(cause, format!("{why} on `{host}`")));
    }
    let native = native.ok_or_else(|| garbled("cut off before its end"))?;
    let mut status = None;
    // Packages that are there, or have configuration files there.
    let mut there = 0;
    for line in lines.by_ref() {
        if let Some(code) = line.strip_prefix("== ") {
            status = Some(code);
            break;
        }
        package(&mut seen, native, line).ok_or_else(|| garbled(line))?;
        there += usize::from(!line[1..].starts_with('n'));
    }
    let lists = lines.find_map(|line| line.strip_prefix("== lists ")?.trim().parse().ok());
    match status {
        None => Err(garbled("cut off before its end")),
        // A few may be left of packages that went in an odd way.
        Some("0") if lists.is_some_and(|lists: usize| lists > there + lists / 50) => {
            let lists = lists.unwrap_or_default();
            let detail = format!(
                "the package list of `{host}` was cut off: `var/lib/dpkg/status` names {}, and \
                 `var/lib/dpkg/info` has files of {lists}",
                count(there, "package")
            );
            Err(Unseen::new(Cause::Garbled, detail))
        }
        Some("0") if there > 0 && seen.installed.is_empty() && seen.broken.is_empty() => {
            let detail = format!(
                "nothing is installed on `{host}`, as dpkg has it: of {} only the configuration files are there",
                count(there, "package")
            );
            Err(Unseen::new(Cause::Missing, detail))
        }
        Some("0") if seen.installed.is_empty() && seen.broken.is_empty() => {
            let detail = format!(
                "dpkg on `{host}` lists no package at all: its `var/lib/dpkg/status` is empty, or was replaced{}",
                said(stderr)
            );
            Err(Unseen::new(Cause::Missing, detail))
        }
        Some("0") => Ok(seen),
        Some("127") => {
            let system = seen.system.name();
            let detail = format!(
                "there is no dpkg on `{host}` ({system}): only Debian packages are compared"
            );
            Err(Unseen::new(Cause::Missing, detail))
        }
        Some(code) => {
            let detail = format!(
                "dpkg-query on `{host}` ended with exit {code}{}",
                said(stderr)
            );
            Err(Unseen::new(Cause::Error, detail))
        }
    }
}

/// What dpkg complained of, in its own words: the file and the line are in them.
fn said(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    match lines.is_empty() {
        true => String::new(),
        false => format!(": `{}`", excerpt(&lines.join(" "))),
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._-+".contains(c)
}

fn package(seen: &mut Host, native: &str, line: &str) -> Option<()> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [
        state,
        name,
        arch,
        version,
        _source,
        _source_version,
        _essential,
    ] = columns[..]
    else {
        return None;
    };
    let mut letters = state.chars();
    let (want, status, error) = (letters.next()?, letters.next()?, letters.next());
    if name.is_empty() || !name.chars().chain(arch.chars()).all(is_plain) {
        return None;
    }
    let key = if arch == native || arch == "all" || arch.is_empty() {
        name.to_owned()
    } else {
        format!("{name}:{arch}")
    };
    let faulty = error.is_some_and(|c| c != ' ');
    match status {
        // Installed; the last two wait for a trigger of another package.
        'i' | 'W' | 't' if !faulty => {
            if want == 'h' {
                seen.held.push(key.clone());
            }
            // One odd record says nothing of the others.
            let version = if is_version(version) { version } else { "" };
            seen.installed.insert(key, version.to_owned());
        }
        // Not there, but for its configuration files.
        'n' | 'c' if !faulty => {}
        'n' | 'c' | 'u' | 'i' | 'U' | 'f' | 'F' | 'h' | 'H' | 'W' | 't' => {
            let state = state.trim();
            if !state.chars().all(|c| c.is_ascii_alphabetic()) {
                return None;
            }
            if is_version(version) {
                (seen.broken_versions).insert(key.clone(), version.to_owned());
            }
            seen.broken.insert(key, state.to_owned());
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OS: &str = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\nID=debian\n\n== amd64\n";

    #[test]
    fn reads_each_state() {
        let text = format!(
            "{OS}ii \tnginx\tamd64\t1.22.1-9\tnginx\t1.22.1-9\tno\n\
             hi \tphp\tall\t2:8.2+93\tphp-defaults\t93\tno\n\
             ii \tlibc6\ti386\t2.36-9\tglibc\t2.36-9\tno\n\
             rc \told\tamd64\t1\told\t1\tno\n\
             un \tnever\t\t\tnever\t\t\n\
             iU \tbad\tamd64\t1\tbad\t1\tno\n\
             iHR\tworse\tamd64\t1\tworse\t1\tno\n\
             it \tman-db\tamd64\t2.11\tman-db\t2.11\tno\n== 0\n"
        );
        let host = parse("primary", text.as_bytes(), b"").unwrap();
        assert_eq!(host.system.name(), "debian 12");
        let installed: Vec<_> = host
            .installed
            .iter()
            .map(|(k, v)| format!("{k} {v}"))
            .collect();
        assert_eq!(
            installed,
            [
                "libc6:i386 2.36-9",
                "man-db 2.11",
                "nginx 1.22.1-9",
                "php 2:8.2+93"
            ]
        );
        let versions = [
            ("bad".to_owned(), "1".to_owned()),
            ("worse".to_owned(), "1".to_owned()),
        ];
        assert_eq!(host.broken_versions, versions.into());
        let broken: Vec<_> = host
            .broken
            .iter()
            .map(|(k, v)| format!("{k} {v}"))
            .collect();
        assert_eq!(broken, ["bad iU", "worse iHR"]);
        assert_eq!(host.held, ["php"]);
    }

    #[test]
    fn a_release_without_a_number_has_its_code_name() {
        let text =
            "ID=debian\nVERSION_CODENAME=trixie\n\n== arm64\nii \ta\tall\t1\ta\t1\tno\n== 0\n";
        assert_eq!(
            parse("p", text.as_bytes(), b"").unwrap().system.name(),
            "debian trixie"
        );
        let text = "\n== arm64\nii \ta\tall\t1\ta\t1\tno\n== 0\n";
        assert_eq!(
            parse("p", text.as_bytes(), b"").unwrap().system.name(),
            "an unknown system"
        );
    }

    #[test]
    fn refuses_what_it_cannot_read() {
        let line = |line: &str| format!("{OS}{line}\n== 0\n");
        let cases = [
            (String::new(), Cause::Garbled),
            (OS.to_owned(), Cause::Garbled),
            (line("ii \tnginx\tamd64\t1.22"), Cause::Garbled),
            (line("ii \tnginx\tamd64\t1\tx\t1\tno\tmore"), Cause::Garbled),
            (line("ii \t$(reboot)\tamd64\t1\tx\t1\tno"), Cause::Garbled),
            (line("i? \tnginx\tamd64\t1\tx\t1\tno"), Cause::Garbled),
            ("== no folder\n".to_owned(), Cause::Missing),
            ("== no packages\n".to_owned(), Cause::Missing),
            ("== no entry\n".to_owned(), Cause::Denied),
            // An empty list, of a host or of a chroot, is no list.
            (format!("{OS}== 0\n"), Cause::Missing),
            ("ID=fedora\n\n== \n== 127\n".to_owned(), Cause::Missing),
            (format!("{OS}== 2\n"), Cause::Error),
        ];
        for (text, cause) in cases {
            assert_eq!(
                parse("p", text.as_bytes(), b"").unwrap_err().cause,
                cause,
                "{text}"
            );
        }
        assert_eq!(parse("p", b"\xff", b"").unwrap_err().cause, Cause::Garbled);
    }

    #[test]
    fn what_is_cut_off_or_gone_but_for_its_configuration_is_said_so() {
        let lines = |n: usize, state: &str| -> String {
            let line = |n| format!("{state}\tp{n}\tall\t1\tp\t1\tno\n");
            (0..n).map(line).collect()
        };
        let said = |text: String| {
            let parsed = parse("p", format!("{OS}{text}").as_bytes(), b"");
            parsed.err().map(|why| why.detail)
        };
        let all = |n, lists| said(format!("{}== 0\n== lists {lists}\n", lines(n, "ii ")));
        assert_eq!(all(12, 12), None);
        // Lists of two in a hundred may be left over; an image may have none.
        assert_eq!(all(99, 100), None);
        assert_eq!(all(98, 100), None);
        assert_eq!(all(12, 0), None);
        assert!(all(97, 100).is_some());
        assert_eq!(
            all(4, 12).unwrap(),
            "the package list of `p` was cut off: `var/lib/dpkg/status` names 4 packages, and \
             `var/lib/dpkg/info` has files of 12"
        );
        let gone = said(format!("{}== 0\n== lists 12\n", lines(12, "rc ")));
        let words = "nothing is installed on `p`, as dpkg has it: of 12 packages only the configuration files are there";
        assert_eq!(gone.unwrap(), words);
        let never = said(format!("{}== 0\n== lists 0\n", lines(3, "un ")));
        assert!(never.unwrap().contains("lists no package at all"));
    }

    #[test]
    fn a_version_that_is_none_leaves_the_others() {
        let text = format!(
            "{OS}ii \ta\tall\t1\ta\t1\tno\nii \tb\tall\t1;reboot\tb\t1\tno\n\
             ii \tc\tall\t\tc\t1\tno\nii \td\tall\t1.0_1\td\t1\tno\n== 0\n"
        );
        let host = parse("p", text.as_bytes(), b"").unwrap();
        let versions: Vec<&str> = host.installed.values().map(String::as_str).collect();
        assert_eq!(versions, ["1", "", "", "1.0_1"]);
    }

    #[test]
    fn what_dpkg_complains_of_is_told() {
        let complaint =
            b"dpkg-query: error: parsing file '/var/lib/dpkg/status' near line 3:\n garbage\n";
        let why = parse("p", format!("{OS}== 2\n").as_bytes(), complaint).unwrap_err();
        assert!(
            why.detail
                .contains("exit 2: `dpkg-query: error: parsing file"),
            "{why:?}"
        );
        assert!(why.detail.contains("near line 3: garbage"), "{why:?}");
    }
}
