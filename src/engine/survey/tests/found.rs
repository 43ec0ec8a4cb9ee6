//! What a run counts on and does not write: names of services that no step moves, and what is so already.

use super::*;
use crate::event::Unseen;

#[tokio::test]
async fn a_name_of_a_service_that_no_step_names_refuses_a_planned_run_or_is_told_once() {
    let sets: [(&str, &[&str]); 2] = [
        ("example.org. A", &["192.0.2.10"]),
        ("www.example.org. A", &["192.0.2.10"]),
    ];
    let text = serving(r#"["example.org", "www.example.org"]"#, "")
        .replace("services = \"all\"\n", "names = [\"www.example.org\"]\n");
    let plan = async |text: &str, mode| {
        surveyed_text(text, Honesty::Atomic, &sets, mode, Some("cloud")).await
    };
    let refused = plan(&text, Mode::Failover).await.unwrap_err().to_string();
    let why =
        "example.org: it leads to `dedicated` by `example.org. A`, which this step does not move";
    assert!(refused.contains(why), "{refused}");
    assert_eq!(plan(&text, Mode::Emergency).await.unwrap().behind.len(), 1);
    // Another step says that it is told only, and another one moves it.
    let other = |field: &str| format!("{text}[[step]]\nid = \"web\"\nkind = \"dns\"\n{field}\n");
    let mail = "names = [\"mail.example.org\"]\nunmoved = \"warn\"";
    let told = plan(&other(mail), Mode::Failover).await.unwrap();
    let told = (told.behind.iter()).filter(|stay| stay.what == "example.org");
    assert_eq!(told.count(), 1);
    let moved = plan(&other("names = [\"example.org\"]"), Mode::Failover).await;
    let moved = moved.unwrap();
    assert_eq!((moved.edits().count(), moved.behind.len()), (2, 0));
}

#[tokio::test]
async fn what_is_so_already_is_read_behind_all_else() {
    let sets: [(&str, &[&str]); 2] = [
        ("example.org. A", &["198.51.100.20"]),
        ("example.org. AAAA", &["2001:db8::10"]),
    ];
    for mode in [Mode::Drill, Mode::Failover, Mode::Emergency, Mode::Plan] {
        let plan = surveyed(Honesty::Atomic, &sets, mode, Some("cloud")).await;
        let plan = plan.unwrap();
        let last = plan.entries.last().unwrap();
        assert_eq!(last.id, "flip/as-found/example.org", "{mode}");
        let edit = last.holds.as_ref().unwrap();
        assert_eq!(edit.before, edit.after);
        assert!(edit.after.0.keys().eq(["example.org. A"]));
        // A dry run has nothing to look at afterwards.
        assert_eq!((last.there, last.back), (mode != Mode::Plan, true));
        // Where nothing is changed nobody is asked.
        let fail = if mode == Mode::Plan {
            Then::Note
        } else {
            Then::Hold
        };
        assert_eq!((last.rule.unknown, last.rule.fail), (Then::Note, fail));
    }
}

/// Somebody moves names after it was read where they lead; whether the name servers still answer then.
struct Later(Site, bool);

impl Surveyor for Later {
    fn survey<'a>(
        &'a self,
        _: &'a Step,
        change: &'a dyn crate::step::Change,
        aim: &'a Aim,
    ) -> futures::future::BoxFuture<'a, Result<Survey, Unseen>> {
        change.survey(&self.0, aim)
    }

    fn leads<'a>(&'a self, book: &'a Playbook) -> futures::future::BoxFuture<'a, Option<Active>> {
        match self.1 {
            true => self.0.leads(book),
            false => Box::pin(async { None }),
        }
    }
}

