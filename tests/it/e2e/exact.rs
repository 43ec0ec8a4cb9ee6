//! What is put back is what was read, byte by byte.

use super::scene::Plot;

#[test]
fn a_file_comes_back_with_its_blanks_and_line_ends() {
    let Some(scene) = Plot::small().scene() else {
        return;
    };
    let file = scene.folder.path().join("mark");
    let path = file.display();
    let mark = format!(
        "[[step]]\nid = \"mark\"\nkind = \"command\"\non = \"local\"\nread = [\"cat\", \"{path}\"]\n\
         want = \"new\"\nrun = [\"tee\", \"{path}\"]\nundo = [\"tee\", \"{path}\"]\n"
    );
    let before = "[[step]]\nid = \"works\"";
    let text = scene.text().replace(before, &format!("{mark}{before}"));
    scene.write_playbook(&text);
    for former in ["old\n\n", "\n  old\t", "", "two\nlines, and blanks  \n"] {
        std::fs::write(&file, former).unwrap();
        let over = scene.run(&["failover", "PLAYBOOK", "--yes"]).exits(0);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "new\n", "{over}");
        let back = scene.run(&["rollback", "--yes"]).exits(0);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), former, "{back}");
    }
}
