//! What a card proposes, read again as the command line that it is.

use clap::Parser;

use super::{Arguments, Verb};
use crate::clock::Stamp;
use crate::event::{Ending, Event, Record};
use crate::plan::{Given, Mode};
use crate::report::{First, MustEnd, Names, Style, Tally, card, render};

/// The words that a shell makes of a line in which only single quotes quote.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for c in line.chars() {
        match c {
            _ if escaped => {
                words.last_mut().unwrap().push(c);
                escaped = false;
            }
            '\'' => quoted = !quoted,
            '\\' if !quoted => escaped = true,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words
}

/// The commands on the card of a run that ended so.
fn proposed(mode: Mode, ending: Ending, names: &Names) -> Vec<String> {
    let started = Event::Started {
        plan: Box::new(crate::fake::plan(mode, "kck")),
        by: "root@ops1".into(),
        version: "0.1.0".into(),
    };
    let at = Stamp {
        wall: "2026-11-22T03:00:00Z".parse().unwrap(),
        boot_ms: 0,
        boot_id: "one".into(),
    };
    let record = |(seq, event)| Record {
        seq,
        at: at.clone(),
        event,
    };
    let events = [started, Event::Ended { ending }];
    let records: Vec<Record> = (0..).zip(events).map(record).collect();
    let style = Style {
        width: 80,
        ..Style::plain()
    };
    let text = render(&card(&Tally::of(&records), names, &style), &style);
    (text.lines())
        .filter_map(|line| Some(line.get(9..)?.trim()))
        .filter(|line| line.starts_with("cutover "))
        .map(|line| line.split("  ").next().unwrap().to_owned())
        .collect()
}

#[test]
fn what_a_card_proposes_is_what_was_meant() {
    let sets = ["a.b='[\"x y\"]'".to_owned(), "c=it's".to_owned()];
    let first: [fn(String) -> First; 3] = [First::Unfinished, First::Alive, First::Unreadable];
    let firsts = first.map(|first| Some(first("r1".to_owned())));
    let firsts = firsts.into_iter().chain([None]);
    for (emergency, first) in firsts.flat_map(|first| [(false, first.clone()), (true, first)]) {
        let given = Given {
            sets: sets.to_vec(),
            to: Some("my cloud".into()),
            emergency,
            plan: None,
        };
        let names = Names::new("r1", "my site.toml")
            .with_state(Some("/my state".into()))
            .with_given(given)
            .with_first(MustEnd::of(first));
        let modes = [
            Mode::Check,
            Mode::Plan,
            Mode::Drill,
            Mode::Failover,
            Mode::Emergency,
        ];
        for (mode, ending) in modes.into_iter().flat_map(|m| Ending::ALL.map(|e| (m, e))) {
            let lines = proposed(mode, ending, &names);
            assert!(!lines.is_empty(), "{mode} {ending:?}");
            for line in lines {
                let found = Arguments::try_parse_from(words(&line))
                    .unwrap_or_else(|why| panic!("{mode} {ending:?}: {line}: {why}"));
                let state = found.global.state.unwrap();
                assert_eq!(state.to_str(), Some("/my state"), "{line}");
                let of_playbook = match &found.verb {
                    Verb::Check(_) | Verb::Plan(_) | Verb::Drill(_) | Verb::Failover(_) => true,
                    Verb::Show(_) | Verb::Resume(_) | Verb::Rollback(_) => {
                        assert!(words(&line).contains(&"r1".to_owned()), "{line}");
                        false
                    }
                    Verb::Owed(_) | Verb::Runs(_) => false,
                    other => panic!("{line}: {other:?}"),
                };
                if of_playbook {
                    let words = words(&line);
                    for word in ["my site.toml", &sets[0], &sets[1], "--to"] {
                        assert!(words.contains(&word.to_owned()), "{line}");
                    }
                    let home = words.contains(&"dedicated".to_owned())
                        || !words.contains(&"my cloud".to_owned());
                    let fits = matches!(found.verb, Verb::Plan(_) | Verb::Failover(_)) && !home;
                    let said = words.contains(&"--emergency".to_owned());
                    assert_eq!(said, fits && emergency, "{line}");
                }
            }
        }
    }
}

#[test]
fn a_stale_plan_is_made_anew_as_it_was_made() {
    let names = Names::new("r1", "my site.toml").with_given(Given {
        sets: vec!["a.b=c d".into()],
        to: Some("my cloud".into()),
        emergency: true,
        plan: Some("my.plan".into()),
    });
    let line =
        "cutover plan 'my site.toml' --out my.plan --to 'my cloud' --emergency --set 'a.b=c d'";
    assert_eq!(proposed(Mode::Emergency, Ending::Stale, &names), [line]);
    assert!(Arguments::try_parse_from(words(line)).is_ok());
}
