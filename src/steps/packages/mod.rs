//! `packages`: does each host of the target have the packages of the host that it stands in for?

mod dpkg;
mod judge;
mod version;

use std::collections::BTreeMap;
use std::time::Duration;

use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::event::{Cause, Finding, Unseen};
use crate::field::{Field, Fields, Form};
use crate::plan::{Outcome, Question};
use crate::problem::Problem;
use crate::site::{Aim, Host, Site};
use crate::step::{
    About, Blocks, Built, Check, Defaults, Evidence, Given, Kind, Look, OnFail, Pulses, Work,
};
use crate::world::exec::Inquiry;

/// The kind `packages`.
pub(crate) static KIND: Kind = Kind {
    name: "packages",
    summary: "the target has the Debian packages of the source, in the same versions",
    example: r#"
[[step]]
id = "packages"
kind = "packages"
ignore = ["mdadm"]
"#,
    fields: FIELDS,
    defaults: Defaults {
        within: Duration::ZERO,
        every: Duration::from_secs(30),
        timeout: TIMEOUT,
        blocks: Blocks::Planned,
        on_fail: OnFail::Warn,
    },
    build,
};

const TIMEOUT: Duration = Duration::from_secs(60);

const GRADES: Form = Form::Choice(&["fail", "warn", "inform"]);

const FIELDS: &[Field] = &[
    Field::new(
        "ignore",
        Form::Texts,
        "names or patterns of packages that may differ, besides kernels, firmware, boot loaders and guest tools",
    ),
    Field::new(
        "missing",
        GRADES,
        "what a package is that only the source has; default `fail`",
    ),
    Field::new("version", GRADES, "what another version is; default `warn`"),
    Field::new(
        "extra",
        GRADES,
        "what a package is that only the target has; default `inform`",
    ),
    Field::new(
        "hosts",
        Form::Texts,
        "only pairs in which one of these hosts takes part",
    ),
    Field::new(
        "roots",
        Form::Map,
        "host to the folder of a chroot or container there, whose packages count instead of the host's own",
    ),
];

/// What differs between a machine and a virtual machine without harm.
const USUAL: &[&str] = &[
    "linux-image-*",
    "linux-headers-*",
    "linux-modules-*",
    "linux-kbuild-*",
    "firmware-*",
    "amd64-microcode",
    "intel-microcode",
    "iucode-tool",
    "grub-*",
    "grub2-common",
    "shim-*",
    "efibootmgr",
    "mokutil",
    "qemu-guest-agent",
    "open-vm-tools*",
    "virtualbox-guest-*",
    "xe-guest-utilities*",
    "hyperv-daemons",
    "spice-vdagent",
    "cloud-init",
    "cloud-guest-utils",
    "cloud-initramfs-*",
    "cloud-utils",
];

/// A `packages` step.
#[derive(Debug)]
struct Packages {
    hosts: Vec<String>,
    /// For some hosts, the folder whose packages are looked at; without a slash at its end.
    roots: BTreeMap<String, String>,
    timeout: Duration,
    limits: Limits,
}

/// What each sort of difference is.
#[derive(Clone, Debug)]
struct Limits {
    ignore: GlobSet,
    missing: Outcome,
    version: Outcome,
    extra: Outcome,
}

