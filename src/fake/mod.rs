//! A world at the level of sights and places, with faults: for tests and simulation only.
//!
//! Nothing of a protocol is imitated here. A place holds a value; a check behind the change passes where the
//! places lead to the side that its aim wants; a write does what its fault says. Parsers and protocols are
//! tested against the real programs instead.

mod fuse;
mod sketch;
mod world;

pub use fuse::Fuse;
pub use sketch::{edit_of, plan};
pub use world::{FakeWorld, WriteFault};
