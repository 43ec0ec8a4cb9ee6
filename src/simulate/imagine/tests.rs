use super::*;
use crate::event::{Event, Record, Round};
use crate::plan::{Outcome, Side, Way};

const PLAYBOOK: &str = include_str!("../../../playbooks/raspbian.toml");

async fn imagined(text: &str, mode: Mode) -> Model {
    let book = Playbook::parse(text, "test.toml", &[]).expect("a good playbook");
    imagine(&Arc::new(book), mode, None, None)
        .await
        .expect("a plan")
}

fn entry<'m>(model: &'m Model, id: &str) -> (&'m Entry, &'m Traits) {
    let at = (model.plan.entries.iter())
        .position(|entry| entry.id.starts_with(id) && !entry.foresees)
        .unwrap_or_else(|| panic!("no entry `{id}`"));
    (&model.plan.entries[at], &model.traits[at])
}

#[tokio::test]
async fn every_name_leads_to_the_source_and_will_lead_to_the_target() {
    let model = imagined(PLAYBOOK, Mode::Failover).await;
    assert_eq!(model.traits.len(), model.plan.entries.len());
    let lines = |way| -> Vec<String> {
        (model.plan.edits())
            .flat_map(|(_, edit)| RecordSet::sets_of(edit.along(way).1).unwrap())
            .flat_map(|set| set.zone_lines())
            .collect()
    };
    let (there, back) = (lines(Way::There).join("\n"), lines(Way::Back).join("\n"));
    assert!(
        there.contains("www.raspbian.example. 60 IN A 198.51.100.20"),
        "{there}"
    );
    assert!(
        there.contains("www.raspbian.example. 60 IN AAAA 2001:db8:1::20"),
        "{there}"
    );
    assert!(
        back.contains("www.raspbian.example. 60 IN A 192.0.2.10"),
        "{back}"
    );
    // The provider takes one call for each record set: none of them can be half done.
    assert_eq!(model.plan.edits().count(), 8);
    assert!((0..model.traits.len()).all(|entry| !model.splits(entry)));
}

#[tokio::test]
async fn each_check_knows_which_site_it_looks_at() {
    let model = imagined(PLAYBOOK, Mode::Drill).await;
    let sees = |id| entry(&model, id).1.sees;
    let both = Sees {
        active: true,
        idle: true,
    };
    assert_eq!(
        sees("works"),
        Sees {
            active: true,
            idle: false
        }
    );
    assert_eq!(sees("packages"), both);
    assert_eq!(sees("published"), Sees::default());
    assert_eq!(sees("traffic"), both);
    assert!(entry(&model, "works").1.serves);
    assert!(!entry(&model, "packages").1.serves);
    // A minute in caches, and a minute until the provider's servers have it; clients follow in a minute more.
    let lag = |id| entry(&model, id).1.timing.lag.as_secs();
    assert_eq!(
        (lag("published"), lag("public"), lag("traffic")),
        (120, 120, 180)
    );
    let without = PLAYBOOK.replace("ttl = \"60s\"\n", "");
    let model = imagined(&without, Mode::Drill).await;
    let lag = entry(&model, "published").1.timing.lag;
    assert_eq!(lag, Duration::from_secs(360));
}

