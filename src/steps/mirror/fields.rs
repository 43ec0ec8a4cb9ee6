//! The fields of a `mirror` step, and what is wrong with them together.

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::{Grade, Limits, Mirror, TIMEOUT};
use crate::field::{Field, Fields, Form};
use crate::plan::Question;
use crate::problem::Problem;
use crate::step::{Built, Given, Work};

pub(super) const FIELDS: &[Field] = &[
    Field::new(
        "path",
        Form::Text,
        "the folder, absolute, where it is the same on both hosts",
    )
    .one_of(PATHS),
    Field::new("paths", Form::Map, "host to folder, where they differ").one_of(PATHS),
    Field::new(
        "from",
        Form::Map,
        "host to the address by which the other host reaches it: what `ssh` takes, or `rsync://host/module/`; default: the `ssh` of the host",
    ),
    Field::new(
        "ssh-options",
        Form::Texts,
        "further options of the `ssh` from host to host, such as `-i` and the path of a key",
    ),
    Field::new(
        "hosts",
        Form::Texts,
        "only pairs in which one of these hosts takes part",
    ),
    Field::new(
        "stamp",
        Form::Text,
        "a trace or stamp file below the folder; default: `project/trace/master`, `lastsync` or `snapshotindex.txt`",
    ),
    Field::new(
        "max-lag",
        Form::Span,
        "how far the target's stamp may be behind the source's last known one",
    ),
    Field::new(
        "max-files",
        Form::Count,
        "how many files may be missing or other than at the source, by their size, time and type; default 0. Another mode, or another owner or group as far as the login on the target sees that (all of them as root, none over `rsync://`), is a warning; ACLs, extended attributes and hard links are not compared",
    ),
    Field::new(
        "max-bytes",
        Form::Count,
        "how many bytes those files may have; default: no limit",
    ),
    Field::new(
        "min-files",
        Form::Count,
        "fewer files at the source are a failure: an unmounted disk; default 1",
    ),
    Field::new(
        "shrink-limit",
        Form::Percent,
        "how much smaller than the target the source may be; default 50%",
    ),
    Field::new(
        "extra",
        Form::Choice(&["inform", "warn", "fail"]),
        "what files are that only the target has; default `inform`",
    ),
    Field::new(
        "exclude",
        Form::Texts,
        "patterns of rsync that are left out on both sides; told in the result with how many files, folders and links they are, as is what each mirror of a Debian archive has of its own",
    ),
    Field::new(
        "index-only",
        Form::Bool,
        "compare only `dists/`, `project/`, what their links lead into, and text files at the top: seconds, not minutes",
    ),
    Field::new(
        "modify-window",
        Form::Span,
        "times that differ by no more are the same: `2s` for a disk of FAT; default 0",
    ),
    Field::new(
        "sample",
        Form::Count,
        "how many files are compared by checksum; default 200, 0 for none",
    ),
    Field::new(
        "reuse",
        Form::Span,
        "an earlier look that is not older may stand in for a new one",
    ),
];

const PATHS: &[&str] = &["path", "paths"];

