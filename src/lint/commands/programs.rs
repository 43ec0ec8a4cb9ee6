//! What the program of a list of arguments would do: rough, and silent where it cannot be told.

pub(super) fn name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

/// `LC_ALL=C`
pub(super) fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(key, _)| {
        !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

/// How many of the first words are options, with the values of those that take one.
fn options(words: &[String], with_value: &[&str]) -> usize {
    let mut at = 0;
    while let Some(word) = words.get(at).filter(|word| word.starts_with('-')) {
        at += match with_value.contains(&word.as_str()) {
            true => 2,
            false => 1,
        };
        if word == "--" {
            break;
        }
    }
    at
}

/// The program and its arguments, without what only says how it is run.
pub(super) fn bare(words: &[String]) -> &[String] {
    let mut words = words;
    while let Some((first, rest)) = words.split_first() {
        let skipped = match name(first) {
            "sudo" | "doas" => options(rest, &["-u", "-g", "-h", "-p", "-C", "--user", "--group"]),
            "env" => options(rest, &["-u", "-C", "--unset", "--chdir"]),
            "timeout" => options(rest, &["-k", "-s", "--kill-after", "--signal"]) + 1,
            "nice" => options(rest, &["-n", "--adjustment"]),
            "ionice" => options(rest, &["-c", "-n", "--class", "--classdata"]),
            "nohup" | "setsid" | "time" | "exec" | "!" | "if" | "then" | "else" | "elif" | "do"
            | "while" | "until" | "{" => options(rest, &[]),
            word if is_assignment(word) => 0,
            _ => return words,
        };
        words = rest.get(skipped..).unwrap_or_default();
    }
    words
}

/// Programs that change nothing, whatever their arguments.
const LOOKERS: &[&str] = &[
    "[",
    "cat",
    "cmp",
    "df",
    "diff",
    "dig",
    "dpkg-query",
    "du",
    "findmnt",
    "free",
    "getent",
    "grep",
    "head",
    "host",
    "id",
    "ls",
    "lsblk",
    "md5sum",
    "mountpoint",
    "pg_isready",
    "pg_lsclusters",
    "pgrep",
    "ping",
    "readlink",
    "sha256sum",
    "ss",
    "stat",
    "tail",
    "test",
    "uname",
    "uptime",
    "wc",
];

/// Programs that change something, whatever their arguments.
const WRITERS: &[&str] = &[
    "chmod", "chown", "cp", "dd", "kill", "killall", "ln", "mkdir", "mkfs", "mv", "pkill",
    "poweroff", "reboot", "rm", "rmdir", "shutdown", "touch", "truncate", "umount", "useradd",
    "userdel",
];

/// What programs are told by their first argument that is no option.
struct Told {
    programs: &'static [&'static str],
    /// Options before it that take a value.
    with_value: &'static [&'static str],
    /// It changes something.
    orders: &'static [&'static str],
    /// It only looks.
    questions: &'static [&'static str],
    /// Options with which nothing is changed.
    harmless: &'static [&'static str],
}

const TOLD: &[Told] = &[
    Told {
        programs: &["systemctl"],
        with_value: &["-H", "-M", "-t", "-p"],
        orders: &[
            "start",
            "stop",
            "restart",
            "reload",
            "try-restart",
            "reload-or-restart",
            "enable",
            "disable",
            "mask",
            "unmask",
            "kill",
            "daemon-reload",
            "isolate",
            "reboot",
            "poweroff",
        ],
        questions: &[
            "is-active",
            "is-enabled",
            "is-failed",
            "status",
            "show",
            "list-units",
            "list-timers",
            "cat",
        ],
        harmless: &["--dry-run"],
    },
    Told {
        programs: &["apt", "apt-get", "aptitude", "dnf", "yum"],
        with_value: &["-o", "-c", "-t"],
        orders: &[
            "install",
            "remove",
            "purge",
            "upgrade",
            "full-upgrade",
            "dist-upgrade",
            "autoremove",
        ],
        questions: &[],
        harmless: &[
            "-s",
            "--simulate",
            "--dry-run",
            "--just-print",
            "--assumeno",
        ],
    },
    Told {
        programs: &["git"],
        with_value: &["-C", "-c", "--git-dir", "--work-tree"],
        orders: &[
            "pull", "push", "commit", "checkout", "reset", "merge", "rebase", "clean", "clone",
        ],
        questions: &["status", "log", "diff", "rev-parse"],
        harmless: &["--dry-run", "-n"],
    },
    Told {
        programs: &["kubectl"],
        with_value: &["-n", "--namespace", "--context", "--kubeconfig"],
        orders: &[
            "apply", "create", "delete", "edit", "patch", "replace", "scale", "drain", "cordon",
            "uncordon", "label", "annotate", "taint",
        ],
        questions: &["get", "describe", "logs"],
        harmless: &["--dry-run=client", "--dry-run=server"],
    },
    Told {
        programs: &["docker", "podman"],
        with_value: &["-H", "--host", "-c", "--context"],
        orders: &[
            "start", "stop", "restart", "kill", "rm", "rmi", "run", "pull", "push",
        ],
        questions: &["ps", "inspect", "logs", "info"],
        harmless: &[],
    },
    Told {
        programs: &["certbot"],
        with_value: &[],
        orders: &["renew", "certonly", "delete", "revoke"],
        questions: &["certificates"],
        harmless: &["--dry-run"],
    },
    Told {
        programs: &["rndc"],
        with_value: &["-c", "-k", "-p", "-s", "-y"],
        orders: &[
            "reload", "reconfig", "freeze", "thaw", "flush", "stop", "halt", "addzone", "delzone",
        ],
        questions: &["status", "zonestatus"],
        harmless: &[],
    },
];

