//! The fields of a playbook's own tables.

use crate::field::{Field, Form};
use crate::step::{Blocks, OnFail, When};

/// A table of a playbook, for the reference page and the schema.
pub struct Table {
    /// As it is written: `[hosts.NAME]`.
    pub heading: &'static str,
    pub about: &'static str,
    pub fields: &'static [Field],
}

impl Table {
    /// The name in its heading: `hosts` of `[hosts.NAME]`.
    pub fn name(&self) -> &'static str {
        self.heading
            .trim_start_matches('[')
            .split(['.', ']', ' '])
            .next()
            .unwrap_or(self.heading)
    }
}

/// Every table.
pub static TABLES: &[Table] = &[
    Table {
        heading: "[playbook]",
        about: "what the playbook is about, and what it promises",
        fields: PLAYBOOK,
    },
    Table {
        heading: "[hosts.NAME]",
        about: "a machine of one of the two sites",
        fields: HOST,
    },
    Table {
        heading: "[providers.NAME]",
        about: "a DNS provider; `kind` says which, the other keys are the kind's",
        fields: PROVIDER,
    },
    Table {
        heading: "[zones.\"ZONE\"]",
        about: "a DNS zone that the playbook may write",
        fields: ZONE,
    },
    Table {
        heading: "[services.NAME]",
        about: "what users use: names, and the probes that show that it works",
        fields: SERVICE,
    },
    Table {
        heading: "probes = [{ … }]",
        about: "one assertion about a service: one of `http`, `tcp` or `rsync`, and what goes with it",
        fields: PROBE,
    },
    Table {
        heading: "allow = [{ … }]",
        about: "a rule of `cutover lint` that a step, a provider or the whole playbook breaks for a reason",
        fields: ALLOW,
    },
    Table {
        heading: "[[step]]",
        about: "one step of the list; the other keys are the kind's",
        fields: STEP,
    },
    Table {
        heading: "[override.ID]",
        about: "keys of an included step, to change or add; all but `id`, `kind`, `before` and `after`",
        fields: OVERRIDE,
    },
];

/// Words with a meaning of their own, which no host, service or provider can be called.
pub static RESERVED: &[&str] = &["all", "source", "target", "public", "local"];

/// The top level.
pub static ROOT: &[&str] = &[
    "playbook",
    "hosts",
    "providers",
    "zones",
    "services",
    "step",
    "override",
];

pub(super) static PLAYBOOK: &[Field] = &[
    Field::new(
        "name",
        Form::Kebab,
        "what a person types to confirm a failover",
    )
    .required(),
    Field::new("summary", Form::Text, "one sentence for people"),
    Field::new(
        "rto",
        Form::Span,
        "the objective for the time from the decision to the verified end",
    ),
    Field::new(
        "rpo",
        Form::Span,
        "the objective for the age of the data that is served afterwards",
    ),
    Field::new(
        "include",
        Form::Text,
        "a file with shared steps, hosts, providers, zones and services, from the folder of the playbook",
    ),
    Field::new(
        "hold",
        Form::Span,
        "how long a drill stays on the other side before it comes back; 0s by default",
    ),
    Field::new(
        "allow",
        Form::Tables(ALLOW),
        "rules of `cutover lint` that the playbook may break: `{ rule = \"…\", reason = \"…\" }`",
    ),
];

/// A finding of `cutover lint` that somebody has thought about.
pub(super) static ALLOW: &[Field] = &[
    Field::new(
        "rule",
        Form::Text,
        "the rule, by name or code; `cutover explain` lists them",
    )
    .required(),
    Field::new("reason", Form::Text, "why it is right here").required(),
    Field::new(
        "until",
        Form::Date,
        "the last day on which it counts; without it, for good",
    ),
];

pub(super) static HOST: &[Field] = &[
    Field::new(
        "site",
        Form::Text,
        "the site that it belongs to; its own name by default",
    ),
    Field::new(
        "stands-in-for",
        Form::TextOrTexts,
        "the hosts of the other site whose work it takes over; needed where a site has several hosts",
    ),
    Field::new(
        "role",
        Form::Text,
        "what it does: it stands in for the hosts of the same role at the other site, or they for it, where \
         `stands-in-for` says nothing",
    ),
    Field::new(
        "ssh",
        Form::Text,
        "whatever ssh(1) takes; keys and jumps come from its configuration",
    ),
    Field::new(
        "ssh-config",
        Form::File,
        "a configuration for ssh instead of ~/.ssh/config; its path counts from the folder of the playbook",
    ),
    Field::new(
        "local",
        Form::Bool,
        "it is this machine: programs run here, without ssh",
    ),
    Field::new("sudo", Form::Bool, "whether programs run under `sudo -n`"),
    Field::new(
        "addresses",
        Form::Addresses,
        "its own addresses, as the public sees them",
    ),
    Field::new(
        "proxy",
        Form::Addresses,
        "addresses of proxies that lead the public to it: IPv4 for a host that has IPv6 only; names may lead \
         there, and other hosts may be behind the same ones",
    ),
    Field::new(
        "access-log",
        Form::TextOrTexts,
        "access logs of its web servers",
    ),
    Field::new(
        "reach",
        Form::Map,
        "connect there instead, address and port to address and port: port forwards, tests",
    ),
];

