//! The attempts of one request.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

use super::ServiceKind;
use crate::backend::RemoteError;

/// The attempts that one request has made so far.
#[derive(Debug)]
pub(in crate::backend) struct Tries {
    delays: Option<ExponentialBackoff>,
    pub(super) pauses: usize,
    /// The time they took, without the time that the request waited for its turn.
    pub(super) spent: Duration,
    pub(super) fault: Option<RemoteError>,
    lost: bool,
    /// The number of answered login challenges.
    pub(in crate::backend) challenges: usize,
    /// Whether another client sent the request before and got no answer that it understood.
    was_sent_elsewhere: bool,
}

impl Tries {
    pub(in crate::backend) fn new() -> Self {
        Self {
            delays: None,
            pauses: 0,
            spent: Duration::ZERO,
            fault: None,
            lost: false,
            challenges: 0,
            was_sent_elsewhere: false,
        }
    }

    /// Returns whether another client sent the request before.
    pub(in crate::backend) fn was_sent_elsewhere(&self) -> bool {
        self.was_sent_elsewhere
    }

    /// Returns whether an attempt may have taken effect without a confirmation.
    pub(in crate::backend) fn may_have_worked(&self) -> bool {
        self.lost
    }

    /// Notes that another client sent the request, and that it may have taken effect.
    pub(in crate::backend) fn note_sent_elsewhere(&mut self) {
        self.was_sent_elsewhere = true;
        self.lost = true;
    }

    /// Sleeps before the next attempt, or returns `fault` after the last one.
    pub(super) async fn back_off<T>(
        &mut self,
        service: ServiceKind,
        timeout: Duration,
        fault: RemoteError,
    ) -> Result<Option<T>, RemoteError> {
        self.lost = true;
        let delays = self.delays.get_or_insert_with(|| {
            ExponentialBuilder::default()
                .with_min_delay(Duration::from_millis(200))
                .with_jitter()
                .with_max_times(service.retries())
                .build()
        });
        let left = timeout.saturating_sub(self.spent);
        let Some(delay) = delays.next().filter(|delay| *delay < left) else {
            return Err(fault);
        };
        tokio::time::sleep(delay).await;
        self.spent += delay;
        self.fault = Some(fault);
        Ok(None)
    }
}
