//! Commands of this program, as a person types them.

use crate::words::quoted;

/// The verbs that look for the state folder.
const WITH_STATE: &[&str] = &[
    "check", "plan", "drill", "failover", "rollback", "resume", "runs", "show", "owed",
];

/// A word as a shell takes it.
pub(super) fn word(text: &str) -> String {
    quoted(&[text])
}

/// Names the state folder in each command of this program that stands between backticks, where a person
/// would have to; those that name one already stay.
pub fn to_type(text: &str, state: Option<&str>) -> String {
    const FLAG: &str = " --state ";
    let Some(state) = state.map(word) else {
        return text.to_owned();
    };
    let needs = |part: &str| {
        let verb = (part.strip_prefix("cutover ")).and_then(|rest| rest.split(' ').next());
        verb.is_some_and(|verb| WITH_STATE.contains(&verb)) && !part.contains(FLAG)
    };
    let parts: Vec<&str> = text.split('`').collect();
    let last = parts.len() - 1;
    let parts = (parts.iter().enumerate()).map(|(i, part)| {
        // Only what a backtick opens and another one closes.
        match i > 0 && i < last && needs(part) {
            true => format!("{part}{FLAG}{state}"),
            false => (*part).to_owned(),
        }
    });
    parts.collect::<Vec<_>>().join("`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_typed_can_be_typed() {
        let cases = [
            ("playbooks/raspbian.toml", "playbooks/raspbian.toml"),
            ("my site.toml", "'my site.toml'"),
            ("it's; rm -rf", r"'it'\''s; rm -rf'"),
            ("", "''"),
        ];
        for (text, typed) in cases {
            assert_eq!(word(text), typed);
        }
    }

    #[test]
    fn commands_name_the_state_folder_where_they_need_it() {
        let cases = [
            (
                "`cutover runs` lists them",
                "`cutover runs --state /s` lists them",
            ),
            (
                "`x` is held; `cutover show --follow r1` or `cutover rollback`",
                "`x` is held; `cutover show --follow r1 --state /s` or `cutover rollback --state /s`",
            ),
            ("`cutover runs --state /t`", "`cutover runs --state /t`"),
            ("see `cutover kinds`", "see `cutover kinds`"),
            ("a cutover runs; `cutover`", "a cutover runs; `cutover`"),
            ("not closed: `cutover runs", "not closed: `cutover runs"),
        ];
        for (text, expected) in cases {
            assert_eq!(to_type(text, Some("/s")), expected);
            assert_eq!(to_type(text, None), text);
        }
        assert_eq!(
            to_type("`cutover owed`", Some("my state")),
            "`cutover owed --state 'my state'`"
        );
    }
}
