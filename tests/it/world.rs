//! The edge against real servers: sshd, nginx, the rsync daemon, and ports that misbehave.

mod exec;
mod net;
mod odd;
mod write;
