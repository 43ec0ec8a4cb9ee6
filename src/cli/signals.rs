//! Signals become requests to stop.

use std::io::Write;
use std::process;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use super::Exit;
use super::common::Desk;
use crate::engine::{Stop, StopSignal, StopSwitch};

/// Listens to SIGINT, SIGTERM and SIGHUP until it is dropped.
///
/// The first Ctrl-C or SIGTERM finishes the present write and stops resumably, the second stops waiting, the
/// third leaves at once: the journal makes that safe. SIGHUP means that the terminal went away, and changes
/// nothing else.
pub(super) struct Signals(JoinHandle<()>);

impl Drop for Signals {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Signals {
    pub(super) fn listen(desk: &Desk) -> std::io::Result<(Signals, StopSignal)> {
        let (switch, stop) = StopSwitch::new();
        let go_on = format!("{} or {}", desk.to_type("resume"), desk.to_type("rollback"));
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let task = tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    // Only the terminal is gone: the display fails by itself, the run goes on.
                    _ = hangup.recv() => continue,
                }
                answer(switch.ask(), &go_on);
            }
        });
        Ok((Signals(task), stop))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever asks a third time wants the process gone"
)]
fn answer(level: Stop, go_on: &str) {
    let text = match level {
        Stop::No => return,
        Stop::AfterWrite => {
            "stopping: the present write is finished first (again: stop waiting, too)".to_owned()
        }
        Stop::Now => "stopping now: not waiting any more (again: leave at once)".to_owned(),
        Stop::Exit => format!("left at once: {go_on} go on from the journal"),
    };
    let mut err = std::io::stderr().lock();
    let _gone = writeln!(err, "\ncutover: {text}");
    if level == Stop::Exit {
        process::exit(Exit::Stopped as i32);
    }
}
