//! Sends the reports of a job.

use tokio::sync::mpsc;

use super::Clock;
use crate::tui::effect::JobId;
use crate::tui::message::{JobReport, Message, TimedMessage};

/// Sends the reports of one job.
#[derive(Clone)]
pub(super) struct Reporter {
    pub(super) job: JobId,
    pub(super) sender: mpsc::Sender<TimedMessage>,
    pub(super) clock: Clock,
}

impl Reporter {
    fn envelope(&self, report: JobReport) -> TimedMessage {
        TimedMessage {
            at: (self.clock)(),
            message: Message::Report(self.job, report),
        }
    }

    /// Sends a report that must arrive. If the UI is gone, nothing waits for it.
    pub(super) async fn report(&self, report: JobReport) {
        let _ = self.sender.send(self.envelope(report)).await;
    }

    /// Sends a progress report, unless the UI is busy: the next report contains more. Returns a
    /// report that was not sent.
    pub(super) fn hint(&self, report: JobReport) -> Option<JobReport> {
        match self.sender.try_reserve() {
            Ok(place) => {
                place.send(self.envelope(report));
                None
            }
            Err(_) => Some(report),
        }
    }
}