#[tokio::test]
async fn it_goes_the_other_way_where_somebody_says_so() {
    let book = Playbook::parse(PLAYBOOK, "test.toml", &[]).unwrap();
    let book = Arc::new(book);
    let model = imagine(&book, Mode::Failover, Some("dedicated"), None)
        .await
        .unwrap();
    assert_eq!(model.plan.direction.source, "cloud");
    assert_eq!(model.plan.direction.target, "dedicated");
    assert!(
        imagine(&book, Mode::Failover, Some("nowhere"), None)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_change_that_is_no_record_set_has_a_value_of_its_own() {
    let text = format!(
        "{PLAYBOOK}\n[[step]]\nid = \"banner\"\nkind = \"command\"\non = \"standby\"\n\
         read = [\"cat\", \"/etc/motd\"]\nwant = \"here\"\nrun = [\"tee\", \"/etc/motd\"]\n\
         undo = [\"tee\", \"/etc/motd\"]\n"
    );
    let model = imagined(&text, Mode::Failover).await;
    let (banner, _) = entry(&model, "banner");
    let Nature::Change(edit) = &banner.nature else {
        panic!("{banner:?}");
    };
    assert_ne!(edit.before, edit.after);
}

/// What a dry run saw that found one record set, with a TTL of two days.
async fn seen_by_a_dry_run(book: &Arc<Playbook>) -> SeenWorld {
    let mut plan = imagine(book, Mode::Plan, None, None).await.unwrap().plan;
    plan.entries.retain(|entry| match &entry.nature {
        Nature::Change(edit) => edit.before.0.contains_key("www.raspbian.example. A"),
        _ => true,
    });
    for entry in &mut plan.entries {
        if let Nature::Change(edit) = &mut entry.nature {
            let mut sets = RecordSet::sets_of(&edit.before).unwrap();
            sets[0].ttl = 172_800;
            edit.before = RecordSet::value_of(&sets);
        }
    }
    let clock = Clock::following_tokio(jiff::Timestamp::UNIX_EPOCH);
    let event = Event::Started {
        plan: Box::new(plan),
        by: "test".into(),
        version: "0".into(),
    };
    let began = Record {
        seq: 0,
        at: clock.now(),
        event,
    };
    SeenWorld::of(&[began], Vec::new()).unwrap()
}

#[tokio::test]
async fn what_was_really_seen_is_taken_instead() {
    let book = Arc::new(Playbook::parse(PLAYBOOK, "test.toml", &[]).unwrap());
    let mut seen = seen_by_a_dry_run(&book).await;
    for check in &mut seen.checks {
        check.took_ms = Some(3_210).filter(|_| check.id == "packages");
    }
    let model = imagine(&book, Mode::Failover, None, Some(&seen))
        .await
        .unwrap();
    let keys: Vec<&String> = (model.plan.edits())
        .flat_map(|(_, edit)| edit.before.0.keys())
        .collect();
    assert_eq!(keys, ["www.raspbian.example. A"]);
    let (published, traits) = entry(&model, "published");
    assert_eq!(traits.timing.lag, Duration::from_secs(172_860));
    assert_eq!(
        entry(&model, "packages").1.timing.takes,
        Duration::from_millis(3_210)
    );
    // Caches that hold the old record set for two days make every run late: the playbook waits for ten minutes.
    let index = (model.plan.entries.iter())
        .position(|e| e.id == published.id)
        .unwrap();
    let sides = vec![Side::After; model.plan.entries.len()];
    let alive = crate::simulate::Dead::default();
    assert_eq!(
        model.truth(index, Round::There, &sides, alive),
        Outcome::Late
    );
}

#[tokio::test]
async fn what_was_seen_of_something_else_is_refused() {
    let book = Arc::new(Playbook::parse(PLAYBOOK, "test.toml", &[]).unwrap());
    let mut seen = seen_by_a_dry_run(&book).await;
    let back = imagine(&book, Mode::Failover, Some("dedicated"), Some(&seen)).await;
    assert!(
        matches!(back, Err(Unimaginable::OtherWay { .. })),
        "{back:?}"
    );
    seen.playbook = "another".into();
    let other = imagine(&book, Mode::Failover, None, Some(&seen)).await;
    assert!(
        matches!(other, Err(Unimaginable::OtherPlaybook { .. })),
        "{other:?}"
    );
}

#[tokio::test]
async fn only_a_provider_that_swaps_tells_who_wrote_in_between() {
    let powerdns = include_str!("../../../playbooks/small-site.toml");
    let rfc2136 = include_str!("../../../playbooks/ipv6-only.toml");
    for (text, compares) in [(powerdns, false), (rfc2136, true)] {
        let model = imagined(text, Mode::Failover).await;
        let (_, flip) = entry(&model, "flip");
        assert_eq!((flip.whole, flip.compares), (true, compares));
        assert!(!entry(&model, "works").1.compares);
    }
    // What needs several messages may be left by half.
    let long = "a-label-of-which-few-fit-into-a-message";
    let names: Vec<String> = (0..300)
        .map(|n| format!("\"h{n}.{long}.{long}.six.example\""))
        .collect();
    let many = rfc2136.replace("\"archive.six.example\"", &names.join(", "));
    let model = imagined(&many, Mode::Failover).await;
    let flips: Vec<usize> = (model.plan.entries.iter().enumerate())
        .filter(|(_, entry)| entry.kind == "dns")
        .map(|(i, _)| i)
        .collect();
    assert_eq!(flips.len(), 1);
    assert!(model.splits(flips[0]) && model.traits[flips[0]].compares);
    // One call for each record set: that is whole as well, as there is nothing to leave half of.
    let model = imagined(PLAYBOOK, Mode::Failover).await;
    let flips = (model.plan.entries.iter().enumerate())
        .filter(|(_, entry)| entry.kind == "dns")
        .map(|(i, _)| i);
    for flip in flips {
        assert!(!model.splits(flip) && !model.traits[flip].compares);
    }
}
