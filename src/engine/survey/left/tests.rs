use super::*;
use crate::dns::moves::Leads;
use crate::engine::survey::tests::BOOK;
use crate::playbook::Playbook;

fn book() -> Playbook {
    let other = "[[step]]\nid = \"other\"\nkind = \"dns\"\nnames = [\"web.example.org\"]\n";
    match Playbook::parse(&format!("{BOOK}{other}"), "site.toml", &[]) {
        Ok(book) => book,
        Err(problems) => panic!("{}", problems.render(false, None)),
    }
}

fn left(what: &str, why: &str, hint: bool) -> Left {
    Left {
        what: what.into(),
        why: why.into(),
        leads: Leads::To("dedicated".into()),
        by: Default::default(),
        hint,
    }
}

/// The steps that write names.
fn steps(book: &Playbook) -> [&Step; 2] {
    ["flip", "other"].map(|id| book.steps().iter().find(|step| step.id == id).unwrap())
}

#[test]
fn what_several_steps_leave_is_told_once_and_refused_where_one_of_them_says_so() {
    let book = book();
    let [flip, other] = steps(&book);
    let of = |all: Vec<(&Step, Left)>, like| match behind(all, &[], like) {
        Ok(behind) => Ok((behind.iter())
            .map(|(step, stay)| format!("{}: {} {}", step.id, stay.what, stay.why))
            .collect::<Vec<_>>()),
        Err(why) => Err(why.to_string()),
    };
    let same = |hints: [bool; 2]| {
        vec![
            (flip, left("www", "it leads there", hints[0])),
            (other, left("www", "it leads there", hints[1])),
        ]
    };
    for hints in [[true, true], [true, false], [false, true]] {
        let told = of(same(hints), Mode::Failover);
        assert_eq!(
            told,
            Ok(vec!["flip: www it leads there".to_owned()]),
            "{hints:?}"
        );
    }
    let refused = of(same([false, false]), Mode::Drill).unwrap_err();
    assert_eq!(refused.matches("www").count(), 1, "{refused}");
    assert_eq!(
        of(same([false, false]), Mode::Emergency).map(|all| all.len()),
        Ok(1)
    );
    // Another thing, or the same for another reason, is told too, and one that is only told settles no other.
    for (what, why) in [("web", "it leads there"), ("www", "nobody answers for it")] {
        let all = |hint| {
            vec![
                (flip, left("www", "it leads there", true)),
                (other, left(what, why, hint)),
            ]
        };
        assert_eq!(of(all(true), Mode::Failover).map(|all| all.len()), Ok(2));
        let refused = of(all(false), Mode::Failover).unwrap_err();
        assert!(refused.contains(&format!("{what}: {why}")), "{refused}");
    }
}

#[test]
fn each_step_that_leaves_something_looks_at_its_own() {
    let book = book();
    let [flip, other] = steps(&book);
    let stay = |what: &str| Stay {
        what: what.into(),
        why: "it leads there".into(),
    };
    let left = [
        (flip, stay("www")),
        (flip, stay("web")),
        (other, stay("ftp")),
    ];
    for (mode, looks) in [
        (Mode::Drill, true),
        (Mode::Failover, true),
        (Mode::Emergency, true),
        (Mode::Plan, false),
        (Mode::Check, false),
    ] {
        let intention = Intention {
            mode,
            like: Mode::Failover,
            to: None,
            hold: None,
        };
        let mut entries = Vec::new();
        look_at(&mut entries, &left, &intention);
        let mut told: Vec<(&str, &str)> = (entries.iter())
            .map(|entry| (entry.id.as_str(), entry.title.as_str()))
            .collect();
        told.sort_unstable();
        assert_eq!(
            told,
            [
                ("flip/by-hand", "what a person moves: www and 1 more"),
                ("other/by-hand", "what a person moves: ftp")
            ],
            "{mode}"
        );
        // What it was before the run must be known when the run has come back.
        for entry in &entries {
            assert_eq!(
                (entry.there, entry.needs_baseline),
                (looks, looks),
                "{mode}"
            );
            assert!(entry.back && entry.by_hand && entry.after_change);
        }
    }
}
