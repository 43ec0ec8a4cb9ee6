//! What is asked on the target about a comparison before it is begun: what it may leave out, and whether rsync would
//! read the target's own folder.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::changed::Moment;
use super::command::{Way, endpoint};
use super::itemize::shown;
use super::{Mirror, looks, reach};
use crate::event::Unseen;
use crate::site::{Host, Site};
use crate::world::exec::{Inquiry, quoted};

/// What the comparison depends on, of the folder on the target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ground {
    /// It is a Debian archive: what each mirror of one has of its own is left out.
    pub(super) archive: bool,
    /// How many files that leaves out on the target.
    pub(super) marks: u64,
    /// Names at the top that links of an index lead into.
    pub(super) behind: Vec<String>,
    /// When it was looked at.
    pub(super) moment: Option<Moment>,
}

/// Says when it looks at which folder, whether that is a Debian archive, and how many files it has of its own.
const ARCHIVE: &str = r#"cd -- "$1" 2>/dev/null || exit 0
echo "moment $(date +%s.%N) $(stat -c %d:%i .)"
[ -d dists ] && [ -d project/trace ] || exit 0
find . -maxdepth 1 -name 'Archive-Update-*' -printf 'mark\n'
find project/trace -mindepth 1 -maxdepth 1 -printf 'mark\n'
echo archive
"#;

/// Where rsync on the target would read, as far as the target can tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Leads {
    /// Boot, device and inode of the folder on the target.
    pub(super) here: String,
    /// The same of the folder where the way leads, where that can be told.
    pub(super) there: Option<String>,
    /// An address of the target itself that the way leads to.
    pub(super) own: Option<String>,
    /// The way leads over the loopback of the target: to itself, or through a tunnel.
    pub(super) loopback: bool,
    /// The way leads to a daemon of rsync.
    pub(super) daemon: bool,
    /// What listens on the target at the port of the way, as far as its account sees that.
    pub(super) listeners: Vec<String>,
    /// The target serves rsync itself, so that an address may be led back to it.
    pub(super) serves: bool,
    /// How the way is written.
    pub(super) way: String,
}

/// Prints boot, device and inode of a folder: two places that print the same are one.
const IDENTITY: &str =
    r#"printf '%s %s\n' "$(cat /proc/sys/kernel/random/boot_id)" "$(stat -L -c %d:%i -- "$1")""#;

/// Arguments: the folder, a host name or address or nothing, the port of a daemon or nothing, and the command that asks there for its folder.
const LEADS: &str = r#"LC_ALL=C; export LC_ALL
identity() { IDENTITY; }
printf 'here %s\n' "$(identity "$1" 2>/dev/null)"
if [ -n "$2" ]; then
  printf 'own %s\n' "$(ip -o addr show 2>/dev/null | sed 's/^.* inet6* \([^/ ]*\).*$/\1/' | tr '\n' ' ')"
  printf 'at %s\n' "$(getent ahosts "$2" 2>/dev/null | cut -d' ' -f1 | tr '\n' ' ')"