pub(super) static PROVIDER: &[Field] = &[
    Field::new("kind", Form::Text, "which kind of provider it is").required(),
    Field::new(
        "allow",
        Form::Tables(ALLOW),
        "rules of `cutover lint` that it may break: `{ rule = \"…\", reason = \"…\" }`",
    ),
];

pub(super) static ZONE: &[Field] = &[
    Field::new("provider", Form::Text, "the provider that can write it").required(),
    Field::new(
        "servers",
        Form::Sockets,
        "authoritative servers, where the delegation cannot be asked",
    ),
    Field::new(
        "resolvers",
        Form::Sockets,
        "caches to watch; the system's by default, `[]` for none",
    ),
];

pub(super) static SERVICE: &[Field] = &[
    Field::new("names", Form::Names, "the names that its users use").required(),
    Field::new(
        "probes",
        Form::Tables(PROBE),
        "what shows that it works: one or more of `http`, `tcp` and `rsync`",
    )
    .required(),
    Field::new(
        "hosts",
        Form::TextOrTexts,
        "the hosts that offer it; every host by default",
    ),
    Field::new(
        "role",
        Form::Text,
        "instead of `hosts`: the hosts of this role offer it",
    ),
];

/// All that a probe can take; which keys go together depends on the first one.
pub(super) static PROBE: &[Field] = &[
    Field::new(
        "http",
        Form::Text,
        "a path, from `/`: it is asked for at each address, with each of the service's names",
    )
    .one_of(PROBES),
    Field::new(
        "status",
        Form::Status,
        "with `http`: the status that must come; any of 200 to 299 by default",
    )
    .only_with(&["http"]),
    Field::new(
        "contains",
        Form::Text,
        "with `http`: text that the answer must hold in the first 256 KiB of its body",
    )
    .only_with(&["http"]),
    Field::new(
        "header",
        Form::Map,
        "with `http`: headers of the answer, and a text that each must hold",
    )
    .only_with(&["http"]),
    Field::new(
        "slower-than",
        Form::Span,
        "with `http`: an answer that takes longer is a warning",
    )
    .only_with(&["http"]),
    Field::new(
        "tls",
        Form::Bool,
        "with `http`: whether it is https; true by default",
    )
    .only_with(&["http"]),
    Field::new(
        "ca",
        Form::File,
        "with `http`: a PEM file (its path counts from the folder of the playbook) of certificates that are trusted besides the system's: authorities, or the server's own",
    )
    .only_with(&["http"]),
    Field::new(
        "tcp",
        Form::Port,
        "a port: it must take connections at each address",
    )
    .one_of(PROBES),
    Field::new("send", Form::Text, "with `tcp`: text to send first").only_with(&["tcp"]),
    Field::new("expect", Form::Text, "with `tcp`: text that must come").only_with(&["tcp"]),
    Field::new(
        "rsync",
        Form::Text,
        "a module of the rsync daemon: it must be open at each address",
    )
    .one_of(PROBES),
    Field::new(
        "port",
        Form::Port,
        "with `http`: 443, or 80 without `tls`, by default; with `rsync`: 873",
    )
    .only_with(&["http", "rsync"]),
];

const PROBES: &[&str] = &["http", "tcp", "rsync"];

pub(super) static STEP: &[Field] = &[
    Field::new("id", Form::Kebab, "its name, unique in the playbook").required(),
    Field::new("kind", Form::Text, "what it does; see `cutover kinds`").required(),
    Field::new(
        "within",
        Form::Span,
        "the deadline: any verdict but pass is looked at again until then",
    ),
    Field::new("every", Form::Span, "the time between two looks"),
    Field::new("timeout", Form::Span, "the hard deadline of one look"),
    Field::new(
        "when",
        Form::Choices(When::WORDS),
        "the runs in which it takes part; all by default",
    ),
    Field::new(
        "blocks",
        Form::Choice(Blocks::WORDS),
        "in which runs a failed or unseen check stops before the first write",
    ),
    Field::new(
        "on-fail",
        Form::Choice(OnFail::WORDS),
        "what a failure after a write leads to",
    ),
    Field::new(
        "temporary",
        Form::Bool,
        "the change is undone however the run ends",
    ),
    Field::new(
        "allow",
        Form::Tables(ALLOW),
        "rules of `cutover lint` that this step may break: `{ rule = \"…\", reason = \"…\" }`",
    ),
    Field::new(
        "skip",
        Form::Table(SKIP),
        "leaves the step out until a day: `skip = { reason = \"…\", until = 2026-12-31 }`",
    ),
    Field::new(
        "before",
        Form::Text,
        "with `include`: the step of the included list that it is put before",
    ),
    Field::new(
        "after",
        Form::Text,
        "with `include`: the step of the list that it is put after; the end of the list by default",
    ),
];

pub(super) static SKIP: &[Field] = &[
    Field::new("reason", Form::Text, "why, for those who read the plan").required(),
    Field::new(
        "until",
        Form::Date,
        "the last day (in UTC) on which it is left out; afterwards the playbook is not valid",
    )
    .required(),
];

/// What an override may say besides the keys of the kind.
pub(super) static OVERRIDE: &[Field] = STEP.split_at(2).1.split_at(STEP.len() - 4).0;
