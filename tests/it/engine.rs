//! The loop in a world at the level of sights and places, in virtual time: what it does when things go wrong.

mod bench;
mod looks;
mod random;
mod stops;
mod theirs;
mod writes;
