//! Whether anything in the target's folder was changed since it was compared, where the trees cannot be compared again:
//! as much as then may be something else, under other names.
//!
//! A file system keeps when each file and folder was last changed in any way (its `ctime`), which no program sets: a
//! file that is written, moved, replaced or given another name shows.

use serde::{Deserialize, Serialize};

use super::itemize::shown;
use super::totals::Total;
use super::{Mirror, looks, reach};
use crate::event::{Cause, Unseen};
use crate::site::{Host, Site};
use crate::world::exec::Inquiry;

/// The target's folder at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Moment {
    /// In microseconds since 1970, by the target's clock.
    pub(super) at: u64,
    /// Device and inode of the folder.
    pub(super) folder: String,
}

impl Moment {
    /// Reads what `date +%s.%N` and `stat -c %d:%i` print.
    pub(super) fn parse(at: &str, folder: &str) -> Option<Moment> {
        Some(Moment {
            at: micros(at)?,
            folder: folder.to_owned(),
        })
    }
}

/// What the target holds now, and what was changed in it last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Holding {
    #[serde(flatten)]
    pub(super) total: Total,
    /// Device and inode of the folder.
    pub(super) folder: String,
    /// When the last change of what is compared was, as in [`Moment::at`], and of what; the folder itself does not
    /// count, in which each sync has a file of its own for a while.
    pub(super) newest: Option<(u64, String)>,
}

/// Prints the folder, then when each thing in it was changed, and its name.
const CHANGED: &str = r#"LC_ALL=C; export LC_ALL
cd -- "$1" || exit 3
stat -c 'folder %d:%i' .
{ find . -mindepth 1 -ignore_readdir_race -printf '%C@ %p\0'; printf 'end %s\0' "$?"; } | tr '\n\0' '?\n'
"#;

impl Mirror {
    /// What the target holds now, and what was changed in it last.
    pub(super) async fn holding(&self, site: &Site, target: &Host) -> Result<Holding, Unseen> {
        let ground = self.ground(site, target).await?;
        let total = self.held(site, target, &ground).await?;
        let argv = looks::script(&[CHANGED, "sh", self.path_on(target)?]);
        let (mut folder, mut newest, mut ended) = (String::new(), None, None);
        let mut line = |line: &[u8]| {
            let space = line.iter().position(|c| *c == b' ');
            let Some((word, rest)) = space.map(|at| line.split_at(at)) else {
                return;
            };
            let (word, rest) = (String::from_utf8_lossy(word), &rest[1..]);
            match &*word {
                "folder" => folder = String::from_utf8_lossy(rest).into_owned(),
                "end" => ended = Some(rest == b"0"),
                at => {
                    let name = rest.strip_prefix(b"./").unwrap_or(rest);
                    let Some(at) = micros(at) else { return };
                    let later = newest.as_ref().is_none_or(|(then, _)| *then < at);
                    if later && self.counts(name, &ground) {
                        newest = Some((at, shown(name)));
                    }
                }
            }
        };
        let inquiry = Inquiry::looks_only(argv).niced();
        let output = (site.exec)
            .stream(reach(target)?, &inquiry, self.timeout, &mut line)
            .await?;
        if output.status != Some(0) || ended != Some(true) {
            let what = "the search for what was changed";
            return Err(looks::ended(target, what, &output));
        }
        if folder.is_empty() {
            let detail = format!("`{}` does not tell which folder it is", target.name);
            return Err(Unseen::new(Cause::Garbled, detail));
        }
        Ok(Holding {
            total,
            folder,
            newest,
        })
    }
}

/// Reads `1764261345.1234567890`; what is no fraction counts as none.
fn micros(text: &str) -> Option<u64> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: u64 = seconds.parse().ok()?;
    let digits: String = fraction.chars().take_while(char::is_ascii_digit).collect();
    let six: u64 = format!("{digits:0<6}").get(..6)?.parse().ok()?;
    seconds.checked_mul(1_000_000)?.checked_add(six)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_with_a_fraction_and_without() {
        for (text, at) in [
            ("1764261345.1234567890", Some(1_764_261_345_123_456)),
            ("1764261345.5", Some(1_764_261_345_500_000)),
            ("1764261345", Some(1_764_261_345_000_000)),
            ("1764261345.%N", Some(1_764_261_345_000_000)),
            ("?", None),
            ("-5.0", None),
            ("99999999999999999999", None),
            ("18446744073709551.0", None),
        ] {
            assert_eq!(micros(text), at, "{text}");
        }
    }
}
