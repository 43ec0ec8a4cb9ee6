use std::sync::Arc;

mod doubts;
mod found;

use super::*;
use crate::dns::Honesty;
use crate::steps::testing::{Book, site};

#[test]
fn rules_follow_from_mode_position_blocks_and_on_fail() {
    use Then::{Back, Hold, Note};
    // Late, fail, unknown.
    let rule = |late, fail, unknown| Rule {
        late,
        fail,
        unknown,
    };
    let stops = rule(Note, Back, Back);
    let gates = [
        (Blocks::Always, stops, stops),
        (Blocks::Planned, stops, Rule::NOTE),
        (Blocks::Never, Rule::NOTE, Rule::NOTE),
    ];
    for (blocks, planned, emergency) in gates {
        for like in [Mode::Drill, Mode::Failover] {
            assert_eq!(gate(blocks, like), planned, "{blocks:?} {like}");
        }
        assert_eq!(gate(blocks, Mode::Emergency), emergency, "{blocks:?}");
    }
    let asks = rule(Note, Hold, Note);
    let after = [
        (OnFail::Back, rule(Hold, Back, Hold), asks),
        (OnFail::Hold, rule(Hold, Hold, Hold), asks),
        (OnFail::Warn, Rule::NOTE, Rule::NOTE),
    ];
    for (on_fail, planned, emergency) in after {
        for like in [Mode::Drill, Mode::Failover] {
            assert_eq!(after_write(on_fail, like), planned, "{on_fail:?} {like}");
        }
        assert_eq!(after_write(on_fail, Mode::Emergency), emergency);
        // Nobody is asked where nothing changes.
        let dry = dry(after_write(on_fail, Mode::Failover));
        assert!(![dry.late, dry.fail, dry.unknown].contains(&Hold));
    }
}

pub(in crate::engine) const BOOK: &str = r#"
[playbook]
name = "site"
[hosts.primary]
site = "dedicated"
ssh = "primary"
addresses = ["192.0.2.10", "2001:db8::10"]
[hosts.standby]
site = "cloud"
ssh = "standby"
addresses = ["198.51.100.20", "2001:db8:1::20"]
[providers.book]
kind = "rfc2136"
server = "192.0.2.54:53"
key = { name = "k", algorithm = "hmac-sha256", secret = { env = "TSIG_SECRET" } }
[zones."example.org"]
provider = "book"
[services.website]
names = ["example.org"]
probes = [{ http = "/" }]
[[step]]
id = "works"
kind = "services"
at = "target"
[[step]]
id = "flip"
kind = "dns"
services = "all"
[[step]]
id = "only-in-a-drill"
kind = "wait"
time = "1m"
when = ["drill"]
[[step]]
id = "published"
kind = "propagation"
[[step]]
id = "public"
kind = "services"
at = "public"
on-fail = "warn"
"#;

const SETS: [(&str, &[&str]); 2] = [
    ("example.org. A", &["192.0.2.10"]),
    ("example.org. AAAA", &["2001:db8::10"]),
];

/// What a survey of the playbook above finds where the zone holds these sets.
async fn surveyed(
    honesty: Honesty,
    sets: &[(&str, &[&str])],
    mode: Mode,
    to: Option<&str>,
) -> Result<Plan, SurveyError> {
    surveyed_text(BOOK, honesty, sets, mode, to).await
}

async fn surveyed_text(
    text: &str,
    honesty: Honesty,
    sets: &[(&str, &[&str])],
    mode: Mode,
    to: Option<&str>,
) -> Result<Plan, SurveyError> {
    let book = match Playbook::parse(text, "site.toml", &[]) {
        Ok(book) => Arc::new(book),
        Err(problems) => panic!("{}", problems.render(false, None)),
    };
    let mut site = site(Book::new(honesty, sets));
    for service in site.services.values_mut() {
        service
            .names
            .retain(|name| text.contains(&format!("\"{name}\"")));
    }
    let intention = Intention {
        mode,
        like: match mode {
            Mode::Check | Mode::Plan => Mode::Failover,
            live => live,
        },
        to: to.map(str::to_owned),
        hold: None,
    };
    survey(&Actual { book, site }, &intention).await
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.entries.iter().map(|entry| entry.id.as_str()).collect()
}

