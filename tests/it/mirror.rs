//! `mirror` and `packages` against the real rsync, find, sha256sum and dpkg-query, on folders of a test.

mod access;
mod covers;
mod hosts;
mod packages;
mod sample;
mod since;
mod trees;

use std::path::Path;
use std::time::Duration;

use cutover::clock::Clock;
use cutover::event::{Cause, Finding, Unseen};
use cutover::plan::Direction;
use cutover::playbook::Playbook;
use cutover::site::Aim;
use cutover::step::{Check, Evidence, Known, Pulses, Work};
use cutover::world::exec::Exec;

const PROGRAMS: &[&str] = &["rsync", "find", "sha256sum"];

fn playbook(primary: &str, standby: &str, source: &Path, target: &Path, fields: &str) -> String {
    format!(
        "[playbook]\nname = \"test\"\n\
         [hosts.primary]\nsite = \"dedicated\"\naddresses = [\"127.0.0.1\"]\n{primary}\n\
         [hosts.standby]\nsite = \"cloud\"\naddresses = [\"127.0.0.2\"]\n{standby}\n\
         [[step]]\nid = \"mirror\"\nkind = \"mirror\"\n\
         paths = {{ primary = {source:?}, standby = {target:?} }}\n{fields}\n"
    )
}

/// Whether a fact of the finding says so.
fn tells(finding: &Finding, words: &str) -> bool {
    finding.facts.iter().any(|fact| fact.actual.contains(words))
}

async fn look(text: &str) -> Finding {
    look_with(text, &Pulses::none()).await
}

/// Takes every look of the only step, and judges.
async fn look_with(text: &str, pulses: &Pulses) -> Finding {
    look_at(text, pulses, |_| true).await
}

/// Takes the looks with such keys; the others are given up before they are begun.
async fn look_at(text: &str, pulses: &Pulses, wanted: impl Fn(&str) -> bool) -> Finding {
    judged(text, taken(text, pulses, wanted).await)
}

fn parsed(text: &str) -> (Playbook, Aim) {
    let playbook = Playbook::parse(text, "test.toml", &[])
        .unwrap_or_else(|problems| panic!("{}", problems.render(false, None)));
    let direction = Direction {
        source: "dedicated".into(),
        target: "cloud".into(),
    };
    (playbook, Aim::there(&direction, false))
}

fn check(playbook: &Playbook) -> &dyn Check {
    let Work::Check(check) = &playbook.steps()[0].work else {
        panic!("it is a check")
    };
    check.as_ref()
}

type Sights = Vec<(String, Known)>;

async fn taken(text: &str, pulses: &Pulses, wanted: impl Fn(&str) -> bool) -> Sights {
    let (playbook, aim) = parsed(text);
    let site = playbook.live(Clock::real(), Exec::new());
    let mut items = Vec::new();
    for look in check(&playbook).looks(&site, &aim, pulses) {
        if !wanted(&look.key) {
            let unseen = Unseen::new(Cause::Missing, "not looked at");
            items.push((look.key, Known::Unseen(unseen)));
            continue;
        }
        let seen = tokio::time::timeout(Duration::from_secs(120), look.ask)
            .await
            .unwrap();
        items.push((look.key, seen.map_or_else(Known::Unseen, Known::Live)));
    }
    site.exec.close().await;
    items
}

fn judged(text: &str, items: Sights) -> Finding {
    let (playbook, aim) = parsed(text);
    let evidence = Evidence {
        items,
        baseline: Vec::new(),
    };
    check(&playbook).judge(&aim, &evidence)
}
