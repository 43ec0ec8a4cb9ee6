//! How far behind the target is.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::{stamp, with};
use crate::plan::{Outcome, Seconds};
use crate::step::Known;

#[test]
fn tells_how_far_behind_the_target_is() {
    let behind = |hours, serial| {
        with(
            "stamps standby",
            Known::Live(stamp("standby", hours, serial)),
        )
    };
    let finding = behind(4, Some(2026112201));
    assert_eq!(finding.outcome, Outcome::Pass, "{finding:#?}");
    assert_eq!(
        finding.data_age,
        Some(Seconds(Duration::from_secs(3 * 3600)))
    );
    assert!(
        finding.headline.contains("3h 00m behind"),
        "{}",
        finding.headline
    );

    let finding = behind(8, Some(2026112101));
    assert_eq!(finding.outcome, Outcome::Fail);
    assert!(
        finding.headline.contains("7h 00m behind"),
        "{}",
        finding.headline
    );

    assert_eq!(
        behind(8, Some(2026112202)).outcome,
        Outcome::Pass,
        "the serial is the same"
    );
    assert_eq!(
        behind(0, Some(2026112203)).outcome,
        Outcome::Warn,
        "newer than the source"
    );

    let mut none = stamp("standby", 1, None);
    none["stamp"] = Json::Null;
    assert_eq!(
        with("stamps standby", Known::Live(none)).outcome,
        Outcome::Fail
    );

    let mut other = stamp("standby", 1, None);
    other["stamp"]["file"] = json!("lastsync");
    assert_eq!(
        with("stamps standby", Known::Live(other)).outcome,
        Outcome::Unknown
    );

    let mut absent = stamp("standby", 1, None);
    absent["absent"] = json!("No such file");
    assert_eq!(
        with("stamps standby", Known::Live(absent)).outcome,
        Outcome::Fail
    );

    let mut same = stamp("standby", 1, None);
    same["folder"] = json!("boot-primary 1:2");
    let finding = with("stamps standby", Known::Live(same));
    assert_eq!(
        finding.outcome,
        Outcome::Fail,
        "one folder, compared with itself"
    );
}

#[test]
fn a_sync_that_runs_is_late_and_one_that_hangs_warns() {
    let running = |host: &str, seconds| {
        let mut stamps = stamp(host, 1, Some(2026112202));
        stamps["running"] = json!([{"name": "Archive-Update-in-Progress-x", "seconds": seconds}]);
        Known::Live(stamps)
    };
    assert_eq!(
        with("stamps standby", running("standby", 300)).outcome,
        Outcome::Late
    );
    assert_eq!(
        with("stamps standby", running("standby", 9_000)).outcome,
        Outcome::Warn
    );
    assert_eq!(
        with("stamps primary", running("primary", 300)).outcome,
        Outcome::Warn
    );
}