impl Told {
    /// What is told, by the table of the program.
    fn word(words: &[String]) -> Option<(&'static Told, &str)> {
        let (program, rest) = words.split_first()?;
        let told = (TOLD.iter()).find(|told| told.programs.contains(&name(program)))?;
        let word = rest.get(options(rest, told.with_value))?;
        Some((told, word))
    }
}

pub(super) fn only_looks(words: &[String]) -> bool {
    let words = bare(words);
    let Some((program, rest)) = words.split_first() else {
        return false;
    };
    match (name(program), rest) {
        ("nginx", [flag]) => matches!(flag.as_str(), "-t" | "-T" | "-v" | "-V"),
        (program, _) => {
            LOOKERS.contains(&program)
                || Told::word(words).is_some_and(|(told, word)| told.questions.contains(&word))
        }
    }
}

/// The word that says that a command changes something.
pub(super) fn changes(words: &[String]) -> Option<&str> {
    let words = bare(words);
    let (program, rest) = words.split_first()?;
    let has = |flags: &[&str]| rest.iter().any(|word| flags.contains(&word.as_str()));
    let of = |is: &dyn Fn(&str) -> bool| rest.iter().map(String::as_str).find(|word| is(word));
    match name(program) {
        "service" => {
            let orders = TOLD.first()?.orders;
            rest.get(1)
                .map(String::as_str)
                .filter(|order| orders.contains(order))
        }
        "sed" => of(&|word| word.starts_with("-i")),
        "find" => of(&|word| word == "-delete"),
        "nginx" => of(&|word| word == "-s"),
        "crontab" => of(&|word| matches!(word, "-r" | "-e")),
        "tee" => of(&|word| !word.starts_with('-') && !word.starts_with("/dev/")),
        "ip" => {
            let told = rest.get(options(rest, &["-n", "-netns"]) + 1)?;
            let orders = ["add", "del", "delete", "replace", "change", "set", "flush"];
            Some(told.as_str()).filter(|told| orders.contains(told))
        }
        "curl" if !has(&["-G", "--get", "-I", "--head"]) => {
            let asks = |method: &str| matches!(method, "GET" | "HEAD" | "OPTIONS");
            let mut pairs = rest.windows(2);
            let told = pairs.find(|pair| matches!(pair[0].as_str(), "-X" | "--request"));
            match told {
                Some(pair) => Some(pair[1].as_str()).filter(|method| !asks(method)),
                None => of(&|word| {
                    let sends = ["-d", "-F", "-T", "--form", "--upload-file"].contains(&word);
                    let method = word.strip_prefix("-X").filter(|rest| !rest.is_empty());
                    sends || word.starts_with("--data") || method.is_some_and(|rest| !asks(rest))
                }),
            }
        }
        "mysql" | "mariadb" | "psql" | "sqlite3" => {
            let begins = |text: &str| {
                let first = text.split_whitespace().next().map(str::to_ascii_lowercase);
                let orders = [
                    "insert", "update", "delete", "drop", "alter", "create", "truncate", "grant",
                    "revoke",
                ];
                first.is_some_and(|first| orders.contains(&first.as_str()))
            };
            (rest.iter().flat_map(|word| word.split(';')))
                .filter(|statement| statement.trim().contains(char::is_whitespace))
                .find(|statement| begins(statement))
                .and_then(|statement| statement.split_whitespace().next())
        }
        name if WRITERS.contains(&name) => Some(program),
        _ => {
            let (told, word) = Told::word(words)?;
            (told.orders.contains(&word) && !has(told.harmless)).then_some(word)
        }
    }
}

