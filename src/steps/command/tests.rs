#![expect(
    clippy::disallowed_methods,
    reason = "the commands under test work on files"
)]
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::act::Acting;
use super::change::{Changing, value};
use super::look::{Looking, Ran};
use super::*;
use crate::clock::Clock;
use crate::event::Finding;
use crate::field::Datum;
use crate::plan::{Outcome, Place, Side, Way};
use crate::site::Host;
use crate::step::{Act, Change, Check, Evidence, Known, Pulses};
use crate::world::exec::Exec;

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

fn fields(texts: &[(&'static str, &[&str])], looks_only: bool) -> Fields {
    let mut fields = Fields::new(0..1);
    for (key, list) in texts {
        let datum = match (*key, *list) {
            ("run" | "read" | "undo", list) => Datum::Texts(words(list)),
            (_, list) => Datum::Text(list.concat()),
        };
        fields.insert(key, datum, 0..1);
    }
    if looks_only {
        fields.insert("looks-only", Datum::Bool(true), 0..1);
    }
    fields
}

fn built(fields: &Fields) -> Result<Built, Vec<&'static str>> {
    let hosts = words(&["primary", "standby"]);
    let given = Given {
        id: "jobs",
        services: &[],
        hosts: &hosts,
    };
    (KIND.build)(fields, &given)
        .map_err(|problems| problems.into_iter().map(|problem| problem.code).collect())
}

#[test]
fn the_fields_decide_the_nature() {
    let on: (&str, &[&str]) = ("on", &["target"]);
    let run: (&str, &[&str]) = ("run", &["true"]);
    let look = built(&fields(&[on, run], true)).unwrap();
    assert!(matches!(look.work, Work::Check(_)));
    let act = built(&fields(&[on, run], false)).unwrap();
    assert!(matches!(act.work, Work::Act(_)));
    let change = built(&fields(
        &[
            on,
            ("shell", &["date > /tmp/x"]),
            ("read", &["cat"]),
            ("want", &["x"]),
            ("undo", &["false"]),
        ],
        false,
    ))
    .unwrap();
    assert!(matches!(change.work, Work::Change(_)));
    assert_eq!(change.title, "run sh -c 'date > /tmp/x' on the target");
}

#[test]
fn what_does_not_fit_together_is_a_problem() {
    let on: (&str, &[&str]) = ("on", &["target"]);
    let run: (&str, &[&str]) = ("run", &["true"]);
    let cases = [
        (fields(&[("on", &["stanby"]), run], false), "no-such-host"),
        (
            fields(&[on, run, ("undo", &["false"])], true),
            "does-not-fit",
        ),
        (
            fields(&[on, run, ("expect", &["x"])], false),
            "does-not-fit",
        ),
        (fields(&[on, run, ("want", &["x"])], false), "does-not-fit"),
        (
            fields(&[on, run, ("read", &["cat"]), ("undo", &["x"])], false),
            "incomplete-change",
        ),
        (
            fields(&[on, run, ("read", &["cat"]), ("want", &["x"])], false),
            "incomplete-change",
        ),
    ];
    for (fields, code) in cases {
        assert_eq!(built(&fields).err(), Some(vec![code]), "{fields:?}");
    }
}

fn site(hosts: &[(&str, &str)]) -> Site {
    let host = |(name, site): &(&str, &str)| Host {
        name: (*name).into(),
        site: (*site).into(),
        reach: Some(Reach {
            name: (*name).into(),
            via: Via::Local,
            sudo: false,
        }),
        addresses: Vec::new(),
        access_log: Vec::new(),
        stands_in_for: Vec::new(),
        role: None,
        proxy: Vec::new(),
        detours: BTreeMap::new(),
    };
    Site {
        hosts: hosts
            .iter()
            .map(|pair| (pair.0.to_owned(), host(pair)))
            .collect(),
        services: BTreeMap::new(),
        zones: BTreeMap::new(),
        exec: Exec::new(),
        clock: Clock::real(),
        asking: Arc::default(),
    }
}

fn aim() -> Aim {
    Aim {
        active: "cloud".into(),
        idle: "dedicated".into(),
        moved: false,
    }
}

async fn look(run: &[&str], expect: Option<&str>) -> Finding {
    let check = Looking {
        run: words(run),
        on: On::Target,
        expect: expect.map(str::to_owned),
        timeout: TIMEOUT,
    };
    let (site, aim, pulses) = (site(&[("standby", "cloud")]), aim(), Pulses::none());
    let mut evidence = Evidence::default();
    for look in check.looks(&site, &aim, &pulses) {
        let known = match look.ask.await {
            Ok(fact) => Known::Live(fact),
            Err(unseen) => Known::Unseen(unseen),
        };
        evidence.items.push((look.key, known));
    }
    check.judge(&aim, &evidence)
}

#[tokio::test]
async fn a_look_is_judged_by_its_exit_status_and_its_output() {
    use Outcome::*;
    let cases: [(&[&str], Option<&str>, Outcome); 6] = [
        (&["true"], None, Pass),
        (&["false"], None, Fail),
        (&["echo", "all is well"], Some("is well"), Pass),
        (&["echo", "all is well"], Some("is ill"), Fail),
        (&["sh", "-c", "echo is well; exit 3"], Some("is well"), Fail),
        (&["no-such-program-anywhere"], None, Unknown),
    ];
    for (run, expect, outcome) in cases {
        let finding = look(run, expect).await;
        assert_eq!(finding.outcome, outcome, "{run:?} {finding:?}");
    }
    let finding = look(&["sh", "-c", "echo one; echo two >&2; exit 3"], None).await;
    let said: Vec<_> = finding.facts.iter().map(|fact| &*fact.actual).collect();
    assert_eq!(said, ["exit status 3", "one", "two"]);
}

#[test]
fn an_old_answer_is_no_new_one() {
    let fact = serde_json::to_value(Ran {
        status: 0,
        holds: None,
        tail: Vec::new(),
    })
    .unwrap();
    let judged = |on| {
        let check = Looking {
            run: words(&["true"]),
            on,
            expect: None,
            timeout: TIMEOUT,
        };
        let known = Known::Recorded {
            fact: fact.clone(),
            age: Duration::from_secs(60),
            why: Unseen::new(Cause::Unreachable, "no route"),
        };
        let evidence = Evidence {
            items: vec![("primary".into(), known)],
            baseline: Vec::new(),
        };
        check.judge(&aim(), &evidence).outcome
    };
    assert_eq!(judged(On::Source), Outcome::Warn);
    assert_eq!(judged(On::Target), Outcome::Unknown);
}

#[tokio::test]
async fn a_change_is_surveyed_by_its_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state");
    let path = file.to_str().unwrap();
    let change = Changing {
        step: "jobs".into(),
        read: words(&["cat", path]),
        want: "active".into(),
        run: words(&["tee", path]),
        undo: words(&["tee", path]),
        on: On::Target,
        timeout: TIMEOUT,
    };
    let site = site(&[("primary", "dedicated"), ("standby", "cloud")]);
    assert!(change.survey(&site, &aim()).await.is_err());

    std::fs::write(&file, "inactive\n").unwrap();
    let survey = change.survey(&site, &aim()).await.unwrap();
    let [edit] = survey.edits.as_slice() else {
        panic!("{survey:?}");
    };
    assert_eq!(edit.place.to_string(), "jobs/standby");
    assert_eq!(
        (&edit.before, &edit.after),
        (&value("inactive\n"), &value("active"))
    );
    assert_eq!(
        change.commands(&site, &edit.place, &edit.before, &edit.after),
        [format!("printf '%s\\n' active | tee {path}")]
    );
    assert_eq!(
        change.commands(&site, &edit.place, &edit.after, &edit.before),
        [format!("printf '%s\\n' inactive | tee {path}")]
    );
    for (exact, typed) in [
        (" two  words", "printf %s ' two  words'"),
        ("\n\n", "printf '%s\\n' '\n'"),
        ("", "printf %s ''"),
    ] {
        std::fs::write(&file, exact).unwrap();
        let survey = change.survey(&site, &aim()).await.unwrap();
        let edit = &survey.edits[0];
        assert_eq!(edit.before, value(exact));
        let back = change.commands(&site, &edit.place, &edit.after, &edit.before);
        assert_eq!(back, [format!("{typed} | tee {path}")]);
        // A line end more or less is another value.
        std::fs::write(&file, format!("{exact}\n")).unwrap();
        let now = change.read(&site, &edit.place, &words(&["printed"])).await;
        assert_eq!(edit.side(&now.unwrap()), Side::Foreign);
    }

    std::fs::write(&file, "active\n").unwrap();
    let place = Place {
        step: "jobs".into(),
        name: "standby".into(),
    };
    let parts = words(&["printed"]);
    let now = change.read(&site, &place, &parts).await.unwrap();
    assert_eq!(edit.side(&now), Side::After);
    // A plan of version 0.1.0 knows the value without its line end.
    let now = change.read(&site, &place, &words(&["output"])).await;
    assert_eq!(now.unwrap().0["output"], json!("active"));
    let survey = change.survey(&site, &aim()).await.unwrap();
    assert_eq!((survey.edits.len(), survey.stays.len()), (0, 1));
}

