//! A live journal in memory: the only source of permits, for tests of a single write.

use std::sync::Arc;
use std::time::Duration;

use cutover::clock::Clock;
use cutover::journal::{Intent, Journal, Live, Meta, Permit};
use cutover::plan::{Direction, Given, Mode, Place, Value, Way};
use cutover::store::Memory;

/// The journal of a run that has not written anything yet.
pub async fn journal() -> Live {
    let clock = Clock::real();
    let meta = Meta {
        playbook: "lab".into(),
        file: None,
        mode: Mode::Failover,
        direction: Direction {
            source: "old".into(),
            target: "new".into(),
        },
        by: "test".into(),
        version: "0".into(),
        began: clock.now(),
        given: Given::default(),
    };
    let store = Arc::new(Memory::new());
    Live::begin(store, "run", &meta, &[], clock, Arc::new(|_| {}))
        .await
        .unwrap()
}

/// Leave to write one place, for a while.
pub async fn permit<'j>(live: &'j mut Live, place: &str, time: Duration) -> Permit<'j> {
    let intent = Intent {
        entry: 0,
        place: Place {
            step: "step".into(),
            name: place.into(),
        },
        way: Way::There,
        from: Value::default(),
        to: Value::default(),
        until: Clock::real().now().plus(time),
    };
    live.intend(intent).await.unwrap().unwrap()
}
