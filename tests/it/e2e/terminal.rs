//! What each verb leaves on a terminal, word for word: the real program's bytes, drawn as a terminal would.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use regex_lite::Regex;
use rustix::process::Signal;

use super::golden::{redacted, sorted_where};
use super::program::{COLUMNS, Done, Running, line_of, on_terminal};
use super::scene::{Plot, Scene, WWW};
use super::screen::Screen;
use crate::lab::{READY, have, wait_until};

/// How often the screen is looked at.
const GLANCE: Duration = Duration::from_millis(20);

/// What stands on the screen in the end, and what was scrolled off above it.
fn drawn(bytes: &str) -> String {
    let mut screen = Screen::new(COLUMNS);
    screen.write_all(bytes.as_bytes()).unwrap();
    screen.text()
}

/// Puts the findings of a batch into the order of their text.
fn in_order(text: &str) -> String {
    let finding = Regex::new("^[✓!◷?✗] [a-z]").unwrap();
    sorted_where(
        text,
        // What a change settled to comes before what is found behind it.
        |line| finding.is_match(line) && !line.ends_with(", and seen so\n"),
        // A long command goes on at the beginning of the next row.
        |line| !line.trim().is_empty() && !line.starts_with(['✓', '!', '◷', '?', '✗', '·', '→']),
    )
}

/// A sentence with the name of this machine wraps where that name lets it.
fn unwrapped(text: &str) -> String {
    let started = Regex::new(r"(?m)^· [a-z]+ of [^\n]*\n?[^\n]*\(cutover [0-9.]+\)$").unwrap();
    let one_line = |found: &regex_lite::Captures<'_>| {
        let words: Vec<&str> = found[0].split_whitespace().collect();
        words.join(" ")
    };
    started.replace_all(text, one_line).into_owned()
}

fn golden(name: &str, done: &Done) {
    let code = done.code.unwrap();
    let screen = in_order(&redacted(&unwrapped(&drawn(&done.out))));
    let text = format!("exit {code}\n{screen}");
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(format!("terminal_{name}"), text);
    });
}

fn scene(plot: Plot) -> Option<Scene> {
    plot.scene_with(&["script"])
}

/// Types something as soon as it is asked for.
pub(super) fn answer(running: &mut Running, question: &str, text: &str) {
    running.wait_for(question);
    running.type_text(text);
}

pub(super) const NAME: &str = "Type site to ";

#[test]
fn every_verb_on_a_terminal() {
    let Some(scene) = scene(Plot::staying()) else {
        return;
    };
    scene.playbook();
    let verb = |name: &str, arguments: &[&str]| {
        let mut done = scene.start_on_terminal(arguments, &[]).end();
        let state = scene.state().display().to_string();
        done.out = done.out.replace(&state, "STATE");
        golden(name, &done);
    };
    verb("lint", &["lint", "PLAYBOOK"]);
    verb("kinds", &["kinds"]);
    verb("kinds_of_wait", &["kinds", "wait"]);
    verb("owed_nothing", &["owed"]);
    verb("check", &["check", "PLAYBOOK"]);
    verb("plan_commands", &["plan", "PLAYBOOK", "--commands"]);

    let mut drill = scene.start_on_terminal(&["drill", "PLAYBOOK"], &[]);
    answer(&mut drill, NAME, "site\n");
    // Enter ends the hold early.
    answer(&mut drill, "Enter comes back now", "\n");
    golden("drill", &drill.end());
    verb("show", &["show"]);

    let mut failover = scene.start_on_terminal(&["failover", "PLAYBOOK"], &[]);
    answer(&mut failover, NAME, "no\n");
    golden("failover_declined", &failover.end());
    let mut failover = scene.start_on_terminal(&["failover", "PLAYBOOK"], &[]);
    answer(&mut failover, NAME, "site\n");
    golden("failover", &failover.end());
    verb("runs", &["runs", "-n", "2"]);
    let mut rollback = scene.start_on_terminal(&["rollback"], &[]);
    answer(&mut rollback, NAME, "\n");
    golden("rollback_declined", &rollback.end());
    let mut rollback = scene.start_on_terminal(&["rollback"], &[]);
    answer(&mut rollback, NAME, "site\n");
    golden("rollback", &rollback.end());
    verb("rollback_twice", &["rollback"]);
}