#[test]
fn an_act_is_undone_where_it_was_done() {
    let act = |on| Acting {
        run: words(&["touch", "/run/a b"]),
        undo: None,
        on,
        if_interrupted: IfInterrupted::Hold,
        timeout: TIMEOUT,
    };
    let two = site(&[("a", "cloud"), ("b", "cloud")]);
    let site = site(&[("primary", "dedicated"), ("standby", "cloud")]);
    let back = Aim {
        active: "dedicated".into(),
        idle: "cloud".into(),
        moved: false,
    };
    let target = act(On::Target);
    assert_eq!(target.host(&site, &aim(), Way::There).unwrap(), "standby");
    assert_eq!(target.host(&site, &back, Way::Back).unwrap(), "standby");
    let source = act(On::Source);
    assert_eq!(source.host(&site, &aim(), Way::There).unwrap(), "primary");
    assert_eq!(source.host(&site, &back, Way::Back).unwrap(), "primary");
    assert_eq!(
        target.command(Way::There).unwrap(),
        "touch '/run/a b'  # on the target"
    );
    assert_eq!(target.command(Way::Back), None);
    assert!(target.host(&two, &aim(), Way::There).is_err());
}

#[tokio::test]
async fn a_plan_asks_whether_an_act_and_its_undo_could_be_run() {
    let act = |run: &str, undo: &str| Acting {
        run: words(&[run]),
        undo: Some(words(&[undo])),
        on: On::Target,
        if_interrupted: IfInterrupted::Hold,
        timeout: TIMEOUT,
    };
    let one = site(&[("standby", "cloud")]);
    let could = async |act: Acting, first| act.could(&one, &aim(), first).await.unwrap();
    assert_eq!(could(act("true", "false"), true).await, None);
    for gone in [act("/nowhere/jobs", "true"), act("true", "/nowhere/jobs")] {
        let why = could(gone, true).await.unwrap();
        let says = "nothing can be run on standby: there is no program `/nowhere/jobs`";
        assert!(why.starts_with(says), "{why}");
    }
    // An earlier act may bring it.
    assert_eq!(could(act("/nowhere/jobs", "true"), false).await, None);
    let two = site(&[("a", "cloud"), ("b", "cloud")]);
    let why = act("true", "true").could(&two, &aim(), true).await.unwrap();
    assert!(why.unwrap().contains("name one in `on`"));
}

