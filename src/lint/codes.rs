//! The problems that the parser reports, by their codes: what each means, and what to do.

use crate::problem::Severity;

/// One problem of the parser.
pub(super) struct Code {
    pub(super) code: &'static str,
    /// In one line: lowercase, without a full stop.
    pub(super) what: &'static str,
    pub(super) fix: &'static str,
    /// A warning keeps nobody from using the playbook.
    pub(super) severity: Severity,
}

const fn code(code: &'static str, what: &'static str, fix: &'static str) -> Code {
    Code {
        code,
        what,
        fix,
        severity: Severity::Error,
    }
}

const fn warning(code: &'static str, what: &'static str, fix: &'static str) -> Code {
    Code {
        severity: Severity::Warning,
        ..self::code(code, what, fix)
    }
}

/// Every one of them, by name.
pub(super) static CODES: &[Code] = &[
    code(
        "ambiguous-address",
        "an address is listed for two hosts, or twice for one",
        "Give each host its own addresses: from an address it must be clear which site it leads to.",
    ),
    code(
        "asserts-nothing",
        "a probe looks for an empty text, which every answer holds",
        "Name some text that only a healthy answer holds.",
    ),
    code(
        "bad-date",
        "a value is no day",
        "Write year, month and day: `2026-12-31`.",
    ),
    code(
        "bad-id",
        "the name of a playbook or the id of a step is not in kebab-case",
        "Use lower-case letters and digits, with `-` between the words.",
    ),
    code(
        "bad-module",
        "the name of an rsync module holds a `/`",
        "Name the module alone, without a path below it.",
    ),
    code(
        "bad-name",
        "a name cannot be told from something else",
        "Use letters, digits, `-`, `_` and `.`, and none of the words `all`, `source`, `target`, `public` and `local`.",
    ),
    code(
        "bad-number",
        "a value must be a whole number, zero or more",
        "Write digits without quotes, sign or point.",
    ),
    code(
        "bad-path",
        "the path of an HTTP probe does not begin with `/`, or holds a blank",
        "Write the path alone; the host is each name of the service.",
    ),
    code(
        "bad-percent",
        "a value must be a share from 0% to 100%",
        "Write `\"80%\"`, or a number from 0 to 100.",
    ),
    code(
        "bad-port",
        "a port is not from 1 to 65535",
        "Write the number of the port.",
    ),
    code(
        "bad-secret",
        "it is not said well where a secret is",
        "Write exactly one of `{ env = \"NAME\" }`, `{ file = \"/path\" }` and `{ command = [\"program\"] }`.",
    ),
    code(
        "bad-server",
        "dynamic updates need one address of one name server",
        "Give the address of the primary: `server = \"192.0.2.54:53\"`.",
    ),
    code(
        "bad-set",
        "a `--set` of the command line cannot be put over the playbook",
        "Write `--set KEY=VALUE`, with the dotted path of a value that the playbook has or can have.",
    ),
    code(
        "bad-span",
        "a value is no duration",
        "Write a number with its unit: `90s`, `15m`, `6h`, `1h 30m`; ten years at most.",
    ),
    code(
        "bad-ssh",
        "a destination begins with `-` or holds a blank",
        "Write a host, `user@host` or `ssh://user@host:port`; options belong in the configuration of ssh.",
    ),
    code(
        "bad-status",
        "a number is no HTTP status",
        "Write one from 100 to 599.",
    ),
    code(
        "bad-ttl",
        "a TTL is no whole number of seconds from 1s to a week",
        "Write `ttl = \"60s\"`.",
    ),
    code(
        "bad-url",
        "a value is no URL",
        "Write `http://…` or `https://…`.",
    ),
    code(
        "bad-value",
        "a text has not the form that its key wants",
        "The problem says which form that is; `cutover kinds` shows an example.",
    ),
    code(
        "contradiction",
        "`records = \"all\"` moves every record, so naming some says nothing",
        "Leave out `records`, or `services` and `names`.",
    ),
    code(
        "covered-twice",
        "several hosts stand in for one",
        "Let one of them do so: the names of a host can lead to one other host only.",
    ),
    code(
        "does-not-fit",
        "a key does not fit the nature of a `command` step",
        "`looks-only` makes it a check, `read` makes it a change, and without both it is an act; each takes other keys.",
    ),
    code(
        "empty",
        "a value is empty",
        "Write something, or leave the key out.",
    ),
    code(
        "hosts-and-role",
        "a service names its hosts, and a role too",
        "Leave out `hosts` or `role`.",
    ),
    code(
        "include-in-include",
        "an included file includes another one",
        "Include one file from the playbook: there is one level, so that a reader finds everything in two files.",
    ),
    code(
        "incomplete-change",
        "a step with `read` lacks `want` or `undo`",
        "A change needs both: what `read` prints when it is made, and what puts it back.",
    ),
    code(
        "interval-in-seconds",
        "the `interval` of `traffic` is no whole number of seconds",
        "Write one second or more.",
    ),
    code(
        "interval-too-long",
        "one look of `traffic` counts for longer than its `timeout`",
        "Make `timeout` five seconds longer than `interval`, or more.",
    ),
    code(
        "local-and-ssh",
        "a host is this machine and reached by ssh",
        "Leave out `local` or `ssh`.",
    ),
    code(
        "mirror",
        "the fields of a `mirror` step do not go together",
        "The problem says which; `cutover kinds mirror` shows an example.",
    ),
    code(
        "missing-key",
        "a key that is needed is not there",
        "Add it; the problem shows its form.",
    ),
    code(
        "never-again",
        "`every` is longer than `within`",
        "Make `every` shorter: else there is never a second look.",
    ),
    code(
        "never-made",
        "a change takes part in ways back only",
        "Name a way there too in `when`: `drill`, `failover` or `emergency`.",
    ),
    warning(
        "no-change",
        "an override says nothing, or what was said already",
        "Take it out.",
    ),
    code(
        "no-key",
        "a provider has no key for looking or for writing",
        "Give both halves of the key, or one key for looking and one for writing.",
    ),
    code(
        "no-names",
        "a step asks the public and gives no name to ask for",
        "Write `names = [\"www.site.example\"]`, or `services = \"all\"`.",
    ),
    code(
        "no-steps",
        "the playbook has no steps",
        "Add `[[step]]` with an `id` and a `kind`; `cutover kinds` lists the kinds.",
    ),
    code(
        "no-such-host",
        "no host of the playbook has this name",
        "Mend the name, or add `[hosts.NAME]`.",
    ),
    code(
        "no-such-provider",
        "no provider of the playbook has this name",
        "Mend the name, or add `[providers.NAME]`.",
    ),
    code(
        "no-such-role",
        "no host of the playbook has this role",
        "Mend the name, or give a host this `role`.",
    ),
    code(
        "no-such-service",
        "no service of the playbook has this name",
        "Mend the name, or add `[services.NAME]`.",
    ),
    code(
        "no-such-step",
        "no step of the list has this id",
        "Mend the id; `cutover show-playbook` prints the list as it is put together.",
    ),
    code(
        "no-such-word",
        "a value is none of the words that its key takes",
        "Write one of the words that the problem lists.",
    ),
    code(
        "no-unit",
        "a duration has no unit",
        "Write a number with its unit: `90s`, `15m`, `6h`.",
    ),
    code(
        "no-way-in",
        "a key needs a way to run programs on the host",
        "Add `ssh = \"user@host\"`, or `local = true` for this machine.",
    ),
    code(
        "not-changed",
        "an override cannot change this key of a step",
        "Skip the step, and write one of your own in its place.",
    ),
    code(
        "not-covered",
        "a host has addresses, and no host of the other site stands in for it",
        "Add `stands-in-for` to the host that takes over its work.",
    ),
    code(
        "not-included",
        "an override changes a step of the playbook's own",
        "Change the step itself.",
    ),
    code(
        "not-placed",
        "a step is placed in an included list, and nothing is included",
        "Take `before` or `after` out: the order of the text counts.",
    ),
    code(
        "not-read",
        "the included file cannot be read",
        "Mend its path, which is relative to the playbook, or its rights.",
    ),
    code(
        "not-shared",
        "an included file is a playbook of its own",
        "Keep what is shared in the included file, and what one playbook promises in that playbook.",
    ),
    code(
        "not-simulated",
        "there is no run of the playbook that could be simulated",
        "The problem says why: often a change that its provider would refuse.",
    ),
    code(
        "not-utf8",
        "the file is not UTF-8 text",
        "Save it as UTF-8.",
    ),
    warning(
        "nothing-changes",
        "the playbook changes nothing while a step is left out",
        "Change the step so that it fits, instead of leaving it out.",
    ),
    code(
        "nothing-to-undo",
        "a step that changes nothing is called temporary",
        "Take `temporary` out.",
    ),
    warning(
        "nothing-verifies",
        "nobody looks at what was changed while a step is left out",
        "Change the step so that it fits, instead of leaving it out.",
    ),
    code(
        "override-alone",
        "there is an override, and nothing is included",
        "Change the step itself, or include the file that holds it.",
    ),
    code(
        "packages",
        "the fields of a `packages` step do not go together",
        "The problem says which; `cutover kinds packages` shows an example.",
    ),
    code(
        "path-without-slash",
        "a path does not begin with `/`",
        "Put `/` before it.",
    ),
    warning(
        "role-alone",
        "a host has a role that no host of the other site has",
        "Give its counterpart the same `role`, or say `stands-in-for`.",
    ),
    code(
        "role-of-several",
        "several hosts of one site have one role",
        "Give each a role of its own, or say with `stands-in-for` who takes over whose work.",
    ),
    code(
        "same-site",
        "a host stands in for one of its own site",
        "Name a host of the other site.",
    ),
    code(
        "secret-in-file",
        "a secret is written into the playbook",
        "Say where it is, with `{ env = … }`, `{ file = … }` or `{ command = … }`, and change it: it was in a file.",
    ),
    code(
        "skip-over",
        "the last day of a `skip` has passed",
        "Let the step take part again, or think again and write a later day.",
    ),
    code(
        "skip-without-end",
        "a step is skipped without an end",
        "Write a reason and a day: `skip = { reason = \"…\", until = 2026-12-31 }`.",
    ),
    code(
        "syntax",
        "the file is not TOML",
        "Mend the text at the caret; one slip often brings several of these.",
    ),
    code(
        "too-few-sites",
        "all hosts belong to one site",
        "Give the hosts of the other site a `site` of their own.",
    ),
    code(
        "too-large",
        "the file is larger than 1 MiB",
        "Is this the right file? A playbook has a few hundred lines.",
    ),
    code(
        "too-many-sites",
        "the hosts belong to three sites or more",
        "Give each host one of two sites; a third site is another playbook.",
    ),
    code(
        "twice",
        "two things have one name",
        "Reports and journals tell them apart by their names: change one.",
    ),
    code(
        "two-places",
        "a step is placed before one step and after another",
        "Leave out `before` or `after`.",
    ),
    code(
        "unknown-key",
        "a key or a table is not known",
        "Mend its name; what `cutover` does not know it would not do.",
    ),
    code(
        "unknown-kind",
        "no kind of step, or of provider, has this name",
        "`cutover kinds` lists them.",
    ),
    code(
        "unreadable",
        "the file of the playbook cannot be read",
        "Mend its path or its rights.",
    ),
    code(
        "wrong-floor",
        "the `floor` of `traffic` is no rate above zero",
        "Write requests per second: `floor = \"0.2\"`.",
    ),
    code(
        "wrong-type",
        "a value is of another type than its key takes",
        "The problem shows the form that it must have.",
    ),
    code(
        "wrong-url",
        "a URL cannot be asked for",
        "Write `http://` or `https://` with a public name, without user and password; `at` says where to ask.",
    ),
    code(
        "zero-span",
        "a time is zero that must not be",
        "Write a time above zero.",
    ),
];

/// The problem of a code.
pub(super) fn find(word: &str) -> Option<&'static Code> {
    CODES.iter().find(|one| one.code == word)
}