fi
if [ -n "$3" ]; then
  printf 'by %s\n' "$(ss -ltnpH "( sport = :$3 )" 2>/dev/null | grep -o '(("[^"]*"' | cut -d'"' -f2 | tr '\n' ' ')"
  if grep -qs '^ *[0-9]*: [0-9A-F]*:0369 [0-9A-F]*:0000 0A ' /proc/net/tcp /proc/net/tcp6; then echo 'serves yes'; fi
  for process in $(grep -lsxz -e --daemon /proc/[0-9]*/cmdline); do
    if [ "$(cat "${process%cmdline}comm" 2>/dev/null)" = rsync ]; then echo 'serves yes'; fi
  done
fi
shift 3
if [ $# -gt 0 ]; then
  printf 'there %s\n' "$(timeout 30 "$@" </dev/null 2>/dev/null | head -n 1)"
fi
echo end
"#;

impl Mirror {
    pub(super) async fn ground(&self, site: &Site, target: &Host) -> Result<Ground, Unseen> {
        let argv = looks::script(&[ARCHIVE, "sh", self.path_on(target)?]);
        let output = (site.exec)
            .ask(reach(target)?, &Inquiry::looks_only(argv), self.timeout)
            .await?;
        let text = String::from_utf8_lossy(looks::complete(target, &output)?).into_owned();
        let behind = match self.index_only {
            // A folder that cannot be walked is a finding of the comparison, not the end of it.
            true => (self.walk(site, target, false).await).map_or(Vec::new(), |walk| walk.behind),
            false => Vec::new(),
        };
        let moment = text.lines().find_map(|line| {
            let (at, folder) = line.strip_prefix("moment ")?.split_once(' ')?;
            Moment::parse(at, folder)
        });
        Ok(Ground {
            moment,
            archive: text.lines().any(|line| line == "archive"),
            marks: text.lines().filter(|line| *line == "mark").count() as u64,
            behind,
        })
    }

    /// Asks the target where its way to the source leads.
    pub(super) async fn leads(
        &self,
        site: &Site,
        source: &Host,
        target: &Host,
    ) -> Result<Leads, Unseen> {
        let to = self.path_on(target)?;
        let script = LEADS.replace("IDENTITY", IDENTITY);
        let mut argv = looks::script(&[&script, "sh", to]);
        let way = self.way(source, target)?;
        match &way {
            Way::Local(_) => argv.extend([String::new(), String::new()]),
            Way::Daemon(url) => argv.extend([name(url).to_owned(), port(url).to_owned()]),
            Way::Ssh { destination, path } => {
                let (host, _) = endpoint(destination);
                argv.extend([name(&host).to_owned(), String::new()]);
                argv.extend(self.shell(destination));
                argv.extend(["--".into(), host.replace(['[', ']'], "")]);
                argv.push(quoted(&["sh", "-c", IDENTITY, "sh", path]));
            }
        }
        let inquiry = Inquiry::looks_only(argv);
        let output = (site.exec)
            .ask(reach(target)?, &inquiry, self.timeout)
            .await?;
        let daemon = matches!(way, Way::Daemon(_));
        let way = match way {
            Way::Daemon(at) | Way::Local(at) => at,
            Way::Ssh { destination, .. } => destination,
        };
        let text = looks::complete(target, &output)?;
        Ok(Leads {
            daemon,
            way: shown(way.as_bytes()),
            ..parse(&String::from_utf8_lossy(text))
        })
    }
}

/// The name or address of the host in `rsync://user@[::1]:873/module`, or in `user@[::1]`.
fn name(way: &str) -> &str {
    let rest = way.strip_prefix("rsync://").unwrap_or(way);
    let rest = rest.split('/').next().unwrap_or_default();
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    match rest.strip_prefix('[') {
        Some(literal) => literal.split(']').next().unwrap_or_default(),
        None => rest.split(':').next().unwrap_or_default(),
    }
}

/// The port in `rsync://user@[::1]:8730/module`.
fn port(url: &str) -> &str {
    let rest = url.strip_prefix("rsync://").unwrap_or(url);
    let rest = rest.split('/').next().unwrap_or_default();
    let digits = |port: &&str| !port.is_empty() && port.chars().all(|c| c.is_ascii_digit());
    let port = rest.rsplit_once(':').map(|(_, port)| port);
    port.filter(digits).unwrap_or("873")
}

impl Leads {
    /// Whether the way to a daemon ends at the target itself. What listens there may be a tunnel to the source; none
    /// where that is not seen, as by an account that is not root, or where one port has listeners of both sorts.
    pub(super) fn back(&self) -> Option<bool> {
        const SERVERS: [&str; 5] = ["rsync", "xinetd", "inetd", "systemd", "docker-proxy"];
        if !(self.daemon && self.loopback) {
            return Some(false);
        }
        let serve = (self.listeners.iter()).filter(|by| SERVERS.contains(&by.as_str()));
        match (serve.count(), self.listeners.len()) {
            (0, 1..) => Some(false),
            (serve, all) if serve == all && all > 0 => Some(true),
            _ => None,
        }
    }
}

fn parse(text: &str) -> Leads {
    let of = |word: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(word));
        line.unwrap_or_default().trim()
    };
    let addresses = |word| -> BTreeSet<IpAddr> {
        let words = of(word).split(' ');
        (words.filter_map(|word| word.parse::<IpAddr>().ok()))
            .map(|address| address.to_canonical())
            .collect()
    };
    // Whoever connects to the address that stands for all of them comes to this machine.
    let here = |address: &IpAddr| address.is_loopback() || address.is_unspecified();
    // A way over the loopback may be a tunnel to the source, so it proves nothing.
    let at = addresses("at ");
    let own = (addresses("own ").intersection(&at))
        .find(|address| !address.is_loopback())
        .map(ToString::to_string);
    Leads {
        here: of("here ").to_owned(),
        there: Some(of("there ").to_owned()).filter(|there| is_identity(there)),
        own,
        loopback: at.iter().any(here),
        daemon: false,
        listeners: of("by ").split_whitespace().map(str::to_owned).collect(),
        serves: of("serves ") == "yes",
        way: String::new(),
    }
}

