//! Plans, and tables of runs.

use std::time::Duration;

use super::fixture::{self, FLIP};
use super::stories;
use crate::plan::{Act, IfInterrupted, Mode, Nature};
use crate::report::{
    Commands, OwedRow, RunRow, Style, Tally, owed_table, plan, render, runs_table,
};

#[test]
fn the_plan_reads_well() {
    let mut reviewed = fixture::plan(Mode::Drill);
    let mut act = reviewed.entries[fixture::MIRROR].clone();
    act.id = "quiesce".into();
    act.title = "no mirror job runs".into();
    act.answers = None;
    act.nature = Nature::Act(Act {
        does: "ssh primary sudo systemctl stop mirror.timer".into(),
        undo: Some("ssh primary sudo systemctl start mirror.timer".into()),
        if_interrupted: IfInterrupted::Again,
    });
    let mut last = act.clone();
    last.id = "promote".into();
    last.title = "the database takes writes".into();
    last.nature = Nature::Act(Act {
        does: "ssh standby sudo pg_ctl promote".into(),
        undo: None,
        if_interrupted: IfInterrupted::Hold,
    });
    reviewed.entries.insert(FLIP, act);
    reviewed.entries.insert(FLIP + 1, last);
    let commands = [Commands {
        entry: "flip/raspbian.example".into(),
        there: vec!["nsupdate <<END\nserver 192.0.2.54\nsend\nEND".into()],
        back: vec!["nsupdate <<END\nserver 192.0.2.54\nsend\nEND".into()],
    }];
    let style = Style::plain();
    let text = render(&plan(&reviewed, &commands, None, &style), &style);
    insta::assert_snapshot!("with_acts_and_commands", text);
    let dry = render(
        &plan(&fixture::plan(Mode::Plan), &[], Some("/s"), &style),
        &style,
    );
    insta::assert_snapshot!("of_a_dry_run", dry);
}

#[test]
fn tables_read_well() {
    let style = Style::plain();
    let rows: Vec<RunRow> = (stories().iter().enumerate())
        .map(|(i, (_, records))| RunRow::of(format!("r{}", i + 1), &Tally::of(records)).unwrap())
        .collect();
    let wide = Style {
        width: 120,
        ..style
    };
    insta::assert_snapshot!("runs", render(&runs_table(&rows, &wide), &wide));
    let narrow = Style { width: 60, ..style };
    let long = RunRow {
        run: "20261122-213841-failover-j7g".into(),
        ..rows[3].clone()
    };
    insta::assert_snapshot!(render(&runs_table(&[long], &narrow), &narrow), @"
    RUN                           PLAYBOOK  DIRECTION           TOOK
      ENDED
    20261122-213841-failover-j7g  raspbian  dedicated -> cloud  17m 12s
      done, but not everything was seen; 1 thing owed at its end
    ");
    let owed: Vec<OwedRow> = (stories().into_iter())
        .flat_map(|(_, records)| Tally::of(&records).owed().to_vec())
        .map(|owed| OwedRow {
            run: "r17".into(),
            playbook: "raspbian".into(),
            age: Duration::from_secs(7200),
            stays: Some(super::names().letting_stay(&owed.key)),
            owed,
            said: None,
        })
        .collect();
    insta::assert_snapshot!("owed", render(&owed_table(&owed, &style), &style));
    assert_eq!(
        render(&owed_table(&[], &style), &style),
        "nothing is owed\n"
    );
}