#[test]
fn a_run_that_asks_what_to_do_on_a_terminal() {
    let Some(scene) = scene(Plot {
        more: "[[step]]\nid = \"sure\"\nkind = \"approve\"\nquestion = \"Is the office told?\"\n\
               [[step]]\nid = \"smoke\"\nkind = \"http\"\nat = \"public\"\non-fail = \"hold\"\n\
               url = \"http://www.site.example/new\"\nwithin = \"0s\"\ntimeout = \"3s\"\n\
               [[step]]\nid = \"pause\"\nkind = \"wait\"\ntime = \"10ms\"\n"
            .to_owned(),
        ..Plot::small()
    }) else {
        return;
    };
    let mut failover = scene.start_on_terminal(&["failover", "PLAYBOOK"], &[]);
    answer(&mut failover, NAME, "site\n");
    answer(&mut failover, "Is the office told? [yes/no]", "yes\n");
    failover.wait_for("Look [a]gain");
    // While it asks it is alive, and waits for a person.
    let owed = scene.run(&["owed", "--format", "json"]).exits(0);
    owed.says("(failover) is held, changes stand: new is active")
        .says("answer it where it runs, or from here: `cutover resume ")
        .says(" looks again, `cutover rollback ");
    failover.type_text("s\n");
    golden("failover_stopped", &failover.end());
    for place in [&scene.old, &scene.new] {
        let page = place.web.as_ref().unwrap().root(WWW);
        std::fs::write(page.join("new"), "here it is").unwrap();
    }
    let mut resumed = scene.start_on_terminal(&["resume"], &[]);
    answer(&mut resumed, NAME, "site\n");
    golden("resume", &resumed.end());
}

#[test]
fn an_emergency_on_a_terminal() {
    let Some(scene) = scene(Plot::small()) else {
        return;
    };
    let mut emergency = scene.start_on_terminal(&["failover", "PLAYBOOK", "--emergency"], &[]);
    answer(&mut emergency, NAME, "site\n");
    golden("emergency", &emergency.end());
    golden("owed", &scene.start_on_terminal(&["owed"], &[]).end());
}

/// A step before all others that takes as long as a file is not there.
fn waits_for(file: &Path) -> String {
    let script = format!("until [ -e {0} ]; do sleep 0.05; done", file.display());
    format!(
        "[[step]]\nid = \"slow\"\nkind = \"command\"\non = \"local\"\nlooks-only = true\n\
         shell = \"{script}\"\ntimeout = \"60s\"\n"
    )
}

/// Types a line while one line moves and `above` stands, and waits until the screen is as it was before. What is
/// typed in the very moment in which a line is written is nobody's to tell apart.
fn type_while_it_moves(running: &mut Running, line: &str, moving: &str, above: &str) {
    let echo = line.trim_end().replace('\x03', "^C");
    let rows = |running: &Running| {
        let said = running.said();
        // What was read so far may end within a sequence.
        let whole = match said.rfind('\x1b') {
            Some(at) if !said[at..].contains(char::is_alphabetic) => &said[..at],
            _ => &said,
        };
        let screen = drawn(whole);
        let moves = |row: &&str| row.starts_with(|c| ('⠀'..='⣿').contains(&c));
        let rows: Vec<String> = screen.lines().filter(moves).map(str::to_owned).collect();
        // What the terminal has echoed goes when the program has noticed it.
        let noticed = echo.is_empty() || !screen.contains(&echo);
        (
            rows.len(),
            noticed && rows.iter().any(|row| row.contains(moving)),
        )
    };
    wait_until("one line moves", READY, || {
        (rows(running) == (1, true) && running.said().contains(above)).then_some(())
    });
    running.type_text(line);
    wait_until("the line is echoed", READY, || {
        running.said().contains(&echo).then_some(())
    });
    let deadline = Instant::now() + READY;
    while rows(running) != (1, true) {
        let said = running.said();
        assert!(Instant::now() < deadline, "{}\n{said:?}", drawn(&said));
        std::thread::sleep(GLANCE);
    }
}

#[test]
fn what_is_typed_while_nobody_reads_leaves_no_moving_line_and_stays_for_the_shell() {
    let Some(scene) = scene(Plot::small()) else {
        return;
    };
    let first = "[[step]]\nid = \"works\"";
    let file = scene.folder.path().join("go-on");
    let text = scene.text();
    scene.write_playbook(&text.replace(first, &format!("{}{first}", waits_for(&file))));
    for verb in ["check", "plan"] {
        let line = format!(
            "{}; read -r typed; echo \"left: $typed\"",
            line_of(&[verb, "site.toml"])
        );
        let mut running = scene.start_shell_on_terminal(&line);
        wait_until("the other check is told", READY, || {
            running
                .said()
                .contains("can tell of the change")
                .then_some(())
        });
        type_while_it_moves(&mut running, "true and so on\n", "slow", "probes pass");
        type_while_it_moves(&mut running, "once more\n", "slow", "probes pass");
        std::fs::write(&file, "").unwrap();
        let done = running.end().exits(0);
        std::fs::remove_file(&file).unwrap();
        let screen = drawn(&done.out);
        assert!(screen.contains("left: true and so on\n"), "{screen}");
        assert!(!screen.contains("once more"), "{screen}");
        assert!(!screen.contains(|c| ('⠀'..='⣿').contains(&c)), "{screen}");
    }
}