#[tokio::test]
async fn a_name_that_is_moved_while_the_plan_is_made_is_no_part_of_it() {
    let half: [(&str, &[&str]); 2] = [
        ("example.org. A", &["198.51.100.20"]),
        ("example.org. AAAA", &["2001:db8::10"]),
    ];
    let all: [(&str, &[&str]); 2] = [
        ("example.org. A", &["198.51.100.20"]),
        ("example.org. AAAA", &["2001:db8:1::20"]),
    ];
    let plan = async |later: &[(&str, &[&str])], mode, answers| {
        let book = Playbook::parse(BOOK, "site.toml", &[]);
        let book = Arc::new(book.unwrap_or_else(|why| panic!("{}", why.render(false, None))));
        let of = |sets: &[(&str, &[&str])]| {
            let mut site = site(Book::new(Honesty::Atomic, sets));
            for service in site.services.values_mut() {
                service.names.retain(|name| name == "example.org");
            }
            site
        };
        let (like, to, hold) = (mode, None, None);
        let intention = Intention {
            mode,
            like,
            to,
            hold,
        };
        let (site, later) = (of(&SETS), Later(of(later), answers));
        survey_by(&Actual { book, site }, &intention, &later).await
    };
    for (later, now) in [
        (
            half,
            "now 1 record set leads to `cloud` (example.org. A), 1 record set leads to `dedicated`",
        ),
        (all, "the names lead to `cloud` now"),
    ] {
        for mode in [Mode::Failover, Mode::Drill] {
            let refused = plan(&later, mode, true).await.unwrap_err();
            assert!(matches!(refused, SurveyError::Moved(_)), "{refused}");
            assert!(refused.to_string().contains(now), "{refused}");
            // Two facts differ, and nobody tells which of them is so.
            let refused = plan(&later, mode, false).await.unwrap_err();
            assert!(matches!(refused, SurveyError::LeadsUnseen), "{refused}");
        }
    }
    // An emergency goes on, and tells where each led.
    let unread = plan(&half, Mode::Emergency, false).await.unwrap();
    let told = unread.stays.iter().map(|stay| stay.what.as_str());
    assert!(told.into_iter().any(|what| what == "where the names lead"));
    let told = plan(&half, Mode::Emergency, true).await.unwrap();
    let moved = told.stays.iter().map(|stay| stay.why.as_str());
    let moved: Vec<&str> = moved.filter(|why| why.contains("one was moved")).collect();
    assert!(
        moved.len() == 1 && moved[0].contains("leads to `cloud` (example.org. A)"),
        "{moved:?}"
    );
    let told: Vec<String> = told.apart.iter().map(ToString::to_string).collect();
    let each = [
        "example.org. A leads to cloud",
        "example.org. AAAA leads to dedicated",
    ];
    assert_eq!(told, each);
    assert_eq!(plan(&SETS, Mode::Failover, true).await.unwrap().apart, []);
}

#[tokio::test]
async fn a_plan_knows_where_names_led_that_led_apart() {
    let old: (&str, &[&str]) = ("example.org. A", &["192.0.2.10"]);
    let new: (&str, &[&str]) = ("example.org. AAAA", &["2001:db8:1::20"]);
    let plan = async |sets: &[(&str, &[&str])], to| {
        let plan = surveyed(Honesty::Atomic, sets, Mode::Failover, to).await;
        plan.unwrap()
    };
    let mixed = plan(&[old, new], Some("cloud")).await;
    let told: Vec<String> = mixed.apart.iter().map(ToString::to_string).collect();
    let each = [
        "example.org. AAAA leads to cloud",
        "example.org. A leads to dedicated",
    ];
    assert_eq!(told, each);
    assert!(!mixed.led_there);
    for to in [Some("cloud"), None] {
        assert_eq!(plan(&[old], to).await.apart, []);
    }
    assert_eq!(plan(&[new], Some("cloud")).await.apart, []);
}

#[tokio::test]
async fn a_plan_knows_whether_all_names_led_to_the_target_before_it() {
    let led_there = async |sets: &[(&str, &[&str])], mode, to| {
        let plan = surveyed(Honesty::Atomic, sets, mode, to).await.unwrap();
        plan.led_there
    };
    let there: [(&str, &[&str]); 2] = [
        ("example.org. A", &["198.51.100.20"]),
        ("example.org. AAAA", &["2001:db8:1::20"]),
    ];
    assert!(led_there(&there, Mode::Failover, Some("cloud")).await);
    assert!(!led_there(&SETS, Mode::Failover, Some("cloud")).await);
    // Whoever only looks moves none, and they led to the other side all the same.
    assert!(!led_there(&SETS, Mode::Check, None).await);
    assert!(!led_there(&SETS, Mode::Check, Some("cloud")).await);
}