/// Whether a text is what [`IDENTITY`] prints, and not what a shell greets with.
pub(super) fn is_identity(text: &str) -> bool {
    let Some((boot, folder)) = text.split_once(' ') else {
        return false;
    };
    let is = |text: &str, ok: fn(char) -> bool| !text.is_empty() && text.chars().all(ok);
    let numbers = folder.split_once(':');
    is(boot, |c| c.is_ascii_hexdigit() || c == '-')
        && numbers
            .is_some_and(|(a, b)| is(a, |c| c.is_ascii_digit()) && is(b, |c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_each_way() {
        for (way, host) in [
            ("rsync://h.example/m", "h.example"),
            ("rsync://u@h.example:8730/m/d", "h.example"),
            ("rsync://u@[2001:db8::1]:873/m", "2001:db8::1"),
            ("ops@h", "h"),
            ("ops@[2001:db8::1]", "2001:db8::1"),
            ("192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(name(way), host, "{way}");
        }
    }

    #[test]
    fn tells_a_way_that_leads_back() {
        let text = "here 3f-2a 2049:12\nown 127.0.0.1 192.0.2.22 ::1 2001:db8::22 \n\
            at 2001:db8::22 2001:db8::22 \nthere Welcome to primary!\nend\n";
        let leads = parse(text);
        assert_eq!(leads.own.as_deref(), Some("2001:db8::22"));
        assert_eq!(leads.here, "3f-2a 2049:12");
        assert!(!leads.loopback);
        assert_eq!(leads.there, None);

        let text =
            "here 3f-2a 2049:12\nown 127.0.0.1 ::1\nat 127.0.0.1\nthere 3f-2a 2049:13\nend\n";
        let leads = parse(text);
        assert!(leads.loopback);
        assert_eq!(
            (leads.own, leads.there.unwrap()),
            (None, "3f-2a 2049:13".into())
        );
    }

    #[test]
    fn every_address_of_the_target_itself_leads_back() {
        let of = |at: &str, by: &str| {
            let text = format!("here 3f-2a 2049:12\nown 127.0.0.1\nat {at}\nby {by}\nend\n");
            let leads = Leads {
                daemon: true,
                ..parse(&text)
            };
            leads.back()
        };
        let all = ["0.0.0.0", "::", "127.0.0.2", "::1", "::ffff:127.0.0.1"];
        for at in all {
            for (by, back) in [
                ("rsync", Some(true)),
                ("systemd rsync", Some(true)),
                ("stunnel4", Some(false)),
                ("ssh ssh", Some(false)),
                ("", None),
                ("rsync ssh", None),
            ] {
                assert_eq!(of(at, by), back, "{at} {by}");
            }
        }
        assert_eq!(of("192.0.2.21", "rsync"), Some(false));
        assert!(parse("serves yes\nserves yes\nend\n").serves);
        assert_eq!(port("rsync://u@[::1]:8730/m/d"), "8730");
        assert_eq!(port("rsync://[::1]/m"), "873");
    }

    #[test]
    fn an_identity_is_nothing_else() {
        assert!(is_identity("0c5b-3f 64769:1234"));
        for text in [
            "",
            "Welcome home 1:2",
            "3f 1:",
            "3f :2",
            "3f",
            " 1:2",
            "3f 1:2 x",
        ] {
            assert!(!is_identity(text), "{text}");
        }
    }
}
