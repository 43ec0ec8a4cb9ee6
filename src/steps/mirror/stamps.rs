//! How fresh a tree says that it is: a Debian trace, an epoch, or the time of any file that the mirror brings.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::itemize::shown;
use crate::event::{Cause, Unseen};
use crate::world::exec::quoted;

/// Where a stamp is looked for when the playbook names none, the first that is there.
const USUAL: &[&str] = &["project/trace/master", "lastsync", "snapshotindex.txt"];

/// What a host says of its tree.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Stamps {
    pub(super) host: String,
    pub(super) path: String,
    /// Why the folder cannot be entered.
    pub(super) absent: Option<String>,
    /// Device, inode and boot: two hosts that say the same are looking at one folder.
    pub(super) folder: String,
    /// The host's own clock, in seconds since 1970.
    pub(super) now: i64,
    pub(super) stamp: Option<Stamp>,
    pub(super) running: Vec<Running>,
    /// What stands where a stamp is looked for and is no regular file: reading a pipe would empty it.
    pub(super) odd: Vec<String>,
}

/// One stamp: the state that the tree had when its last sync was complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Stamp {
    pub(super) file: String,
    /// Seconds since 1970.
    pub(super) at: i64,
    pub(super) by: By,
    /// `Archive serial`, which no clock can spoil.
    pub(super) serial: Option<u64>,
    /// SHA-256 of the file: the same stamp is the same state.
    pub(super) sum: String,
}

/// Where the time of a stamp was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum By {
    /// `Date:` or the first line of a Debian trace.
    Trace,
    /// Seconds since 1970, as in `lastsync`.
    Epoch,
    /// The file's own time: its content tells none.
    FileTime,
}

/// A sync that says that it is running.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Running {
    pub(super) name: String,
    /// For how many seconds, by the host's own clock.
    pub(super) seconds: u64,
}

/// The script that a host is asked with; it only reads.
pub(super) fn script(path: &str, stamp: Option<&str>) -> String {
    let stamps = match stamp {
        Some(stamp) => quoted(&[stamp]),
        None => quoted(USUAL),
    };
    format!(
        r#"LC_ALL=C; export LC_ALL
why=$(cd -- {root} 2>&1) || {{ printf 'absent %s\nend\n' "$(printf %s "$why" | tr '\n' ' ')"; exit 0; }}
cd -- {root} || exit 3
printf 'now %s\n' "$(date +%s)"
printf 'folder %s %s\n' "$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)" "$(stat -L -c %d:%i .)"
for f in Archive-Update-in-Progress-*; do
  [ -e "$f" ] || continue
  printf 'running %s %s\n' "$(stat -c %Y -- "$f")" "$(printf %s "$f" | tr -c '[:alnum:]._-' '?')"
done
for f in {stamps}; do
  if [ -e "$f" ] && [ ! -d "$f" ] && [ ! -f "$f" ]; then
    printf 'odd %s\n' "$(printf %s "$f" | tr '\n' '?')"
  fi
  [ -f "$f" ] || continue
  sum=$(sha256sum < "$f") || continue
  printf 'stamp %s %s %s\n' "$(stat -L -c %Y -- "$f")" "${{sum%% *}}" "$f"
  head -c 8192 -- "$f" | head -n 60 | sed 's/^/| /'
  printf '\n'
  break
done
echo end
"#,
        root = quoted(&[path]),
    )
}

/// Reads what the script printed.
pub(super) fn parse(host: &str, path: &str, stdout: &[u8]) -> Result<Stamps, Unseen> {
    let text = String::from_utf8_lossy(stdout);
    let garbled = |line: &str| {
        let line = shown(line.as_bytes());
        Unseen::new(
            Cause::Garbled,
            format!("the stamps of `{host}` cannot be read: `{line}`"),
        )
    };
    let mut stamps = Stamps {
        host: host.to_owned(),
        path: path.to_owned(),
        ..Stamps::default()
    };
    let mut head: Option<(i64, String, String)> = None;
    let mut content = Vec::new();
    let mut running = Vec::new();
    let mut ended = false;
    for line in text.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "" => {}
            "end" => ended = true,
            "absent" => stamps.absent = Some(shown(rest.trim().as_bytes())),
            "odd" => stamps.odd.push(shown(rest.as_bytes())),
            "now" => stamps.now = rest.parse().map_err(|_| garbled(line))?,
            "folder" => stamps.folder = rest.to_owned(),
            "running" => {
                let (since, name) = rest.split_once(' ').ok_or_else(|| garbled(line))?;
                let since: i64 = since.parse().map_err(|_| garbled(line))?;
                running.push((since, shown(name.as_bytes())));
            }
            "stamp" => {
                let mut parts = rest.splitn(3, ' ');
                let (Some(time), Some(sum), Some(file)) =
                    (parts.next(), parts.next(), parts.next())
                else {
                    return Err(garbled(line));
                };
                let time = time.parse().map_err(|_| garbled(line))?;
                head = Some((time, sum.to_owned(), shown(file.as_bytes())));
            }
            "|" => content.push(rest),
            _ => return Err(garbled(line)),
        }
    }
    if !ended {
        return Err(garbled("cut off before its end"));
    }
    running.truncate(10);
    stamps.running = running
        .into_iter()
        .map(|(since, name)| Running {
            name,
            seconds: u64::try_from(stamps.now - since).unwrap_or(0),
        })
        .collect();
    stamps.stamp = head.map(|(time, sum, file)| {
        let (at, by) = when(&content).unwrap_or((time, By::FileTime));
        Stamp {
            file,
            at,
            by,
            serial: field(&content, "archive serial").and_then(|serial| serial.parse().ok()),
            sum,
        }
    });
    Ok(stamps)
}

