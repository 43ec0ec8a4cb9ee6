use super::*;
use crate::fake::plan;
use crate::plan::Mode;

#[test]
fn what_was_never_sent_is_written_again_and_an_act_was_not_done() {
    let plan = plan(Mode::Failover, "ca");
    assert!(matches!(unsent(&plan.entries[0]), Answer::Unclear { .. }));
    assert!(matches!(unsent(&plan.entries[1]), Answer::Refused { .. }));
}

#[test]
fn what_may_land_is_waited_for_as_long_as_it_may_and_never_for_years() {
    let longest = Duration::from_secs(30);
    let now = Stamp::at(1000);
    let until = |of: usize, until: u64| {
        let on_its_way = (of, Stamp::at(until));
        lands_until(Some(&on_its_way), 2, &now, longest)
    };
    assert_eq!(until(2, 1012), Stamp::at(1012));
    assert_eq!(until(2, 1030), Stamp::at(1030));
    // The clock was wrong when it was sent, or is now.
    assert_eq!(until(2, 1031), Stamp::at(1030));
    assert_eq!(until(2, 900_000), Stamp::at(1030));
    // What is on its way to another place does not land here.
    assert_eq!(until(1, 1012), now);
    assert_eq!(until(1, 900_000), now);
    assert_eq!(lands_until(None, 2, &now, longest), now);
}
