//! Why a program did not run, in the words of whoever answered in its place.

use super::Job;
use super::words::printable;
use crate::event::Cause;

/// What our own script says of why it did not begin.
pub(super) fn ours(job: &Job<'_>, why: &str) -> (Cause, String) {
    of(&job.line.program, &job.line.lock, why)
}

/// Why writes by these programs could not begin; none where they could. Garbled words are none of ours.
pub(super) fn could(why: &str) -> Result<Option<String>, Cause> {
    match why.split_once(' ').unwrap_or((why, "")) {
        ("yes", _) => Ok(None),
        ("missing", program) => Ok(Some(of(program, "", "missing").1)),
        ("tool" | "lock", _) => Ok(Some(of("", "cutover-*", why).1)),
        _ => Err(Cause::Garbled),
    }
}

fn of(program: &str, lock: &str, why: &str) -> (Cause, String) {
    let program = printable(program);
    match why.split_once(' ').unwrap_or((why, "")) {
        ("lock", folder) => (
            Cause::Error,
            format!("its lock `{lock}` cannot be made in `{}`", printable(folder)),
        ),
        ("tool", "flock") => (
            Cause::Missing,
            "`flock` is not there, or does not work, and no write is made without its lock (the package is \
             `util-linux`)"
                .into(),
        ),
        ("tool", "timeout") => (
            Cause::Missing,
            "`timeout` is not there, or does not take `-k`, and no write is made that nothing ends (the package is \
             `coreutils`)"
                .into(),
        ),
        ("tool", tool) => (
            Cause::Missing,
            format!("`{}` is not there (the package is `coreutils`)", printable(tool)),
        ),
        ("missing", _) => (
            Cause::Missing,
            format!("there is no program `{program}` there that may be run"),
        ),
        ("busy", _) => (
            Cause::Error,
            format!("an earlier write to the same place is still running (it holds the lock `{lock}`)"),
        ),
        ("late", _) => (
            Cause::TimedOut,
            "the word to begin came too late: nothing was run".into(),
        ),
        ("go", _) => (
            Cause::TimedOut,
            "it was ready when too little time was left, and was not told to begin".into(),
        ),
        _ => (
            Cause::Garbled,
            "something in its login (.bashrc, sshrc) reads the standard input of programs, or puts another one in \
             its place: it must not"
                .into(),
        ),
    }
}

/// Whether it waited in vain to be told to begin. Its clock counts whole seconds: one of them may have been none.
pub(super) fn has_waited(why: &str) -> bool {
    let seconds = why.strip_prefix("go ").map(|text| text.trim().parse());
    matches!(seconds, Some(Ok(2_u32..)))
}

/// Why nobody heard in time that it was ready; whether that came in the end.
pub(super) fn unheard(late: bool) -> (Cause, String) {
    let why = match late {
        true => {
            "its login (.bashrc, .zshenv) leads what programs print through another one, which keeps it back until \
             they end (`sed`, `awk` and `ts` do so where nothing tells them to pass on each line, as `stdbuf -oL` or \
             `sed -u` do): no write is made where its start is not heard"
        }
        false => {
            "nothing comes through of what it prints: something in its login (.bashrc, .zshenv) sends that elsewhere"
        }
    };
    (Cause::Garbled, why.to_owned())
}

/// Why sudo did not let the program run. Its warnings come before, and stop nothing.
pub(super) fn by_sudo(err: &str) -> Option<(Cause, String)> {
    let says = |line: &&str| {
        line.starts_with("sudo: ") && !line.contains("unable to resolve host")
            || line.starts_with("Sorry, user ")
            || line.contains("is not in the sudoers file")
    };
    let said: Vec<&str> = err.lines().filter(says).collect();
    if !said.is_empty() {
        // The last line tells what it comes to, and the one before it often why.
        let told = said[said.len().saturating_sub(2)..].join("; ");
        let told = told.replace("sudo: ", "");
        let mend = mend_of(&told).map_or_else(String::new, |mend| format!("; {mend}"));
        let why = format!("sudo refuses it ({}){mend}", printable(&told));
        return Some((Cause::Denied, why));
    }
    let no_exec = |line: &&str| line.starts_with("env: ") && line.ends_with("Permission denied");
    if let Some(line) = err.lines().find(no_exec) {
        let why = format!(
            "sudo lets `env` start no other program ({}); take `noexec` away for this account in sudoers",
            printable(line)
        );
        return Some((Cause::Denied, why));
    }
    let missing = |line: &&str| line.contains("sudo") && line.contains("No such file");
    let line = err.lines().find(missing)?;
    let why = format!("`sudo` is not installed there ({})", printable(line));
    Some((Cause::Missing, why))
}

