//! How long answers are waited for where whoever asks must answer by a certain time himself: no longer than until then, so
//! that what did not answer is named.

use std::time::Duration;

use tokio::time::Instant;

tokio::task_local! {
    static UNTIL: Instant;
}

/// So long is waited in any case: less says nothing of the far side. One question may come after the other.
const LEAST: Duration = Duration::from_millis(200);

/// Does something that waits for no answer beyond `until`.
pub async fn until<F: Future>(until: Instant, work: F) -> F::Output {
    UNTIL.scope(until, work).await
}

/// How long an answer is waited for here that may take so long elsewhere.
pub(super) fn at_most(patience: Duration) -> Duration {
    let left = UNTIL.try_with(|until| until.saturating_duration_since(Instant::now()));
    left.map_or(patience, |left| patience.min(left.max(LEAST)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_must_be_answered_soon_is_not_waited_for_beyond_that() {
        const SECS: fn(u64) -> Duration = Duration::from_secs;
        assert_eq!(at_most(SECS(10)), SECS(10));
        let until_then = until(Instant::now() + SECS(7), async {
            assert_eq!((at_most(SECS(10)), at_most(SECS(2))), (SECS(7), SECS(2)));
            tokio::time::advance(SECS(20)).await;
            assert_eq!(at_most(SECS(10)), LEAST);
        });
        until_then.await;
    }
}
