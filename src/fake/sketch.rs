//! Plans from a line of letters.

use std::time::Duration;

use crate::plan::{
    Act, Direction, Edit, Entry, FORMAT, IfInterrupted, Mode, Nature, Objectives, Pace, Place,
    Plan, Rule, Then, Value,
};

/// A plan from a sketch, one letter for each entry:
///
/// | letter | entry |
/// |---|---|
/// | `k` | a check |
/// | `p` | a check that also probes the old side |
/// | `b` | a check with sights that are taken before the first write |
/// | `c` | a change of two parts |
/// | `t` | a temporary change |
/// | `a` | an act with an undo; cut off, it holds |
/// | `s` | an act with an undo; cut off, it is skipped |
/// | `x` | an act without an undo; cut off, it is skipped |
/// | `h` | a place that is so already: what the run says of it, and never writes |
/// | `?` | a question to a person |
/// | `w` | a wait |
///
/// Checks before the first write stop the run; later ones lead back on a failure, and hold when they are
/// late or unknown. In an emergency nothing leads back; a dry run holds for nobody.
pub fn plan(mode: Mode, sketch: &str) -> Plan {
    let mut entries: Vec<Entry> = Vec::new();
    let mut changed = false;
    for (i, letter) in sketch.chars().enumerate() {
        let nature = nature(letter, i);
        changed |= matches!(nature, Nature::Change(_) | Nature::Act(_));
        entries.push(Entry {
            id: format!("{letter}{i}"),
            step: format!("{letter}{i}"),
            kind: "fake".into(),
            title: format!("entry {i}"),
            pace: Pace {
                within: Duration::from_secs(20),
                every: Duration::from_secs(5),
                timeout: Duration::from_secs(10),
            },
            rule: match letter {
                'h' if matches!(mode, Mode::Check | Mode::Plan) => Rule::NOTE,
                'h' => Rule {
                    fail: Then::Hold,
                    ..Rule::NOTE
                },
                _ => rule(mode, changed),
            },
            there: match letter {
                'h' => !matches!(mode, Mode::Check | Mode::Plan),
                _ => mode != Mode::Check || matches!(nature, Nature::Check),
            },
            back: true,
            temporary: letter == 't',
            probes_old_side: letter == 'p',
            after_change: changed,
            needs_baseline: letter == 'b',
            foresees: false,
            by_hand: false,
            holds: (letter == 'h').then(|| so_already(&format!("{letter}{i}"))),
            blind: false,
            ttls_untold: false,
            answers: None,
            promise: None,
            nature,
        });
    }
    Plan {
        format: FORMAT,
        playbook: "sketch".into(),
        text: String::new(),
        folder: None,
        mode,
        direction: Direction {
            source: "old".into(),
            target: "new".into(),
        },
        entries,
        hold: Duration::from_secs(60),
        objectives: Objectives::default(),
        locks: vec!["playbook sketch".into()],
        stays: Vec::new(),
        behind: Vec::new(),
        astray: Vec::new(),
        left_out: Vec::new(),
        led_there: false,
        apart: Vec::new(),
        goes_back: mode != Mode::Emergency,
    }
}

fn nature(letter: char, i: usize) -> Nature {
    let act = |undo: bool, if_interrupted| {
        Nature::Act(Act {
            does: format!("do {i}"),
            undo: undo.then(|| format!("undo {i}")),
            if_interrupted,
        })
    };
    match letter {
        'c' | 't' => Nature::Change(edit_of(&format!("{letter}{i}"))),
        'a' => act(true, IfInterrupted::Hold),
        's' => act(true, IfInterrupted::Skip),
        'x' => act(false, IfInterrupted::Skip),
        '?' => Nature::Ask {
            question: "go on?".into(),
        },
        'w' => Nature::Wait {
            time: Duration::from_secs(5),
        },
        _ => Nature::Check,
    }
}

fn rule(mode: Mode, changed: bool) -> Rule {
    match (mode, changed) {
        (_, false) => Rule {
            late: Then::Note,
            fail: Then::Back,
            unknown: Then::Back,
        },
        (Mode::Emergency, true) => Rule {
            fail: Then::Hold,
            ..Rule::NOTE
        },
        (Mode::Check | Mode::Plan, true) => Rule {
            fail: Then::Back,
            ..Rule::NOTE
        },
        (_, true) => Rule {
            late: Then::Hold,
            fail: Then::Back,
            unknown: Then::Hold,
        },
    }
}

/// A place that holds what it shall.
fn so_already(id: &str) -> Edit {
    let edit = edit_of(id);
    Edit {
        before: edit.after.clone(),
        ..edit
    }
}

/// The edit of a change in a sketch: two parts that lead to `old`, and then to `new`.
pub fn edit_of(id: &str) -> Edit {
    let value = |side: &str| {
        Value(
            [
                ("one".to_owned(), side.into()),
                ("two".to_owned(), side.into()),
            ]
            .into(),
        )
    };
    Edit {
        place: Place {
            step: id.to_owned(),
            name: "place".to_owned(),
        },
        before: value("old"),
        after: value("new"),
    }
}
