//! The disk of the state is full while nothing runs: what runs left is still read, and goes back.

use super::program::line_of;
use super::scene::Plot;

/// Fills a small disk under the state folder once a failover is done, but for `spare` KiB, and goes back.
fn script(spare: u32) -> String {
    let line = |arguments: &[&str]| line_of(arguments);
    let state = r#"mkdir -p "$CUTOVER_STATE"; mount -t tmpfs -o size=4m tmpfs "$CUTOVER_STATE"; "#;
    let fill = format!(
        r#"cd "$CUTOVER_STATE"; cat /dev/zero >fill 2>/dev/null || :; truncate -s -{spare}K fill; cd "$OLDPWD"; "#
    );
    let verbs = [
        line(&["runs"]),
        line(&["owed"]),
        line(&["show"]),
        line(&["rollback", "--dry-run"]),
        // What a log that grows takes in between.
        format!(
            r#"(cat /dev/zero >>"$CUTOVER_STATE/fill") 2>/dev/null || :; {}"#,
            line(&["runs"])
        ),
        line(&["rollback", "--yes"]),
        line(&["runs"]),
    ];
    let failover = line(&["failover", "site.toml", "--yes"]);
    format!("{state}{failover}; {fill}{}", verbs.join("; "))
}

#[test]
fn a_disk_that_is_full_keeps_nobody_from_going_back() {
    for spare in [0, 1000, 1036] {
        let Some(scene) = Plot::small().scene() else {
            return;
        };
        scene.playbook();
        let before = scene.zone();
        let done = scene.types_in_namespace(&script(spare)).exits(0);
        let done = done.says("old serves, as before");
        assert_eq!(scene.zone(), before, "{spare}: {done}");
    }
}

#[test]
fn what_looks_says_that_nothing_could_begin_on_a_full_disk() {
    let Some(scene) = Plot::small().scene() else {
        return;
    };
    scene.playbook();
    let state = r#"mkdir -p "$CUTOVER_STATE"; mount -t tmpfs -o size=4m tmpfs "$CUTOVER_STATE""#;
    let fill = r#"(cat /dev/zero >"$CUTOVER_STATE/fill") 2>/dev/null || :"#;
    let look = line_of(&["check", "site.toml"]);
    let [plan, check, failover] = [
        &["plan", "site.toml"][..],
        &["check", "site.toml"],
        &["failover", "site.toml", "--yes"],
    ]
    .map(|arguments| format!(r#"{} || echo "ended with $?""#, line_of(arguments)));
    // Also where what is kept in reserve is there: it is for the way back.
    for reserve in [r#"rm "$CUTOVER_STATE/reserve"; "#, ""] {
        let script =
            format!("{state}; {look}; echo full; {reserve}{fill}; {plan}; {check}; {failover}");
        let done = scene.types_in_namespace(&script).exits(0);
        let (_, full) = done.out.split_once("full\n").expect("it was filled");
        assert!(!full.contains("nothing speaks against it"), "{done}");
        assert_eq!(full.matches("ended with 1\n").count(), 3, "{done}");
        assert!(full.contains("a failover would be refused"), "{done}");
    }
}

#[test]
fn a_dry_run_that_was_not_printed_is_none() {
    let Some(scene) = Plot::small().scene() else {
        return;
    };
    scene.run(&["failover", "PLAYBOOK", "--yes"]).exits(0);
    let said = |arguments: &[&str]| {
        let line = line_of(arguments);
        scene.types_and_says(&format!(
            "{line} > /dev/full 2> said && code=0 || code=$?; echo $code; grep -c 'failed to print' said"
        ))
    };
    let failover = ["failover", "site.toml", "--dry-run", "--to", "old"];
    let json = ["--format", "json"];
    for arguments in [
        &failover[..],
        &[&failover[..], &json[..]].concat(),
        &["rollback", "--dry-run"],
        &["rollback", "--dry-run", "--format", "json"],
        &["--version"],
        &["failover", "--help"],
    ] {
        assert_eq!(said(arguments), "1\n1\n", "{arguments:?}");
    }
    // What was done is done.
    assert_eq!(said(&["rollback", "--yes"]), "0\n1\n");
}
