//! Mythic Beasts, against a stand-in that answers in recorded shapes. Nothing here was seen at the live
//! service.

use std::path::Path;
use std::sync::Arc;

use cutover::dns::{Honesty, Provider, RecordSet};
use cutover::event::{Answer, Cause};
use cutover::field::Datum;
use serde_json::{Value as Json, json};

use super::{ZONE, build, done, read, refused, secret, set, write};
use crate::lab::mythic::Mythic;

fn mythic(dir: &Path, url: &str, id: &str, key: &str) -> Arc<dyn Provider> {
    let (id, key) = (secret(dir, &format!("{id}.id"), id), secret(dir, id, key));
    build("mythic-beasts", |fields| {
        fields.insert("key-id", id, 0..0);
        fields.insert("secret", key, 0..0);
        fields.insert("url", Datum::Text(url.to_owned()), 0..0);
    })
}

fn record(host: &str, rtype: &str, ttl: u32, data: &str) -> Json {
    json!({ "host": host, "ttl": ttl, "type": rtype, "data": data })
}

#[tokio::test]
async fn mythic_beasts_replaces_one_set_and_counts() {
    let dir = tempfile::tempdir().unwrap();
    let mut template = record("old", "A", 300, "192.0.2.10");
    template["_template"] = json!(true);
    let service = Mythic::start(
        ZONE,
        "lab-id",
        "planted-secret",
        vec![
            record("@", "MX", 300, "mx.other.example."),
            record("@", "A", 300, "192.0.2.10"),
            record("www", "A", 300, "192.0.2.10"),
            record("www", "A", 300, "192.0.2.9"),
            record("alias", "CNAME", 300, "www.lab.example."),
            template,
        ],
    )
    .await;
    let provider = mythic(dir.path(), &service.url(), "lab-id", "planted-secret");
    let provider = &*provider;
    assert_eq!(provider.limits().honesty, Honesty::OneSet);
    assert_eq!(provider.list(ZONE).await.unwrap().sets.len(), 4);
    let www = "www.lab.example. A";
    let apex = "lab.example. A";
    let before = read(provider, &[www]).await;
    assert_eq!(before, [set(www, 300, &["192.0.2.9", "192.0.2.10"])]);
    assert_eq!(read(provider, &[apex]).await.len(), 1);

    // There, and exactly back; also from and to nothing.
    let after = [set(www, 60, &["198.51.100.20"])];
    service.state.lock().unwrap().busy = 2;
    done(write(provider, &before, &after).await);
    assert_eq!(read(provider, &[www]).await, after);
    done(write(provider, &after, &before).await);
    assert_eq!(read(provider, &[www]).await, before);
    done(write(provider, &before, &[]).await);
    assert_eq!(read(provider, &[www]).await, []);
    done(write(provider, &[], &before).await);

    // Published is what the service says of its own name servers.
    service.state.lock().unwrap().lags = 1;
    let keys = [www.parse().unwrap()];
    let not_yet = provider.published(ZONE, &keys).await.unwrap().unwrap_err();
    assert_eq!(not_yet.cause, Cause::Missing);
    assert!(
        not_yet.detail.contains("ns1.mythic-beasts.com"),
        "{not_yet:?}"
    );
    provider.published(ZONE, &keys).await.unwrap().unwrap();

    // Refused before anything is sent: stale, or a record of a template.
    let writes = || {
        let state = service.state.lock().unwrap();
        let count = (state.asked.iter()).filter(|line| !line.starts_with("GET"));
        count.count()
    };
    let sent = writes();
    let stale = [set(www, 60, &["203.0.113.7"])];
    let why = refused(write(provider, &stale, &after).await);
    assert!(why.contains("somebody else"), "{why}");
    let old = read(provider, &["old.lab.example. A"]).await;
    let why = refused(write(provider, &old, &after[..0]).await);
    assert!(why.contains("template"), "{why}");
    assert_eq!(writes(), sent);

    // Somebody else wrote between the look and the write: the counts tell.
    service.state.lock().unwrap().intruder = Some(record("www", "A", 300, "203.0.113.9"));
    let answer = write(provider, &before, &after).await;
    let Answer::Unclear { why } = answer else {
        panic!("{answer:?}");
    };
    assert!(why.contains("removed 3"), "{why}");

    // An error of theirs is unclear, one of ours a refusal; endless "rate limited" is a refusal.
    for (status, clear) in [(500, false), (400, true)] {
        service.state.lock().unwrap().fault = Some((status, "Bad input".into()));
        match write(provider, &after, &before).await {
            Answer::Declined { why } if clear => assert!(why.contains("Bad input"), "{why}"),
            Answer::Unclear { why } if !clear => assert!(why.contains("Bad input"), "{why}"),
            other => panic!("{status}: {other:?}"),
        }
    }
    service.state.lock().unwrap().busy = 100;
    let why = refused(write(provider, &after, &before).await);
    assert!(why.contains("429") && why.contains("Rate limited"), "{why}");

    // A wrong key, also where the service repeats it.
    let wrong = mythic(dir.path(), &service.url(), "other-id", "planted-wrong");
    let unseen = wrong.list(ZONE).await.unwrap_err();
    assert_eq!(unseen.cause, Cause::Denied);
    let why = refused(write(&*wrong, &after, &before).await);
    let coded = data_encoding::BASE64.encode(b"other-id:planted-wrong");
    for text in [unseen.detail, why] {
        assert!(text.contains("bad credentials"), "{text}");
        assert!(
            !text.contains("planted") && !text.contains(&coded),
            "{text}"
        );
    }
    let lines = provider.commands(
        ZONE,
        &RecordSet::value_of(&before),
        &RecordSet::value_of(&after),
    );
    assert_eq!(lines.len(), 1);
    assert!(
        lines[0].contains("/zones/lab.example/records/www/A"),
        "{lines:?}"
    );
    assert!(!lines[0].contains("planted"), "{lines:?}");
}
