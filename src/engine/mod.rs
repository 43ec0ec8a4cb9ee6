//! Surveys the world into a plan, and drives a plan to its end.
//!
//! [`drive`] is the only loop. It asks the machine what comes next, does that one thing, records what
//! happened, and asks again; the real run, the dry run and the resume differ only in the journal and the
//! world that they are given.

mod accept;
mod actual;
mod back;
mod direction;
mod drive;
mod findings;
mod look;
mod owed;
mod people;
mod place;
mod resume;
mod settle;
mod stop;
mod survey;
mod surveyor;
mod world;

pub use actual::{Actual, Remembered};
pub use back::{Ahead, PlaceNow, look_ahead, look_at_places, look_once_more, may_land, see_places};
pub use direction::{ends_of, leads_in_dns, why_no_way_back};
pub use drive::{Bar, Outfit, RunError, drive, drive_dry};
pub use owed::{FENCE, MOVE, MOVE_BACK, RETURN, is_astray, to_see};
pub use people::{ANYWAY, Heeds, Nobody, People, Told};
pub use resume::{GoOn, held_for, may_go_on, may_turn_back, resume};
pub use settle::told_before;
pub use stop::{Stop, StopSignal, StopSwitch};
pub use survey::{Intention, SurveyError, survey, survey_by};
pub use surveyor::Surveyor;
pub use world::{Memory, NoMemory, World};