/// The time that the content of a stamp tells.
fn when(content: &[&str]) -> Option<(i64, By)> {
    let date = field(content, "date").and_then(rfc2822);
    if let Some(at) = date.or_else(|| first_line(content.first()?)) {
        return Some((at, By::Trace));
    }
    let mut words = content.iter().map(|line| line.trim());
    let first = words.next()?;
    let alone = words.all(str::is_empty);
    let epoch: i64 = first.parse().ok()?;
    // Ten digits: later than September 2001; a file that holds a small number tells no time.
    let plausible = (1_000_000_000..100_000_000_000).contains(&epoch);
    (alone && plausible).then_some((epoch, By::Epoch))
}

/// The value of a `Key: value` line; keys are the same in any case.
fn field<'a>(content: &[&'a str], key: &str) -> Option<&'a str> {
    content.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim()
            .eq_ignore_ascii_case(key)
            .then_some(value.trim())
    })
}

fn rfc2822(text: &str) -> Option<i64> {
    let time = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(time.timestamp().as_second())
}

/// `Sun Nov 22 10:33:00 UTC 2026`, as `date -u` prints it.
fn first_line(text: &str) -> Option<i64> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let [_weekday, month, day, time, "UTC" | "GMT", year] = words[..] else {
        return None;
    };
    let text = format!("{day} {month} {year} {time}");
    let civil = DateTime::strptime("%d %b %Y %H:%M:%S", &text).ok()?;
    let zoned = civil.to_zoned(TimeZone::UTC).ok()?;
    Some(Timestamp::as_second(zoned.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "now 1795343700\nfolder 3f2a 2049:12\n\
        stamp 1795343000 abcd project/trace/master\n\
        | Sun Nov 22 10:33:00 UTC 2026\n\
        | Date: Sun, 22 Nov 2026 10:34:00 +0000\n\
        | Archive serial: 2026112202\n\
        | Running on host: mirror.example.org\n\nend\n";

    #[test]
    fn reads_a_debian_trace() {
        let stamps = parse("primary", "/srv/a", TRACE.as_bytes()).unwrap();
        let stamp = stamps.stamp.unwrap();
        assert_eq!(stamp.by, By::Trace);
        assert_eq!(
            stamp.at,
            "2026-11-22T10:34:00Z"
                .parse::<Timestamp>()
                .unwrap()
                .as_second()
        );
        assert_eq!(stamp.serial, Some(2026112202));
        assert_eq!(stamp.sum, "abcd");
        assert_eq!(stamps.folder, "3f2a 2049:12");
    }

    #[test]
    fn reads_each_way_to_tell_the_time() {
        let ten = "2026-11-22T10:33:00Z"
            .parse::<Timestamp>()
            .unwrap()
            .as_second();
        type Case<'a> = (&'a [&'a str], Option<(i64, By)>);
        let cases: &[Case<'_>] = &[
            (&["Sun Nov 22 10:33:00 UTC 2026"], Some((ten, By::Trace))),
            (&["Sun Nov 22 10:33:00 GMT 2026"], Some((ten, By::Trace))),
            (
                &["Sun Nov  2 10:33:00 UTC 2026"],
                Some((ten - 20 * 86_400, By::Trace)),
            ),
            (
                &["x", "DATE: Sun, 22 Nov 2026 11:33:00 +0100"],
                Some((ten, By::Trace)),
            ),
            (&["1795343580"], Some((1_795_343_580, By::Epoch))),
            (&["1795343580", ""], Some((1_795_343_580, By::Epoch))),
            (&["1795343580", "and more"], None),
            (&["17"], None),
            (&["pool/a 12:0123"], None),
            (&["Sun Nov 32 10:33:00 UTC 2026"], None),
            (&[], None),
        ];
        for (content, expected) in cases {
            assert_eq!(when(content), *expected, "{content:?}");
        }
    }

    #[test]
    fn the_time_of_the_file_stands_in_for_a_content_that_tells_none() {
        let text = "now 2000000000\nfolder x 1:2\nstamp 1900000000 ff snapshotindex.txt\n\
            | pool/a 12:0123\n\nend\n";
        let stamp = parse("p", "/a", text.as_bytes()).unwrap().stamp.unwrap();
        assert_eq!(
            (stamp.at, stamp.by, stamp.serial),
            (1_900_000_000, By::FileTime, None)
        );
    }

    #[test]
    fn tells_a_running_sync_an_absent_folder_and_a_cut_off_answer() {
        let text = "now 1000\nfolder x 1:2\nrunning 400 Archive-Update-in-Progress-a\nend\n";
        let stamps = parse("p", "/a", text.as_bytes()).unwrap();
        assert_eq!(stamps.running[0].seconds, 600);
        assert_eq!(stamps.stamp, None);

        let text = "absent sh: 1: cd: can't cd to /a \nend\n";
        let stamps = parse("p", "/a", text.as_bytes()).unwrap();
        assert_eq!(stamps.absent.as_deref(), Some("sh: 1: cd: can't cd to /a"));

        for text in [
            "",
            "now 1000\n",
            "now soon\nend\n",
            "hello\nend\n",
            "stamp 1\nend\n",
        ] {
            let unseen = parse("p", "/a", text.as_bytes()).unwrap_err();
            assert_eq!(unseen.cause, Cause::Garbled, "{text}");
        }
    }

    #[test]
    fn the_script_quotes_what_it_is_given() {
        let text = script("/srv/it's here", Some("a b/c"));
        assert!(text.contains(r"cd -- '/srv/it'\''s here'"), "{text}");
        assert!(text.contains("for f in 'a b/c'; do"), "{text}");
    }
}
