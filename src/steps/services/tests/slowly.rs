//! What is said of servers that want to be asked slowly.

use super::*;
use crate::steps::services::often::Slowly;

fn answered(reply: Reply, better: usize, slowly: Slowly) -> Answer {
    Answer {
        better,
        slowly: Some(slowly),
        ..reply.into()
    }
}

/// The finding of a check at the target, and of one by public name.
fn both(answer: &Answer) -> [Finding; 2] {
    let spot = spot("198.51.100.20", Some("cloud"));
    let shown = Shown::Probe {
        spot: Box::new(spot.clone()),
        answer: answer.clone(),
    };
    let evidence = Evidence {
        items: vec![(spot.what(), Known::Live(json(&shown).unwrap()))],
        baseline: Vec::new(),
    };
    let mut lead = lead("198.51.100.20", Some("cloud"), true, open());
    lead.probes[0].1 = answer.clone();
    [
        probing(At::Target).judge(&aim(), &evidence),
        public(vec![lead], &aim()),
    ]
}

#[test]
fn that_a_server_wants_to_be_asked_slowly_is_told_with_what_it_said() {
    let said = "`421 too many connections`";
    for finding in both(&answered(open(), 0, Slowly::Passed(said.into()))) {
        assert_eq!(finding.outcome, Outcome::Pass);
        assert_eq!(
            finding.headline,
            "1 of 1 probe passes (1 over IPv4, 0 over IPv6); 1 probe asked slowly: when asked quickly, \
             `421 too many connections`"
        );
        let told = &finding.facts.last().unwrap().actual;
        let end = "asked slowly; when asked quickly, `421 too many connections`";
        assert!(told.ends_with(end), "{told}");
    }
}

#[test]
fn what_fails_though_it_is_asked_slowly_is_told_as_such() {
    for (slowly, end) in [
        (
            Slowly::Later(90),
            "(after 6 answers that passed), to be asked again after 1m 30s, as it says",
        ),
        (
            Slowly::Failed,
            "(after 6 answers that passed), asked slowly too",
        ),
        (
            Slowly::NoTime,
            "(after 6 answers that passed); there was no time to ask all slowly, which a longer `timeout` gives",
        ),
    ] {
        for finding in both(&answered(refused(), 6, slowly.clone())) {
            assert_eq!(finding.outcome, Outcome::Fail);
            let told = &finding.facts.last().unwrap().actual;
            assert_eq!(*told, format!("connection refused {end}"));
        }
    }
}

/// What a run of an earlier version recorded has neither.
#[test]
fn an_answer_of_an_earlier_version_can_be_read() {
    let spot = spot("198.51.100.20", Some("cloud"));
    let shown = Shown::Probe {
        spot: Box::new(spot),
        answer: open().into(),
    };
    let mut fact = json(&shown).unwrap();
    let old = serde_json::json!({
        "is": "probe",
        "spot": fact["spot"].take(),
        "reply": fact["reply"].take(),
        "better": 2,
    });
    let Ok(Shown::Probe { answer, .. }) = serde_json::from_value(old) else {
        panic!("it cannot be read");
    };
    assert_eq!((answer.better, answer.slowly), (2, None));
}
