//! Whether a write could begin: a look that is told to begin as a write is.
//!
//! What a write meets on its way in is met by the plan. A login that reads the input of programs, or keeps back what
//! they print until they end, lets most looks pass, and no write: that one waits to be told until it was heard.

use std::time::Duration;

use tokio::time::Instant;

use super::feed::HEARD;
use super::output::AFTER_END;
use super::{Exec, Inquiry, Job, Reach, not_run, output, script};
use crate::event::{Cause, Unseen};

impl Exec {
    /// Looks whether writes by these programs could begin there, as far as that shows before: why not, in words.
    pub async fn could_run(
        &self,
        host: &Reach,
        programs: &[&str],
        timeout: Duration,
    ) -> Result<Option<String>, Unseen> {
        let argv = ["sh", "-c", script::COULD, "sh"].iter().chain(programs);
        let inquiry = Inquiry::looks_only(argv.copied());
        let begun = Instant::now();
        let rehearse = |time: Duration, ready| {
            let job = Job::rehearsal(host, &inquiry, time, ready);
            self.start(job, output::Sink::Keep)
        };
        let left = || timeout.saturating_sub(begun.elapsed());
        let mut told = rehearse(timeout, HEARD.min(timeout / 3)).await;
        // A slow login is given what time there is; a write is.
        if let Err(lost) = &told
            && lost.why.cause == Cause::TimedOut
            && left() > 2 * AFTER_END
        {
            told = rehearse(left(), left() - AFTER_END).await;
        }
        let output = told.map_err(|lost| lost.why)?;
        let said = String::from_utf8_lossy(&output.stdout);
        not_run::could(said.trim()).map_err(|cause| {
            let detail = format!("`{}` does not tell whether it could be written", host.name);
            Unseen::new(cause, detail)
        })
    }
}
