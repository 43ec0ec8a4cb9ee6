//! Random text and random changes of a good playbook.

use proptest::prelude::*;

use super::{GOOD, parse, registry};
use crate::playbook::{Input, Playbook};

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Err(problems) = Playbook::read(&bytes, &Input::alone("x.toml", &[])) {
            prop_assert!(problems.errors() > 0);
            prop_assert!(!problems.render(true, Some(40)).is_empty());
        }
    }

    #[test]
    fn no_change_of_a_good_one_makes_it_panic(
        at in 0..GOOD.len(),
        cut in 0..40usize,
        put in "[\\[\\]{}=\"'a-z0-9.,\n#\u{e9}\u{1f600}\u{0}-]{0,12}",
        set in "[a-z.=\"'\\[\\]{} ]{0,20}",
    ) {
        let end = (at + cut).min(GOOD.len());
        let text = format!("{}{put}{}", &GOOD[..at], &GOOD[end..]);
        let sets = if cut % 2 == 0 { vec![set] } else { Vec::new() };
        match Playbook::read_with(&registry(), text.as_bytes(), &Input::alone("x.toml", &sets)) {
            Ok(playbook) => {
                let again = parse(playbook.text()).expect("its own text is good");
                prop_assert_eq!(again.digest(), playbook.digest());
            }
            Err(problems) => {
                prop_assert!(problems.errors() > 0);
                prop_assert!(!problems.render(true, Some(40)).is_empty());
                for problem in &problems.list {
                    prop_assert!(problem.span.start <= problem.span.end);
                }
            }
        }
    }
}
