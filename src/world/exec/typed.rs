//! A program on a host, as a person would type it.

use super::{Reach, Via, quoted};

impl Reach {
    /// The line that a person types here to run a program there just as this program does: with the playbook's
    /// ssh configuration, and under sudo only where the playbook has it. Without words it is what stands before
    /// them.
    pub fn by_hand<S: AsRef<str>>(&self, argv: &[S]) -> String {
        let mut there: Vec<&str> = Vec::new();
        if self.sudo {
            there.extend(["sudo", "-n"]);
        }
        there.extend(argv.iter().map(AsRef::as_ref));
        let Via::Ssh {
            destination,
            config,
        } = &self.via
        else {
            return quoted(&there);
        };
        let config = config.as_ref().map(|config| config.display().to_string());
        let mut words = vec!["ssh"];
        words.extend(config.iter().flat_map(|config| ["-F", config.as_str()]));
        words.push(destination);
        // A shell there reads the line once more.
        let line = quoted(&there);
        let plain = there.join(" ") == line;
        match plain {
            true => words.extend(there),
            false => words.push(&line),
        }
        quoted(&words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_typed_with_the_ssh_configuration_and_the_sudo_of_the_playbook() {
        let reach = |sudo, config: Option<&str>| Reach {
            name: "standby".into(),
            via: Via::Ssh {
                destination: "ops@[2001:db8::1]".into(),
                config: config.map(Into::into),
            },
            sudo,
        };
        let here = |sudo| Reach {
            name: "local".into(),
            via: Via::Local,
            sudo,
        };
        let cases = [
            (reach(false, None), "ssh 'ops@[2001:db8::1]' touch /a"),
            (
                reach(true, Some("my ssh")),
                "ssh -F 'my ssh' 'ops@[2001:db8::1]' sudo -n touch /a",
            ),
            (here(false), "touch /a"),
            (here(true), "sudo -n touch /a"),
        ];
        for (reach, line) in cases {
            assert_eq!(reach.by_hand(&["touch", "/a"]), line);
        }
        assert_eq!(
            reach(true, None).by_hand(&["touch", "/a b"]),
            r"ssh 'ops@[2001:db8::1]' 'sudo -n touch '\''/a b'\'''"
        );
        assert_eq!(
            reach(true, None).by_hand::<&str>(&[]),
            "ssh 'ops@[2001:db8::1]' sudo -n"
        );
    }
}
