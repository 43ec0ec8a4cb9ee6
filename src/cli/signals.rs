//! Signals become requests to stop.

use std::io::Write;
use std::process;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use super::Exit;
use super::common::Desk;
use crate::engine::{Stop, StopSignal, StopSwitch};

/// Says something to whoever is there.
pub(super) type Notices = Box<dyn Fn(&str) + Send + Sync>;

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
    /// `run` can be gone on with. `notices` takes what is answered to whoever asks.
    pub(super) fn listen(
        desk: &Desk,
        run: &str,
        notices: Notices,
    ) -> std::io::Result<(Signals, StopSignal)> {
        let (switch, stop) = StopSwitch::new();
        let go_on = format!(
            "{} or {}",
            desk.to_type(&format!("resume {run}")),
            desk.to_type(&format!("rollback {run}"))
        );
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
                answer(switch.ask(), &go_on, &notices);
            }
        });
        Ok((Signals(task), stop))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever asks a third time wants the process gone"
)]
fn answer(level: Stop, go_on: &str, notices: &Notices) {
    match level {
        Stop::No => {}
        Stop::AfterWrite => {
            notices(
                "stopping: the write or look under way is finished first (again: stop waiting, too)",
            );
        }
        Stop::Now => notices("stopping now: not waiting any more (again: leave at once)"),
        Stop::Exit => {
            super::keys::give_up();
            // No display comes to show it.
            let mut err = std::io::stderr().lock();
            let text = format!("left at once: {go_on} go on from the journal");
            let _gone = writeln!(err, "\ncutover: {text}");
            process::exit(Exit::Stopped as i32);
        }
    }
}