/// What lets sudo start a program, by what it says; none where only a person can tell.
fn mend_of(told: &str) -> Option<&'static str> {
    const MENDS: [(&[&str], &str); 6] = [
        (
            &["is expired", "has expired", "validation failure"],
            "the account or its password has expired, or it is locked (`chage -l` shows when): renew it there",
        ),
        (
            &["have a tty"],
            "take `requiretty` away for this account in sudoers",
        ),
        (
            &["I/O plugin", "iolog", "sudo-io", "I/O log"],
            "it cannot keep its log of what programs read and print: make its folder (`iolog_dir` in sudoers, \
             usually `/var/log/sudo-io`) one that can be written, or take `log_input` and `log_output` away for this \
             account",
        ),
        (
            &["change root", "chroot"],
            "sudoers sets a `runchroot` for this account: make that folder one that can be entered, or take it away",
        ),
        (
            &["change directory", "chdir", "working directory"],
            "sudoers sets a `runcwd` for this account: make that folder one that can be entered, or take it away",
        ),
        (
            &["unable to execute", "command not found"],
            "`env` is not where sudo looks for it: see `secure_path` and `runchroot` in sudoers",
        ),
    ];
    let mend = (MENDS.iter()).find(|(signs, _)| signs.iter().any(|sign| told.contains(sign)));
    if let Some((_, mend)) = mend {
        return Some(mend);
    }
    const RIGHTS: [&str; 5] = [
        "password",
        "not allowed",
        "sudoers file",
        "may not run",
        "no valid sudoers",
    ];
    RIGHTS.iter().any(|sign| told.contains(sign)).then_some(
        "every program there is started by `env`, so allow that without a password in sudoers \
         (`NOPASSWD: /usr/bin/env`)",
    )
}

/// What the login says of an account that may run nothing.
pub(super) fn by_login(text: &str) -> Option<(Cause, String)> {
    const SIGNS: [(&str, &str); 6] = [
        (
            "ccount has expired",
            "the account has expired (`chage -l` shows when); renew it there",
        ),
        (
            "assword has expired",
            "the password of the account has expired; log in once by hand and change it",
        ),
        (
            "assword change required",
            "the password of the account has expired; log in once by hand and change it",
        ),
        (
            "required to change your password",
            "the password of the account has expired; log in once by hand and change it",
        ),
        (
            "account is currently not available",
            "`nologin` answers in its place: the login shell of the account is none, or there is a forced command",
        ),
        (
            "account is not available",
            "`nologin` answers in its place: the login shell of the account is none, or there is a forced command",
        ),
    ];
    let (_, why) = SIGNS.iter().find(|(sign, _)| text.contains(sign))?;
    Some((Cause::Denied, (*why).to_owned()))
}

/// Something else ran, and nothing tells more.
pub(super) fn instead(out: &str, err: &str, status: Option<i32>) -> (Cause, String) {
    let last = |text: &str| {
        let line = text.lines().rev().find(|line| !line.trim().is_empty());
        line.map(|line| printable(line.trim()))
    };
    let said = match last(err).or_else(|| last(out)) {
        Some(line) => format!("said `{line}`"),
        None => "said nothing".to_owned(),
    };
    let why = format!(
        "something else answers in its place: its login files may end the shell, ask a question or send what is \
         printed elsewhere, or there is a forced command, or a login shell that is none ({} and {said})",
        ending(status)
    );
    (Cause::Denied, why)
}

pub(super) fn ending(status: Option<i32>) -> String {
    match status {
        Some(status) => format!("the session ended with status {status}"),
        None => "a signal ended the session".to_owned(),
    }
}