fn build(fields: &Fields, given: &Given) -> Result<Built, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut ignore = GlobSetBuilder::new();
    let own = fields.texts("ignore").iter().map(String::as_str);
    for pattern in USUAL.iter().copied().chain(own) {
        match Glob::new(pattern) {
            Ok(glob) => {
                ignore.add(glob);
            }
            Err(error) => {
                let message = format!("`{pattern}` is not a pattern: {}", error.kind());
                problems.push(
                    Problem::error("packages", fields.span_of("ignore"), message)
                        .label("here")
                        .hint("`*` stands for any letters: `linux-image-*`"),
                );
            }
        }
    }
    let roots = fields.map("roots").cloned().unwrap_or_default();
    let named = (fields.texts("hosts").iter().map(|host| ("hosts", host)))
        .chain(roots.keys().map(|host| ("roots", host)));
    for (field, host) in named {
        if !given.hosts.contains(host) {
            let message = format!("no host is called `{host}`");
            problems.push(
                Problem::error("packages", fields.span_of(field), message)
                    .label("here")
                    .hint(format!("hosts: {}", given.hosts.join(", "))),
            );
        }
    }
    for root in roots.values() {
        if !root.starts_with('/') || root.chars().any(char::is_control) {
            let message = format!("`{root}` is not an absolute path");
            problems.push(
                Problem::error("packages", fields.span_of("roots"), message)
                    .label("here")
                    .hint("begin it with `/`: `roots = { primary = \"/srv/chroot\" }`"),
            );
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let grade = |field, default| match fields.text(field) {
        Some("fail") => Outcome::Fail,
        Some("warn") => Outcome::Warn,
        Some(_) => Outcome::Pass,
        None => default,
    };
    Ok(Built {
        title: "the target has the packages of the source".into(),
        work: Work::Check(Box::new(Packages {
            hosts: fields.texts("hosts").to_vec(),
            roots: (roots.into_iter())
                .map(|(host, root)| (host, root.trim_end_matches('/').to_owned()))
                .collect(),
            timeout: fields.span("timeout").unwrap_or(TIMEOUT),
            limits: Limits {
                ignore: ignore.build().unwrap_or_else(|_| GlobSet::empty()),
                missing: grade("missing", Outcome::Fail),
                version: grade("version", Outcome::Warn),
                extra: grade("extra", Outcome::Pass),
            },
        })),
        probes_old_side: false,
        after_change: false,
        answers: Some(Question::Ready),
    })
}

impl Check for Packages {
    fn looks<'a>(&'a self, site: &'a Site, aim: &'a Aim, _pulse: &'a Pulses) -> Vec<Look<'a>> {
        let wanted = |host: &Host| self.hosts.is_empty() || self.hosts.contains(&host.name);
        let pairs: Vec<(&Host, &Host)> = (site.pairs(&aim.active, &aim.idle).into_iter())
            .filter(|(a, b)| wanted(a) || wanted(b))
            .collect();
        let mut looks: Vec<Look<'a>> = Vec::new();
        for host in pairs.iter().flat_map(|(a, b)| [*a, *b]) {
            let key = format!("packages {}", host.name);
            if looks.iter().any(|look| look.key == key) {
                continue;
            }
            let beside = (pairs.iter())
                .filter(|(target, _)| target.name == host.name)
                .map(|(_, source)| source.name.clone())
                .collect();
            looks.push(Look {
                key,
                about: About::Site(host.site.clone()),
                ask: Box::pin(self.look(site, host, beside)),
            });
        }
        looks
    }

    fn judge(&self, _aim: &Aim, evidence: &Evidence) -> Finding {
        judge::judge(&self.limits, evidence)
    }

    /// Lists do not change from look to look, and each takes a while.
    fn repeats(&self) -> bool {
        false
    }
}

impl Packages {
    async fn look(
        &self,
        site: &Site,
        host: &Host,
        beside: Vec<String>,
    ) -> Result<serde_json::Value, Unseen> {
        let reach = host.reach.as_ref().ok_or_else(|| {
            let detail = format!(
                "nothing can be run on `{0}`: add `ssh` to `[hosts.{0}]`",
                host.name
            );
            Unseen::new(Cause::Missing, detail)
        })?;
        let root = self.roots.get(&host.name).map(String::as_str);
        let inquiry = Inquiry::script_that_looks_only(&dpkg::script(root));
        let output = site.exec.ask(reach, &inquiry, self.timeout).await?;
        if output.truncated {
            let detail = format!("`{}` printed more than is read", host.name);
            return Err(Unseen::new(Cause::Garbled, detail));
        }
        let shell = match root.filter(|root| !root.is_empty()) {
            Some(root) => reach.by_hand(&["chroot", root]),
            None => reach.by_hand::<&str>(&[]),
        };
        let seen = dpkg::Host {
            beside,
            shell,
            ..dpkg::parse(&host.name, &output.stdout, &output.stderr)?
        };
        serde_json::to_value(seen).map_err(|error| Unseen::new(Cause::Error, error.to_string()))
    }
}

#[cfg(test)]
mod tests;