#[test]
fn a_terminal_that_cannot_move_its_cursor_gets_plain_lines() {
    let Some(scene) = scene(Plot::small()) else {
        return;
    };
    let dumb = scene.start_on_terminal(&["check", "PLAYBOOK"], &[("TERM", "dumb")]);
    let done = dumb.end().exits(0).says("pass     works");
    assert!(!done.out.contains('\x1b'), "{done:?}");
}

#[test]
fn ctrl_c_is_answered_above_the_moving_lines_and_leaves_none_of_them() {
    let Some(scene) = scene(Plot {
        hold: "10m",
        ..Plot::small()
    }) else {
        return;
    };
    let before = "[[step]]\nid = \"works\"";
    let never = waits_for(&scene.folder.path().join("never"));
    let text = scene.text().replace(before, &format!("{never}{before}"));
    scene.write_playbook(&text);
    let mut check = scene.start_on_terminal(&["check", "PLAYBOOK"], &[]);
    type_while_it_moves(&mut check, "\x03", "slow", "probes pass");
    check.type_text("\x03");
    let done = check.end().exits(7);
    let screen = drawn(&done.out);
    for text in [
        "· stopping: the write or look under way is finished first (again: stop waiting, too)\n",
        "· stopping now: not waiting any more (again: leave at once)\n",
    ] {
        assert!(screen.contains(text), "{screen}");
    }
    assert!(!screen.contains(|c| ('⠀'..='⣿').contains(&c)), "{screen}");
}

#[test]
fn a_run_in_the_background_is_not_stopped_by_its_terminal() {
    let Some(scene) = scene(Plot::small()) else {
        return;
    };
    let failover = line_of(&["failover", "site.toml", "--yes"]);
    let line = format!("set -m; {failover} > said & wait $!; echo \"ended $?\"");
    let done = scene.start_shell_on_terminal(&line).end();
    let done = done.exits(0).says("ended 0");
    assert!(scene.leads_to(&scene.new), "{done}");
}

#[test]
fn a_slip_of_the_keyboard_is_named() {
    let Some(scene) = scene(Plot::small()) else {
        return;
    };
    let mut failover = scene.start_on_terminal(&["failover", "PLAYBOOK"], &[]);
    answer(&mut failover, NAME, "stie\n");
    let why = "declined: `stie` is not `site`; nothing was touched";
    failover.end().exits(4).says(why);
}

#[test]
fn what_is_typed_while_a_run_is_followed_leaves_no_moving_line() {
    let Some(scene) = scene(Plot {
        hold: "10m",
        ..Plot::small()
    }) else {
        return;
    };
    let drill = scene.start(&["drill", "PLAYBOOK", "--yes"]);
    wait_until("the drill holds", READY, || {
        drill.said().contains("holding 10m").then_some(())
    });
    let mut follower = scene.start_on_terminal(&["show", "--follow"], &[]);
    type_while_it_moves(&mut follower, "\n", "before the way back", "holding 10m");
    drill.signal(Signal::INT);
    drill.end().exits(7);
    let followed = follower.end().exits(0);
    let shown = scene.start_on_terminal(&["show"], &[]).end().exits(0);
    assert_eq!(drawn(&followed.out), drawn(&shown.out));
}

#[test]
fn the_demo_on_a_terminal() {
    if !have(&["rsync", "dpkg-query", "script"]) {
        return;
    }
    // The name of the folder is always as long as this, so that each line wraps where it always does.
    let mut folder = tempfile::Builder::new();
    let folder = folder.prefix("lab-").rand_bytes(6).tempdir_in("/tmp");
    let folder = folder.unwrap();
    let mut command = on_terminal(&["demo", "--break", "packages", "--in", "lab"]);
    command.current_dir(folder.path()).env("USER", "ops");
    let mut demo = Running::start(command, folder.path(), Vec::new()).end();
    let name = folder.path().display().to_string();
    demo.out = demo.out.replace(&name, "/tmp/lab-RANDOM");
    golden("demo", &demo);
}