pub(super) fn build(fields: &Fields, given: &Given) -> Result<Built, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut wrong = |field: &str, message: String, hint: &str| {
        problems.push(
            Problem::error("mirror", fields.span_of(field), message)
                .label("here")
                .hint(hint),
        );
    };
    let paths = fields.map("paths").cloned().unwrap_or_default();
    let from = fields.map("from").cloned().unwrap_or_default();
    let each = fields.text("path").into_iter().map(|path| ("path", path));
    for (field, path) in each.chain(paths.values().map(|path| ("paths", path.as_str()))) {
        if !path.starts_with('/') || path.chars().any(char::is_control) {
            let message = format!("`{path}` is not an absolute path");
            wrong(field, message, "begin it with `/`");
        }
    }
    let named = (paths.keys().map(|host| ("paths", host)))
        .chain(from.keys().map(|host| ("from", host)))
        .chain(fields.texts("hosts").iter().map(|host| ("hosts", host)));
    for (field, host) in named {
        if !given.hosts.contains(host) {
            let message = format!("no host is called `{host}`");
            wrong(
                field,
                message,
                &format!("hosts: {}", given.hosts.join(", ")),
            );
        }
    }
    for address in from.values() {
        if address.starts_with('-') || address.chars().any(|c| c.is_control() || c == ' ') {
            let message = format!("`{address}` is not an address");
            wrong(
                "from",
                message,
                "what `ssh` takes, or `rsync://host/module/`",
            );
        }
    }
    for option in fields.texts("ssh-options") {
        if option.contains(|c: char| c.is_whitespace() || c == '\'' || c == '"') {
            let message = format!("`{option}` cannot be handed on to rsync");
            wrong(
                "ssh-options",
                message,
                "one word for each option and each value, without quotes",
            );
        }
    }
    if let Some(stamp) = fields.text("stamp")
        && (stamp.starts_with('/') || stamp.starts_with('-') || stamp.chars().any(char::is_control))
    {
        let message = format!("`{stamp}` is not a path below the folder");
        wrong(
            "stamp",
            message,
            "give it without the folder: `project/trace/master`",
        );
    }
    let exclude = fields.texts("exclude").to_vec();
    let mut excluded = GlobSetBuilder::new();
    for pattern in &exclude {
        let globs = globs(pattern);
        match globs {
            Some(globs) => globs.into_iter().for_each(|glob| {
                excluded.add(glob);
            }),
            None => {
                let message = format!("`{pattern}` is not a pattern that can be left out");
                wrong(
                    "exclude",
                    message,
                    "a path or a name, with `*` for any part: `/tmp/`, `*.new`",
                );
            }
        }
    }
    let excluded = excluded.build().unwrap_or_else(|_| GlobSet::empty());
    if !problems.is_empty() {
        return Err(problems);
    }
    let limits = Limits {
        stamp: fields.has("stamp"),
        max_lag: fields.span("max-lag"),
        max_files: fields.count("max-files").unwrap_or(0),
        max_bytes: fields.count("max-bytes"),
        min_files: fields.count("min-files").unwrap_or(1),
        shrink: fields.percent("shrink-limit").unwrap_or(50),
        extra: match fields.text("extra") {
            Some("fail") => Grade::Fail,
            Some("warn") => Grade::Warn,
            _ => Grade::Inform,
        },
        exclude: exclude.clone(),
        index_only: fields.bool("index-only").unwrap_or(false),
    };
    let what = fields.text("path").unwrap_or("the mirror");
    Ok(Built {
        title: format!("{what} is up to date on the target"),
        work: Work::Check(Box::new(Mirror {
            path: fields.text("path").map(str::to_owned),
            paths,
            from,
            ssh_options: fields.texts("ssh-options").to_vec(),
            hosts: fields.texts("hosts").to_vec(),
            stamp: fields.text("stamp").map(str::to_owned),
            exclude,
            excluded,
            index_only: limits.index_only,
            window: fields.span("modify-window").unwrap_or_default().as_secs(),
            sample: fields.count("sample").unwrap_or(200).min(10_000),
            reuse: fields.span("reuse"),
            timeout: fields.span("timeout").unwrap_or(TIMEOUT),
            limits,
        })),
        probes_old_side: false,
        after_change: false,
        answers: Some(Question::Ready),
    })
}

/// A pattern of rsync as globs over paths below the folder: itself, and all below it.
pub(super) fn globs(pattern: &str) -> Option<Vec<Glob>> {
    if pattern.starts_with(['!', ';', '#'])
        || pattern.starts_with("+ ")
        || pattern.starts_with("- ")
    {
        return None;
    }
    let path = pattern.trim_end_matches("***").trim_end_matches('/');
    let path = match path.strip_prefix('/') {
        Some(anchored) => anchored.to_owned(),
        None => format!("**/{path}"),
    };
    if path.is_empty() || path == "**/" {
        return None;
    }
    let glob = |text: &str| {
        globset::GlobBuilder::new(text)
            .literal_separator(true)
            .build()
            .ok()
    };
    Some(vec![glob(&path)?, glob(&format!("{path}/**"))?])
}
