use super::*;
use crate::plan::Way;

const PLAYBOOK: &str = include_str!("../../../playbooks/raspbian.toml");

async fn imagined(text: &str, mode: Mode) -> Model {
    let book = Playbook::parse(text, "test.toml", &[]).expect("a good playbook");
    imagine(&Arc::new(book), mode, None).await.expect("a plan")
}

fn entry<'m>(model: &'m Model, id: &str) -> (&'m Entry, &'m Traits) {
    let at = (model.plan.entries.iter())
        .position(|entry| entry.id.starts_with(id))
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
        back.contains("www.raspbian.example. 300 IN A 192.0.2.10"),
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
    // Five minutes in caches, and a minute until the provider's servers have it.
    assert_eq!(
        entry(&model, "published").1.timing.lag,
        Duration::from_secs(360)
    );
}

#[tokio::test]
async fn it_goes_the_other_way_where_somebody_says_so() {
    let book = Playbook::parse(PLAYBOOK, "test.toml", &[]).unwrap();
    let book = Arc::new(book);
    let model = imagine(&book, Mode::Failover, Some("dedicated"))
        .await
        .unwrap();
    assert_eq!(model.plan.direction.source, "cloud");
    assert_eq!(model.plan.direction.target, "dedicated");
    assert!(
        imagine(&book, Mode::Failover, Some("nowhere"))
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