/// Words that only a shell knows.
pub(super) const BUILTINS: &[&str] = &[
    ".", ":", "cd", "eval", "exec", "exit", "export", "for", "if", "read", "set", "source", "trap",
    "type", "ulimit", "umask", "unset", "until", "wait", "while", "command",
];

/// A word of a list of arguments that says that its writer had a shell in mind, and why.
pub(super) fn for_a_shell(words: &[String]) -> Option<(&str, &'static str)> {
    let (program, rest) = bare(words).split_first()?;
    let is_path = program.starts_with('/') && !program.contains(" -");
    if program.contains(['|', '&', ';', '<', '>', '`'])
        || program.contains(char::is_whitespace) && !is_path
    {
        return Some((program, "taken for the name of a program, as a whole"));
    }
    if let Some(first) = words.first().filter(|first| is_assignment(first)) {
        return Some((first, "taken for the name of a program"));
    }
    if BUILTINS.contains(&program.as_str()) {
        return Some((program, "a word of the shell, and no program"));
    }
    // These take such words themselves.
    if matches!(name(program), "[" | "test" | "expr" | "find" | "ssh") {
        return None;
    }
    let joins = |word: &str| {
        let plain = matches!(word, "|" | "||" | "&&" | ">" | ">>" | "<");
        plain || matches!(word, "2>&1" | ">/dev/null" | "2>/dev/null")
    };
    let filled = |word: &str| ["~/", "$HOME/", "$("].iter().any(|s| word.starts_with(s));
    let found = rest.iter().find(|word| joins(word) || filled(word))?;
    Some((found, "handed to the program as it is written"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn what_changes_something_is_told_from_what_looks() {
        for line in [
            "sudo -u www-data rm -r /srv/old",
            "LC_ALL=C rm x",
            "timeout -k 5 30 systemctl --no-block restart nginx",
            "curl -X POST http://site.example/",
            "curl -XDELETE http://site.example/",
            "curl --data-binary @x http://site.example/",
            "apt-get -y upgrade",
            "kubectl -n web delete pod x",
            "ip -6 addr add 2001:db8::1/64 dev eth0",
            "git -C /srv pull",
            "certbot renew",
            "nginx -s reload",
            "find /srv -mtime +9 -delete",
            "crontab -r",
            "tee /etc/motd",
        ] {
            assert!(changes(&words(line)).is_some(), "{line}");
            assert!(!only_looks(&words(line)), "{line}");
        }
        let sql = ["psql", "-c", "select 1; DELETE from x"].map(str::to_owned);
        assert_eq!(changes(&sql), Some("DELETE"));
        for line in [
            "curl -X GET http://site.example/",
            "curl -G -d a=b http://site.example/",
            "apt-get -s upgrade",
            "kubectl -n delete get pods",
            "ip addr show",
            "git -C /srv status",
            "certbot renew --dry-run",
            "nginx -t",
            "find /srv -mtime +9",
            "crontab -l",
            "tee /dev/stderr",
            "psql -c update",
            "systemctl status restart",
        ] {
            assert_eq!(changes(&words(line)), None, "{line}");
        }
        for line in ["nginx -t", "docker ps", "sudo -n git -C /srv status", "df"] {
            assert!(only_looks(&words(line)), "{line}");
        }
        assert!(!only_looks(&words("curl https://site.example/done")));
    }

    #[test]
    fn words_for_a_shell_are_found_where_none_reads_them() {
        let of = |line: &[&str]| {
            let words: Vec<String> = line.iter().copied().map(str::to_owned).collect();
            for_a_shell(&words).map(|(word, _)| word.to_owned())
        };
        for (line, word) in [
            (
                &["systemctl is-active nginx"][..],
                "systemctl is-active nginx",
            ),
            (&["sudo", "cd", "/srv"], "cd"),
            (&["LANG=C", "df"], "LANG=C"),
            (&["df", "|", "grep", "srv"], "|"),
            (&["ls", "~/x"], "~/x"),
            (&["echo", "$(hostname)"], "$(hostname)"),
        ] {
            assert_eq!(of(line).as_deref(), Some(word), "{line:?}");
        }
        for line in [
            &["env", "LANG=C", "df"][..],
            &["/opt/My App/bin/check", "a b"],
            &["test", "a", "<", "b"],
            &["find", "/srv", "-exec", "cat", "{}", ";"],
            &["awk", "{ print $1 | \"sort\" }", "/etc/x"],
            &["grep", "-q", "a|b", "/etc/x"],
        ] {
            assert_eq!(of(line), None, "{line:?}");
        }
    }
}
