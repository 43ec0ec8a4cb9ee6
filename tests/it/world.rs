//! The edge against real servers: sshd, nginx, the rsync daemon, and ports that misbehave.

mod certificates;
mod chains;
mod exec;
mod net;
mod odd;
mod packed;
mod write;
