//! The disk of the fake world: a store in memory that knows which process asks.

use std::sync::Arc;

use super::stage::Stage;
use super::theatre::Fate;
use crate::store::{Append, AppendError, Blow, Memory, Overlay, Reply, Store};

/// What one process sees of the disk.
///
/// A process that was killed gets no answer any more. One whose lock was taken over is answered after the
/// process that took it has written its first line, as the real store would answer it.
pub(super) struct Disk {
    pub(super) stage: Stage,
    pub(super) memory: Arc<Memory>,
}

/// A line that is not, or just, written when the process is killed; or that finds no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Severed {
    /// The number of the line, from 0.
    pub line: u64,
    pub blow: Blow,
}

impl Disk {
    async fn write_down(&self, entry: Append) -> Result<(), AppendError> {
        match self.stage.fate() {
            Fate::Killed => std::future::pending().await,
            Fate::Robbed => {
                self.stage.robbed_until_another_wrote().await;
                let added = self.memory.append(entry).await;
                if added.is_ok() {
                    self.stage.wrote_a_line_without_the_lock();
                }
                return added;
            }
            Fate::Alive => {}
        }
        if let Ok(line) = std::str::from_utf8(&entry.bytes) {
            self.stage.wrote_down(line);
        }
        if self.stage.take_full() {
            return Err(AppendError::Full);
        }
        let severed = self.stage.severs(entry.seq);
        if severed == Some(Blow::Full) {
            return Err(AppendError::Full);
        }
        if severed == Some(Blow::Before) {
            self.stage.die();
            std::future::pending::<()>().await;
        }
        self.memory.append(entry).await?;
        self.stage.line_is_durable();
        if severed == Some(Blow::After) {
            self.stage.die();
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

impl Overlay for Disk {
    fn below(&self) -> &dyn Store {
        &*self.memory
    }

    fn add(&self, entry: Append) -> Reply<'_, (), AppendError> {
        Box::pin(self.write_down(entry))
    }
}
