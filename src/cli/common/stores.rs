//! Where the runs of a verb live.

use std::sync::Arc;

use super::super::Exit;
use super::{Desk, Failure};
use crate::store::{Memory, Sqlite, Store, is_missing, is_named, no_state, state_dir};

impl Desk {
    /// The store of a new run, and the folder of the state for it. On a disk without room a run would stop before its
    /// first write: it is not begun.
    pub(in crate::cli) fn store(&self) -> Result<Arc<dyn Store>, Failure> {
        let dir = state_dir(self.state.clone()).map_err(|e| Failure::new(Exit::Error, e))?;
        let store = Sqlite::open(&dir)?;
        store.has_room()?;
        Ok(Arc::new(store))
    }

    /// The store of a verb that only looks: what it sees is kept where the state folder is there. It makes none,
    /// and no database in a folder of something else.
    pub(in crate::cli) fn store_if_there(&self) -> Result<Option<Arc<dyn Store>>, Failure> {
        let dir = state_dir(self.state.clone()).map_err(|e| Failure::new(Exit::Error, e))?;
        if is_missing(&dir) {
            return Ok(None);
        }
        let store = match Sqlite::open_existing(&dir)? {
            Some(store) => store,
            None if no_state(&dir, is_named(self.state.as_deref())).is_some() => return Ok(None),
            None => return self.store().map(Some),
        };
        store.has_room()?;
        Ok(Some(Arc::new(store)))
    }

    /// The store as it is, for a verb that tells of runs or goes on with one: where none was made yet there are no
    /// runs, and nothing is made. Of a folder that somebody named and that is not there, as one that holds something
    /// else, nobody says that there are none.
    pub(in crate::cli) fn store_that_is_there(&self) -> Result<Arc<dyn Store>, Failure> {
        let dir = state_dir(self.state.clone()).map_err(|e| Failure::new(Exit::Error, e))?;
        Ok(match Sqlite::open_existing(&dir)? {
            Some(store) => Arc::new(store),
            None => match no_state(&dir, is_named(self.state.as_deref())) {
                Some(why) => return Err(Failure::new(Exit::Usage, why)),
                None => Arc::new(Memory::new()),
            },
        })
    }
}