/// The end of a session whose program did not come to its own. sudo passes on the signal that it ends programs with, and
/// what waits for the program may end well all the same.
pub(super) fn cut_off(status: Option<i32>, sudo: bool) -> String {
    const TERMINATED: i32 = 128 + 15;
    let ending = ending(status);
    match sudo && matches!(status, None | Some(0 | TERMINATED)) {
        true => format!("{ending}, as where a `command_timeout` of sudoers runs out"),
        false => ending,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_that_began_is_no_wait() {
        for (why, waited) in [
            ("go 0", false),
            ("go 1", false),
            ("go 2", true),
            ("go 16", true),
            ("go x", false),
            ("late", false),
        ] {
            assert_eq!(has_waited(why), waited, "{why}");
        }
        assert!(of("p", "", "go 1").1.contains("too little time was left"));
    }

    #[test]
    fn a_program_that_sudo_ended_is_told() {
        let timeout = |status, sudo| cut_off(status, sudo).contains("`command_timeout`");
        for status in [Some(143), Some(0), None] {
            assert!(timeout(status, true) && !timeout(status, false));
        }
        assert!(!timeout(Some(1), true));
    }

    #[test]
    fn the_reason_for_no_mark_is_told_in_words() {
        let says = [
            ("sudo: a password is required\n", "a password is required"),
            (
                "sudo: unable to resolve host sby: Name or service not known\nsudo: sorry, you must have a tty to run sudo\n",
                "take `requiretty` away",
            ),
            ("env: 'sh': Permission denied\n", "take `noexec` away"),
            (
                "sudo: unable to mkdir /var/log/sudo-io: Read-only file system\nsudo: error initializing I/O plugin sudoers_io\n",
                "(unable to mkdir /var/log/sudo-io: Read-only file system; error initializing I/O plugin sudoers_io); \
                 it cannot keep its log",
            ),
            (
                "sudo: unable to change root to /gone: No such file or directory\n",
                "a `runchroot`",
            ),
            (
                "sudo: unable to change directory to /gone: No such file or directory\n",
                "a `runcwd`",
            ),
            (
                "sudo: you are not permitted to use the -D option with env\n",
                "sudo refuses it (you are not permitted to use the -D option with env)",
            ),
            (
                "sudo: unable to execute /usr/bin/env: No such file or directory\n",
                "see `secure_path` and `runchroot`",
            ),
            (
                "sudo: Account or password is expired, reset your password and try again\n",
                "`chage -l`",
            ),
            (
                "sudo: a password is required\nsudo: unable to resolve host sby: Name or service not known\n",
                "a password is required",
            ),
            (
                "Sorry, user jobs is not allowed to execute '/usr/bin/env x' as root on sby.\n",
                "NOPASSWD: /usr/bin/env",
            ),
            ("env: 'sudo': No such file or directory\n", "not installed"),
        ];
        for (err, expected) in says {
            let (_, why) = by_sudo(err).unwrap();
            assert!(why.contains(expected), "{why}");
            let rights = why.contains("NOPASSWD");
            let of_rights = err.contains("a password") || err.contains("not allowed");
            assert_eq!(rights, of_rights, "{why}");
        }
        let warning = "sudo: unable to resolve host sby: Name or service not known\n";
        assert_eq!(by_sudo(warning), None);
        let login = [
            (
                "WARNING: Your password has expired.\nPassword change required but no TTY available.\n",
                "password",
            ),
            (
                "Your account has expired; please contact your system administrator.\n",
                "account has expired",
            ),
            ("This account is currently not available.\n", "nologin"),
        ];
        for (said, expected) in login {
            let (cause, why) = by_login(said).unwrap();
            assert_eq!(cause, Cause::Denied);
            assert!(why.contains(expected), "{why}");
        }
        let (_, why) = instead("hello\nfor backups only\n", "", Some(0));
        assert!(
            why.contains("forced command") && why.contains("for backups only"),
            "{why}"
        );
        assert!(instead("", "", Some(1)).1.contains("said nothing"));
    }
}
