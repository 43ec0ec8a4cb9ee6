//! Secrets stay out of everything that is written, printed, or seen in a list of processes.

use std::time::Duration;

use super::scene::{Plot, Servers};
use crate::lab::read;

#[test]
fn no_secret_is_written_anywhere() {
    for servers in [Servers::Bind, Servers::PowerDns] {
        let plot = Plot {
            servers,
            far: servers == Servers::Bind,
            ..Plot::small()
        };
        let Some(scene) = plot.scene() else {
            return;
        };
        let secrets = scene.secrets();
        let mut failover = scene.start(&["failover", "PLAYBOOK", "--yes"]);
        let mut seen = String::new();
        while !failover.has_ended() {
            seen += &failover.visible_arguments();
            // Others work on this machine, too.
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(seen.contains("failover"), "the arguments were seen: {seen}");
        failover.end().exits(0);
        for arguments in [
            &["rollback", "--yes"][..],
            &["plan", "PLAYBOOK", "--out", "plan.json", "--commands"],
            &["show"],
            &["show", "--format", "json"],
            &["owed", "--format", "json"],
        ] {
            // Every end looks for secrets in what was printed.
            let done = scene.run(arguments);
            assert!(matches!(done.code, Some(0 | 5)), "{done}");
        }
        // A key that is wrong is not repeated either.
        let wrong = scene
            .text()
            .replace("TSIG_SECRET", "USER")
            .replace("PDNS_API_KEY", "USER");
        scene.write_playbook(&wrong);
        let done = scene.run(&["failover", "PLAYBOOK", "--yes", "--to", "new"]);
        assert_ne!(done.code, Some(0), "{done}");

        seen += &read(&scene.folder.path().join("plan.json"));
        let mut files = 0;
        for file in std::fs::read_dir(scene.state()).unwrap() {
            let path = file.unwrap().path();
            if path.is_file() {
                files += 1;
                seen += &read(&path);
            }
        }
        assert!(files > 0, "there is a journal");
        for secret in secrets {
            assert!(!seen.contains(&secret), "{servers:?}: a secret leaks");
            let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
            assert!(!seen.contains(&hex), "{servers:?}: a secret leaks as hex");
        }
    }
}
