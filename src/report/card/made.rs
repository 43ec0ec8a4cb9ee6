//! How many of the changes that a run was to make were made, as far as was seen.

use super::super::numbers::count;
use super::super::tally::Standing;

/// The changes by how they are; what was so already was made by nobody here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Made {
    all: usize,
    made: usize,
    back: usize,
    part: usize,
    theirs: usize,
    /// What was begun and never seen may stand, or not.
    unsure: usize,
}

impl Made {
    pub(super) fn of(standings: impl IntoIterator<Item = Standing>) -> Made {
        let mut sum = Made::default();
        for standing in standings {
            sum.all += usize::from(standing != Standing::Already);
            let list = match standing {
                Standing::Already | Standing::Untouched => continue,
                Standing::Stands => &mut sum.made,
                Standing::PutBack => &mut sum.back,
                Standing::Half => &mut sum.part,
                Standing::Foreign => &mut sum.theirs,
                Standing::Torn | Standing::Unclear | Standing::Contradicted => &mut sum.unsure,
            };
            *list += 1;
        }
        sum
    }

    /// Of a run that stays where it went. What was temporary is over, and was made all the same.
    pub(super) fn told(&self) -> String {
        let all = count(self.all, "change");
        let head = match self.made + self.back {
            made if made == self.all => return format!("{all} made"),
            0 if self.unsure == self.all => return format!("not known: {all} may stand, or not"),
            0 => "no change seen to be made".to_owned(),
            made => format!("{made} of {all} made"),
        };
        let holds = match self.theirs {
            1 => "holds what somebody else wrote",
            _ => "hold what somebody else wrote",
        };
        let rest = [
            (self.part, "in part"),
            (self.theirs, holds),
            (self.unsure, "may stand, or not"),
        ];
        let rest = rest.into_iter().filter(|(n, _)| *n > 0);
        rest.fold(head, |told, (n, how)| format!("{told}, {n} {how}"))
    }

    /// Those of a drill that were made and are put back.
    pub(super) fn and_back(&self) -> String {
        let all = count(self.all, "change");
        match self.back {
            back if back == self.all => all,
            0 => "no change".to_owned(),
            back => format!("{back} of {all}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_seen_to_be_made_is_counted_as_made() {
        use Standing::*;
        let cases: [(&[Standing], &str); 11] = [
            (&[Stands, Stands], "2 changes made"),
            (&[Stands, Already], "1 change made"),
            (&[PutBack, Stands], "2 changes made"),
            (&[Stands, Untouched], "1 of 2 changes made"),
            (&[Untouched, Untouched], "no change seen to be made"),
            (
                &[Contradicted, Untouched],
                "no change seen to be made, 1 may stand, or not",
            ),
            (
                &[Contradicted, Unclear],
                "not known: 2 changes may stand, or not",
            ),
            (
                &[Stands, Torn, Untouched],
                "1 of 3 changes made, 1 may stand, or not",
            ),
            (&[Stands, Half], "1 of 2 changes made, 1 in part"),
            (
                &[Stands, Foreign],
                "1 of 2 changes made, 1 holds what somebody else wrote",
            ),
            (
                &[Foreign, Foreign],
                "no change seen to be made, 2 hold what somebody else wrote",
            ),
        ];
        for (standings, told) in cases {
            assert_eq!(Made::of(standings.iter().copied()).told(), told);
        }
        let back = |standings: &[Standing]| Made::of(standings.iter().copied()).and_back();
        assert_eq!(back(&[PutBack, PutBack]), "2 changes");
        assert_eq!(back(&[PutBack, Untouched]), "1 of 2 changes");
        assert_eq!(back(&[Untouched]), "no change");
    }
}