#[tokio::test]
async fn a_plan_spells_out_every_edit_and_lock() {
    let plan = surveyed(Honesty::Atomic, &SETS, Mode::Failover, None)
        .await
        .unwrap();
    assert_eq!(plan.direction.source, "dedicated");
    assert_eq!(
        ids(&plan),
        [
            "works",
            "published/before",
            "flip",
            "only-in-a-drill",
            "published",
            "public"
        ]
    );
    let locks = ["playbook site", "example.org. A", "example.org. AAAA"];
    assert_eq!(plan.locks, locks);
    let there: Vec<bool> = plan.entries.iter().map(|entry| entry.there).collect();
    assert_eq!(there, [true, true, true, false, true, true]);
    assert_eq!(plan.entries[0].rule, gate(Blocks::Always, Mode::Failover));
    assert_eq!(plan.entries[5].rule, Rule::NOTE);
}

#[tokio::test]
async fn what_is_seen_before_the_change_stops_a_planned_run_and_is_told_in_an_emergency() {
    let rule = async |text: &str, mode| {
        let plan = surveyed_text(text, Honesty::Atomic, &SETS, mode, Some("cloud"));
        let plan = plan.await.unwrap();
        let foreseeing: Vec<_> = plan.entries.iter().filter(|e| e.foresees).collect();
        let [entry] = foreseeing.as_slice() else {
            panic!("{:?}", ids(&plan));
        };
        assert!(entry.there && !entry.after_change && !entry.needs_baseline);
        // Nobody waits for it in an emergency.
        assert_eq!(entry.pace.within.is_zero(), mode == Mode::Emergency);
        entry.rule
    };
    // Nor is anything begun that is certain to come late.
    let planned = Rule {
        late: Then::Back,
        ..gate(Blocks::Planned, Mode::Failover)
    };
    for mode in [Mode::Check, Mode::Plan, Mode::Drill, Mode::Failover] {
        assert_eq!(rule(BOOK, mode).await, planned, "{mode}");
    }
    assert_eq!(rule(BOOK, Mode::Emergency).await, Rule::NOTE);
    // Nobody is held for a check that only warns.
    for more in ["on-fail = \"warn\"", "blocks = \"never\""] {
        let text = BOOK.replace(
            "kind = \"propagation\"",
            &format!("kind = \"propagation\"\n{more}"),
        );
        assert_eq!(rule(&text, Mode::Failover).await, Rule::NOTE, "{more}");
    }
}