#[test]
fn what_a_person_would_type_is_quoted_for_both_shells() {
    let reach = Reach {
        name: "standby".into(),
        via: Via::Ssh {
            destination: "ops@standby".into(),
            config: None,
        },
        sudo: true,
    };
    assert_eq!(
        reach.by_hand(&["touch", "/run/a b"]),
        r"ssh ops@standby 'sudo -n touch '\''/run/a b'\'''"
    );
}

#[test]
fn the_last_lines_are_kept_without_control_characters() {
    let text: String = (0..100).map(|n| format!("line {n}\x1b[0m\n")).collect();
    let lines = tail(text.as_bytes());
    assert_eq!(lines.len(), LINES);
    assert_eq!(lines[LINES - 1], "line 99 [0m");
    assert_eq!(json!(tail(b"")), json!([]));
}

#[tokio::test]
async fn a_time_out_that_leaves_a_write_no_time_stops_the_plan() {
    let site = site(&[("standby", "cloud")]);
    for (seconds, fits) in [(2, false), (3, false), (4, true), (60, true)] {
        let timeout = Duration::from_secs(seconds);
        let change = Changing {
            step: "jobs".into(),
            read: words(&["echo", "off"]),
            want: "on".into(),
            run: words(&["true"]),
            undo: words(&["true"]),
            on: On::Target,
            timeout,
        };
        let act = Acting {
            run: words(&["true"]),
            undo: None,
            on: On::Target,
            if_interrupted: IfInterrupted::Hold,
            timeout,
        };
        let refusals = change.survey(&site, &aim()).await.unwrap().refusals;
        let could = act.could(&site, &aim(), true).await.unwrap();
        for why in [refusals.first(), could.as_ref()] {
            assert_eq!(why.is_none(), fits, "{seconds} s: {why:?}");
            let says =
                |why: &String| why.contains("leaves no time") && why.contains("4.0s or more");
            assert!(why.is_none_or(says), "{why:?}");
        }
    }
}
