//! What the commands share: the settings, the output, and the state of the process.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use super::arguments::Global;
use super::output::CommandOutput;
use super::{config, s3};
use crate::backend::{Activity, PauseReport};
use crate::error::{Exit, Failure};
use crate::source::{Source, SourceLocation};

/// How much nicer the threads for the work are, and the nicest value there is: setpriority(2).
#[cfg(target_os = "linux")]
const LOWER_BY: i32 = 10;
#[cfg(target_os = "linux")]
const LOWEST: i32 = 19;

/// The shared state of a command.
pub(super) struct CliSession<'a> {
    pub(super) settings: crate::config::Config,
    pub(super) output: &'a CommandOutput,
    pub(super) cancel: CancellationToken,
    /// Whether all changes to stores are forbidden.
    pub(super) read_only: bool,
    /// Whether reads that count as a use are forbidden.
    pub(super) no_touch: bool,
    /// How to access registries.
    pub(super) registry: crate::backend::registry::RegistryAccess,
    /// How to access buckets.
    pub(super) s3: s3::S3Flags,
    /// The user's consents for the sources that files of this checkout name.
    pub(super) consents: Mutex<crate::config::Consents>,
    /// Where the records of scans are kept.
    pub(super) history: crate::config::HistoryStore,
    pub(super) finishing: AtomicBool,
    /// The callback for pauses that services ask for.
    pub(super) pauses: PauseReport,
    /// The activity of services.
    pub(super) activity: Activity,
}

impl CliSession<'_> {
    /// Returns the access settings for stores.
    pub(super) fn access(&self) -> crate::backend::Access {
        let settings = &self.settings;
        let buckets = settings
            .sources
            .iter()
            .filter_map(|setting| match &setting.value.location {
                SourceLocation::S3(location) => Some(location.clone()),
                _ => None,
            });
        crate::backend::Access {
            concurrency: settings.concurrency.value.get(),
            timeout: settings.timeout.value,
            no_touch: self.no_touch,
            registry: self.registry.clone(),
            s3: self.s3.access(&settings.concurrency, buckets.collect()),
            pauses: self.pauses.clone(),
            activity: self.activity.clone(),
        }
    }

    /// Returns a source from a file, with its trust.
    pub(super) fn judged(&self, source: Source) -> Source {
        let consents = self.consents.lock().unwrap_or_else(PoisonError::into_inner);
        consents.judge(source)
    }

    /// Saves the user's consent to contact the host of a source that a file names.
    pub(super) fn consent_to(&self, source: Source) {
        let mut consents = self.consents.lock().unwrap_or_else(PoisonError::into_inner);
        if let (_, Err(error)) = consents.give(source) {
            tracing::warn!(%error, "the consent is kept for this run only");
        }
    }

    /// From now on an interruption does not abort the work; the work ends and cleans up by itself.
    pub(super) fn finish_started(&self) {
        self.finishing.store(true, Ordering::Relaxed);
    }
}

/// Waits for a signal that ends the program.
async fn asked_to_end() {
    let Ok(mut terminate) =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
    else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// The kind of run that a session serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionKind {
    /// A command, which a signal aborts.
    Command,
    /// The terminal UI, which handles the signals itself, and answers keys before all other work.
    Ui,
}

impl SessionKind {
    /// Returns the threads for the work.
    fn runtime(self) -> io::Result<Runtime> {
        let mut builder = Builder::new_multi_thread();
        #[cfg(target_os = "linux")]
        if self == Self::Ui {
            yield_to_keys(&mut builder);
        }
        builder.enable_all().build()
    }
}

/// Lowers the priority of the threads for the work below that of this thread, which answers keys
/// and draws. Only Linux has a priority for each thread.
#[cfg(target_os = "linux")]
fn yield_to_keys(builder: &mut Builder) {
    // A sandbox may forbid the question. All works without it, only less smoothly.
    let Ok(own) = rustix::process::getpriority_process(None) else {
        return;
    };
    // Not relative to the thread itself, which inherits the priority of the one that starts it.
    let lower = own.saturating_add(LOWER_BY).min(LOWEST);
    builder.on_thread_start(move || {
        if let Err(error) = rustix::process::setpriority_process(None, lower) {
            tracing::debug!(%error, "a thread keeps its priority");
        }
    });
}

/// Starts the runtime, and aborts the work when the user interrupts it.
pub(super) fn engine(
    global: &Global,
    output: &CommandOutput,
    work: impl AsyncFnOnce(&CliSession<'_>) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    engine_with(global, output, SessionKind::Command, work)
}

/// Starts the runtime and runs `work` in it.
pub(super) fn engine_with(
    global: &Global,
    output: &CommandOutput,
    kind: SessionKind,
    work: impl AsyncFnOnce(&CliSession<'_>) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    let (settings, consents) = config::effective(global, output)?;
    let state = crate::config::state_dir().filter(|_| settings.keep_state.value);
    let session = CliSession {
        history: crate::config::HistoryStore::new(state.as_deref()),
        settings,
        consents: Mutex::new(consents),
        output,
        cancel: CancellationToken::new(),
        read_only: global.read_only,
        no_touch: global.no_touch,
        registry: global.registry.access()?,
        s3: global.s3.clone(),
        finishing: AtomicBool::new(false),
        pauses: output.progress.pauses(),
        activity: Activity::default(),
    };
    let runtime = kind
        .runtime()
        .map_err(|error| Failure::new(Exit::Failed, &error))?;
    let result = runtime.block_on(async {
        let working = work(&session);
        tokio::pin!(working);
        tokio::select! {
            result = &mut working => result,
            () = asked_to_end(), if kind == SessionKind::Command => {
                session.cancel.cancel();
                if session.finishing.load(Ordering::Relaxed) {
                    output.warn("interrupted: finishing the current operation; interrupt again to stop at once");
                    tokio::select! {
                        result = &mut working => result,
                        () = asked_to_end() => Err(Failure::message(Exit::Interrupted, "interrupted")),
                    }
                } else {
                    Err(Failure::message(Exit::Interrupted, "interrupted"))
                }
            }
        }
    });
    // A read that hangs in the system is not awaited.
    runtime.shutdown_background();
    output.end_progress();
    result
}