#[tokio::test]
async fn an_act_that_cannot_be_run_stops_a_plan_where_the_run_would_not_go_on_without_it() {
    let act = |id: &str, run: &str, more: &str| {
        format!(
            "[[step]]\nid = \"{id}\"\nkind = \"command\"\non = \"local\"\nrun = [\"{run}\"]\n\
             undo = [\"true\"]\n{more}\n"
        )
    };
    let surveyed = async |acts: &[String], mode| {
        let text = format!("{BOOK}{}", acts.concat());
        surveyed_text(&text, Honesty::Atomic, &SETS, mode, Some("cloud")).await
    };
    let gone = |more| act("gone", "/nowhere/jobs", more);
    for mode in [Mode::Plan, Mode::Drill, Mode::Failover, Mode::Emergency] {
        let refused = surveyed(&[gone("")], mode).await.unwrap_err();
        let SurveyError::Refused { step, reasons } = refused else {
            panic!("{mode}: {refused}");
        };
        assert!(
            step == "gone" && reasons[0].contains("`/nowhere/jobs`"),
            "{reasons:?}"
        );
    }
    let plan = surveyed(&[gone("on-fail = \"warn\"")], Mode::Failover).await;
    let plan = plan.unwrap();
    assert!(ids(&plan).contains(&"gone"));
    let told = plan.stays.iter().find(|stay| stay.what == "gone");
    assert!(told.unwrap().why.contains("`/nowhere/jobs`"));
    // What an earlier one may bring is not missed before, and an act without a part is not asked.
    for acts in [
        vec![act("brings", "true", ""), gone("")],
        vec![gone("when = [\"drill\"]")],
    ] {
        surveyed(&acts, Mode::Failover).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_skipped_takes_no_part_and_is_said() {
    let skip = "skip = { reason = \"the owner moves house\", until = 2035-01-31 }";
    for id in ["works", "flip"] {
        let line = format!("id = \"{id}\"\n");
        let text = BOOK.replace(&line, &format!("{line}{skip}\n"));
        assert_ne!(text, BOOK);
        let plan = surveyed_text(&text, Honesty::Atomic, &SETS, Mode::Failover, None)
            .await
            .unwrap();
        assert!(!ids(&plan).contains(&id), "{:?}", ids(&plan));
        let said: Vec<(&str, &str)> = (plan.left_out.iter())
            .map(|step| (step.what.as_str(), step.why.as_str()))
            .collect();
        assert_eq!(said, [(id, "until 2035-01-31: the owner moves house")]);
    }
}

#[tokio::test]
async fn several_places_are_several_entries() {
    let plan = surveyed(Honesty::OneSet, &SETS, Mode::Drill, None)
        .await
        .unwrap();
    let flips: Vec<&str> = ids(&plan)
        .into_iter()
        .filter(|id| id.starts_with("flip"))
        .collect();
    assert_eq!(flips.len(), 2, "{flips:?}");
    assert!(
        flips.iter().all(|id| id.starts_with("flip/example.org")),
        "{flips:?}"
    );
    assert!(
        plan.entries.iter().all(|entry| entry.there),
        "a drill takes all"
    );
}

#[tokio::test]
async fn a_drill_of_a_split_source_says_where_to_go_or_is_told() {
    let split: [(&str, &[&str]); 2] = [SETS[0], ("example.org. AAAA", &["2001:db8:1::20"])];
    let error = surveyed(Honesty::Atomic, &split, Mode::Drill, None)
        .await
        .unwrap_err();
    assert!(matches!(error, SurveyError::NoDirection { .. }), "{error}");
    let plan = surveyed(Honesty::Atomic, &split, Mode::Drill, Some("cloud"))
        .await
        .unwrap();
    let (_, edit) = plan.edits().next().unwrap();
    let keys: Vec<&String> = edit.after.0.keys().collect();
    assert_eq!(keys, ["example.org. A"], "what leads there already stays");
}

#[tokio::test]
async fn what_looks_at_the_change_is_deferred_in_a_dry_run_and_a_check_has_no_edit() {
    let plan = surveyed(Honesty::Atomic, &SETS, Mode::Plan, None)
        .await
        .unwrap();
    for entry in &plan.entries {
        let takes_part = !entry.after_change && entry.id != "only-in-a-drill";
        assert_eq!(entry.there, takes_part, "{}", entry.id);
    }
    let check = surveyed(Honesty::Atomic, &SETS, Mode::Check, None)
        .await
        .unwrap();
    assert_eq!(check.edits().count(), 0);
    assert_eq!(check.first_write(), None);
    assert!(
        check
            .entries
            .iter()
            .all(|entry| !entry.there || entry.is_check())
    );
}

/// The hosts of the site are not reached: nothing runs on them.
#[tokio::test]
async fn an_emergency_leaves_a_command_on_the_dead_side_and_never_one_on_the_other() {
    let with = |on: &str| {
        format!(
            r#"{BOOK}
[[step]]
id = "timers"
kind = "command"
on = "{on}"
read = ["cat", "/run/timers"]
want = "off"
run = ["tee", "/run/timers"]
undo = ["tee", "/run/timers"]
"#
        )
    };
    let survey_of = |on, mode| async move {
        surveyed_text(&with(on), Honesty::Atomic, &SETS, mode, None).await
    };
    let plan = survey_of("source", Mode::Emergency).await.unwrap();
    assert!(!ids(&plan).contains(&"timers"));
    assert!(
        plan.stays.iter().any(|stay| stay.what == "timers"),
        "{:?}",
        plan.stays
    );
    for (on, mode) in [
        ("source", Mode::Failover),
        ("source", Mode::Drill),
        ("target", Mode::Emergency),
        ("standby", Mode::Emergency),
    ] {
        let error = survey_of(on, mode).await.unwrap_err();
        assert!(
            matches!(error, SurveyError::Unseen { .. }),
            "{on} {mode}: {error}"
        );
    }
}

#[tokio::test]
async fn a_plan_that_no_run_could_count_is_refused() {
    let text = BOOK.replace("services = \"all\"", "records = \"all\"");
    let names: Vec<String> = (0..=MOST_ENTRIES)
        .map(|n| format!("n{n}.example.org. A"))
        .collect();
    let sets: Vec<(&str, &[&str])> = (names.iter())
        .map(|name| (name.as_str(), &["192.0.2.10"][..]))
        .collect();
    let to = Some("cloud");
    let first = |n, honesty| surveyed_text(&text, honesty, &sets[..n], Mode::Failover, to);
    let of = |honesty| first(sets.len(), honesty);
    let one = first(1, Honesty::OneSet).await.unwrap();
    let most = MOST_ENTRIES - (one.entries.len() - 1);
    let full = first(most, Honesty::OneSet).await.unwrap();
    assert_eq!(full.entries.len(), MOST_ENTRIES);
    let refused = of(Honesty::OneSet).await.unwrap_err();
    assert!(matches!(refused, SurveyError::TooMany(_)), "{refused}");
    assert!(refused.to_string().contains("`zones`"), "{refused}");
    // All of a zone in one call is one entry.
    assert_eq!(of(Honesty::Atomic).await.unwrap().edits().count(), 1);
}

/// The playbook above, with other names of its service, and `flip` with this field.
fn serving(names: &str, field: &str) -> String {
    let text = BOOK.replace("names = [\"example.org\"]", &format!("names = {names}"));
    text.replace(
        "services = \"all\"\n",
        &format!("services = \"all\"\n{field}\n"),
    )
}

#[tokio::test]
async fn a_name_of_a_service_that_stays_refuses_a_planned_run_or_is_told() {
    let sets: [(&str, &[&str]); 3] = [
        ("example.org. A", &["192.0.2.10"]),
        ("www.example.org. CNAME", &["web.example.org."]),
        ("web.example.org. A", &["192.0.2.10"]),
    ];
    let names = r#"["example.org", "www.example.org"]"#;
    let plan = async |text: &str, mode| {
        surveyed_text(text, Honesty::Atomic, &sets, mode, Some("cloud")).await
    };
    let text = serving(names, "");
    let refused = plan(&text, Mode::Failover).await.unwrap_err().to_string();
    for part in [
        "www.example.org: it leads to `dedicated` by its alias `web.example.org`",
        "unmoved = \"warn\"",
    ] {
        assert!(refused.contains(part), "{refused}");
    }
    let told = [
        plan(&serving(names, "unmoved = \"warn\""), Mode::Failover).await,
        plan(&text, Mode::Emergency).await,
    ];
    for plan in told {
        let plan = plan.unwrap();
        assert_eq!(plan.edits().count(), 1);
        assert_eq!(plan.behind[0].what, "www.example.org");
        assert!(plan.stays.contains(&plan.behind[0]));
    }
    // Another step moves it.
    let other = "[[step]]\nid = \"web\"\nkind = \"dns\"\nnames = [\"web.example.org\"]\n";
    let plan = plan(&format!("{text}{other}"), Mode::Failover)
        .await
        .unwrap();
    assert_eq!((plan.edits().count(), plan.behind.len()), (2, 0));
}

#[tokio::test]
async fn what_stays_is_looked_at_after_the_change_and_after_the_way_back() {
    let sets: [(&str, &[&str]); 2] = [
        ("example.org. A", &["192.0.2.10"]),
        ("example.org. AAAA", &["2001:db8:9::9"]),
    ];
    let text = serving(r#"["example.org", "www.example.org"]"#, "");
    for mode in [Mode::Drill, Mode::Failover, Mode::Emergency, Mode::Plan] {
        let plan = surveyed_text(&text, Honesty::Atomic, &sets, mode, Some("cloud")).await;
        let plan = plan.unwrap();
        let whats = |stays: &[Stay]| -> Vec<String> {
            stays.iter().map(|stay| stay.what.clone()).collect()
        };
        let stays = ["www.example.org", "example.org. AAAA"];
        assert_eq!(whats(&plan.behind), stays, "{mode}");
        assert_eq!(whats(&plan.astray), stays, "{mode}");
        let at = plan.entries.iter().position(|entry| entry.by_hand).unwrap();
        let entry = &plan.entries[at];
        assert_eq!(
            (entry.id.as_str(), entry.step.as_str()),
            ("flip/by-hand", "flip")
        );
        assert!(matches!(plan.entries[at - 1].nature, Nature::Change(_)));
        assert!(
            entry.title.ends_with("www.example.org and 1 more"),
            "{}",
            entry.title
        );
        // A dry run has nothing to look at afterwards.
        assert_eq!(entry.there, mode != Mode::Plan);
        assert_eq!(entry.rule.late, Then::Note);
        assert_ne!(entry.rule.fail, Then::Back);
    }
}

#[tokio::test]
async fn where_nothing_leads_to_either_side_there_is_no_run() {
    let far: (&str, &[&str]) = ("example.org. CNAME", &["cdn.example.net."]);
    for mode in [Mode::Failover, Mode::Emergency, Mode::Plan] {
        let plan = surveyed(Honesty::Atomic, &[far], mode, Some("cloud")).await;
        let refused = plan.unwrap_err().to_string();
        assert!(refused.contains("so nothing would move"), "{refused}");
        assert!(refused.contains("cdn.example.net"), "{refused}");
    }
    // Names that are there already are no reason.
    let there: (&str, &[&str]) = ("example.org. A", &["198.51.100.20"]);
    let plan = surveyed(Honesty::Atomic, &[there], Mode::Failover, Some("cloud")).await;
    assert_eq!(plan.unwrap().edits().count(), 0);
}

#[tokio::test]
async fn each_entry_says_what_the_run_may_do_with_it() {
    let of = |mode| surveyed(Honesty::Atomic, &SETS, mode, None);
    for (mode, goes_back) in [
        (Mode::Failover, true),
        (Mode::Drill, true),
        (Mode::Emergency, false),
    ] {
        assert_eq!(of(mode).await.unwrap().goes_back, goes_back, "{mode}");
    }
    let plan = of(Mode::Failover).await.unwrap();
    let entry = |id: &str| plan.entries.iter().find(|entry| entry.id == id).unwrap();
    // What one write can promise is said of what writes.
    let promise = entry("flip").promise.clone();
    assert!(promise.is_some_and(|promise| !promise.is_empty()));
    assert_eq!(entry("works").promise, None);
    // Names tell nothing of whether a side works.
    assert!(!entry("published").probes_old_side && !entry("flip").probes_old_side);
    // What takes no part in this run is not looked at.
    let text = BOOK.replace(
        "services = \"all\"",
        "services = \"all\"\nwhen = [\"drill\"]",
    );
    let of = |mode| surveyed_text(&text, Honesty::Atomic, &SETS, mode, Some("cloud"));
    assert_eq!(of(Mode::Failover).await.unwrap().edits().count(), 0);
    assert_eq!(of(Mode::Drill).await.unwrap().edits().count(), 1);
}
