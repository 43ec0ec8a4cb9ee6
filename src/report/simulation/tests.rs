use super::*;
use crate::report::{Style, render};

fn cell(ending: Ending, broken: bool) -> Option<Cell> {
    Some(Cell {
        ending,
        broken,
        story: "drill:flip/write=refused".into(),
    })
}

fn took(median: u64, worst: u64, story: Option<&str>) -> Took {
    Took {
        median: Duration::from_secs(median),
        worst: Duration::from_secs(worst),
        story: story.map(str::to_owned),
    }
}

fn found(broken: bool) -> Simulation {
    let names = [
        "fails", "late", "hangs", "refused", "lost", "lands", "unsaid", "lies", "killed", "lock",
        "disk", "ctrl-c", "source", "target", "clock",
    ];
    let none = || vec![None; names.len()];
    let with = |at: &[(usize, Ending)]| {
        let mut cells = none();
        for (i, ending) in at {
            cells[*i] = cell(*ending, broken && *ending == Ending::Held);
        }
        cells
    };
    Simulation {
        file: "playbooks/site.toml".into(),
        playbook: "site".into(),
        direction: Direction {
            source: "old".into(),
            target: "new".into(),
        },
        faults: 3,
        pairs: false,
        rules: vec![
            Rule {
                name: "restored-exactly".into(),
                sentence: "record sets that are put back are exactly as before".into(),
                holds: !broken,
            },
            Rule {
                name: "success-is-reachable".into(),
                sentence: "a success is reachable at all".into(),
                holds: true,
            },
        ],
        runs: vec![Simulated {
            mode: Mode::Drill,
            states: 139_204,
            transitions: 1_204_001,
            complete: true,
            performed: 311,
            endings: vec![(Ending::Done, 12), (Ending::Undone, 40), (Ending::Held, 9)],
            matrix: Matrix {
                columns: names
                    .iter()
                    .map(|name| Column {
                        name: (*name).into(),
                        sentence: format!("it {name}"),
                    })
                    .collect(),
                rows: vec![
                    Row {
                        step: "works".into(),
                        cells: with(&[(0, Ending::Refused), (1, Ending::Done), (8, Ending::Done)]),
                    },
                    Row {
                        step: "flip/raspbian.example.org".into(),
                        cells: with(&[(3, Ending::Undone), (4, Ending::Held), (14, Ending::Done)]),
                    },
                ],
            },
            broken: match broken {
                false => Vec::new(),
                true => vec![Story {
                    rule: "restored-exactly".into(),
                    name: "drill:flip/write=refused".into(),
                    lines: vec![
                        "`flip` is written, and refused".into(),
                        "the run ends: put back".into(),
                    ],
                    mend: "say what the TTL was".into(),
                    step: Some("flip".into()),
                }],
            },
            times: Some(Times {
                rto: Some(Duration::from_secs(900)),
                whole: took(430, 1020, Some("drill:flip/write=lost")),
                steps: vec![
                    ("works".into(), took(1, 12, None)),
                    ("flip".into(), took(0, 0, None)),
                    (
                        "published".into(),
                        took(365, 600, Some("drill:flip/write=lands")),
                    ),
                ],
            }),
        }],
    }
}

#[test]
fn what_holds() {
    let text = render(&simulation(&found(false), &Style::plain()), &Style::plain());
    insta::assert_snapshot!(text);
}

#[test]
fn the_name_of_a_story_is_whole_however_narrow_it_is() {
    let mut found = found(false);
    let name = "drill:flip/raspbian.example.org/write=killed-in-flight";
    let times = found.runs[0].times.as_mut().unwrap();
    times.steps[2].1.story = Some(name.into());
    for width in [120, 80, 60, 40] {
        let style = Style {
            width,
            ..Style::plain()
        };
        let text = render(&simulation(&found, &style), &style);
        assert!(text.contains(name), "{width}: {text}");
        let words: Vec<&str> = text.split_whitespace().collect();
        let verdict = "worst over the rto of 15m 00s";
        assert!(words.join(" ").contains(verdict), "{width}: {text}");
    }
}

#[test]
fn steps_that_differ_at_their_end_are_told_apart() {
    let mut found = found(false);
    let times = found.runs[0].times.as_mut().unwrap();
    for name in ["flip/www.site.example. A", "flip/www.site.example. AAAA"] {
        times.steps.push((name.into(), took(6, 6, None)));
    }
    let text = render(&simulation(&found, &Style::plain()), &Style::plain());
    for name in ["flip/www.site.example. A ", "flip/www.site.example. AAAA "] {
        assert!(text.contains(name), "{text}");
    }
}

#[test]
fn what_is_broken_is_a_story() {
    let style = Style::terminal(false, 120);
    let text = render(&simulation(&found(true), &style), &style);
    insta::assert_snapshot!(text);
}

#[test]
fn a_folder_ends_with_one_table() {
    let mut unfinished = found(false);
    unfinished.runs[0].complete = false;
    unfinished.playbook = "a-customer-with-a-rather-long-name".into();
    let of_a_failover = |name: &str, median, worst| {
        let mut found = found(false);
        found.playbook = name.into();
        found.runs[0].mode = Mode::Failover;
        found.runs[0].times.as_mut().unwrap().whole = took(median, worst, None);
        found
    };
    let all = [
        found(false),
        found(true),
        unfinished,
        of_a_failover("in-time", 430, 900),
        of_a_failover("late-at-worst", 430, 901),
        of_a_failover("late", 901, 1020),
    ];
    let text = render(&simulations_table(&all, &Style::plain()), &Style::plain());
    insta::assert_snapshot!(text);
}

#[test]
fn a_page_stands_alone_and_nothing_in_it_is_taken_for_markup() {
    let mut broken = found(true);
    broken.playbook = "<script>alert(1)</script>".into();
    broken.runs[0].matrix.rows[0].step = "a\"b'c&d".into();
    let page = simulations_html(&[found(false), broken]);
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(page.contains("a&quot;b&#39;c&amp;d"));
    for outside in ["http:", "https:", "url(", "@import", "src="] {
        assert!(!page.contains(outside), "{outside}");
    }
    let open = page.matches("<table").count();
    assert_eq!(open, page.matches("</table>").count());
    assert!(open >= 5, "contents, endings, matrix and times: {open}");
    insta::assert_snapshot!(page);
}

#[test]
fn junit_has_a_case_for_each_rule_step_and_objective() {
    let suites = simulations_junit(&[found(false), found(true)]);
    let text = crate::report::junit::document("cutover simulate", &suites).unwrap();
    insta::assert_snapshot!(text);
}
