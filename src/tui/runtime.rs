//! The loop: receives messages, updates the state, starts effects, and draws after changes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use ratatui::layout::Size;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::columns::HiddenColumns;
use super::effect::Effect;
use super::jobs::{Clock, JobSettings, Jobs};
use super::message::{Event, Message, TimedMessage};
use super::model::Model;
use super::recorder::Recorder;
use super::terminal::Surface;
use super::theme::Theme;
use super::update::update;
use super::view::view;
use super::views::SavedViews;
use super::world::{Admitted, SourceFacts, SourceId, StatusKind, Themes, World};
use super::{OpenedSource, TuiError, TuiOptions};
use crate::backend::{CurrentPause, PauseReport};
use crate::text::escape::visible;

/// The number of messages that may wait.
const WAITING: usize = 256;
/// The minimum time between two frames: short enough to answer a key that arrives just after a
/// frame within 16 ms.
const FRAME: Duration = Duration::from_millis(8);
/// How many sources of earlier runs the start screen offers.
const MOST_RECENT: usize = 5;
/// The interval of ticks for the UI.
const TICK: Duration = Duration::from_secs(1);

/// The running UI.
pub struct Runtime<T> {
    model: Model,
    terminal: T,
    jobs: Jobs,
    receiver: mpsc::Receiver<TimedMessage>,
    recorder: Arc<Mutex<Recorder>>,
    clock: Clock,
    pauses: PauseReport,
}

impl<T: Surface> Runtime<T> {
    /// Sets everything up, and starts the first scans. Needs a tokio runtime.
    ///
    /// # Errors
    /// When a theme is damaged, or the terminal cannot be drawn on.
    pub fn new(
        options: TuiOptions,
        theme: Theme,
        mut terminal: T,
        recorder: Arc<Mutex<Recorder>>,
        clock: Clock,
    ) -> Result<Self, TuiError> {
        let (sender, receiver) = mpsc::channel(WAITING);
        let recent = options.history.recent(MOST_RECENT);
        let pruning = Arc::new(options.pruning);
        let here = options.readers.directory.clone();
        let jobs = Jobs::new(
            sender,
            clock,
            JobSettings {
                concurrency: options.concurrency,
                openers: options.openers,
                readers: options.readers,
                pruning: Arc::clone(&pruning),
                config_file: options.config_file.clone(),
                history: options.history,
                ignores: options.ignores.into(),
            },
        );
        let sources = admit_all(&jobs, options.sources);
        let mut size = Size::default();
        terminal.draw(&mut |frame| size = frame.area().as_size())?;
        let mut world = World::new(
            clock(),
            size,
            theme,
            options.keymap,
            options.mouse,
            &pruning,
        );
        world.no_color = options.no_color;
        world.is_ascii = options.is_ascii;
        recall(&mut world, options.columns_file, options.views_file, &here);
        world.explain_at_once = !options.evidence.is_empty();
        if options.follow_background && !options.no_color {
            world.themes = Some(Themes::built_in()?);
        }
        world.recent = recent;
        world.evidence = options.evidence;
        world.declared_findings = options.declared_findings;
        world.config_file = options.config_file;
        let (model, effects) = Model::new(world, sources);
        let mut runtime = Self {
            model,
            terminal,
            jobs,
            receiver,
            recorder,
            clock,
            pauses: options.pauses,
        };
        runtime.carry_out(effects)?;
        Ok(runtime)
    }

    /// Runs until a person quits, or the terminal's input ends.
    ///
    /// # Errors
    /// Fails if the terminal cannot be read or drawn on.
    pub async fn run(
        &mut self,
        mut events: impl Stream<Item = io::Result<Event>> + Unpin,
    ) -> io::Result<()> {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut next_frame = Instant::now();
        while !self.model.over {
            if self.model.dirty && Instant::now() >= next_frame {
                self.draw()?;
                next_frame = Instant::now() + FRAME;
            }
            tokio::select! {
                biased;
                () = sleep_until(next_frame), if self.model.dirty => {}
                event = events.next() => match event {
                    Some(event) => self.event(event?)?,
                    None => break,
                },
                Some(envelope) = self.receiver.recv() => self.handle(envelope)?,
                () = self.jobs.ended(), if !self.jobs.is_idle() => {}
                _ = tick.tick() => {
                    self.event(Event::Tick)?;
                    self.show_wait()?;
                }
            }
        }
        Ok(())
    }

    /// Handles an event.
    ///
    /// # Errors
    /// Fails if the terminal cannot be written to.
    pub fn event(&mut self, event: Event) -> io::Result<()> {
        self.handle(TimedMessage {
            at: (self.clock)(),
            message: Message::Event(event),
        })
    }

    /// Shows the pause that a service asks for, if there is one.
    fn show_wait(&mut self) -> io::Result<()> {
        let wait = self.pauses.longest().and_then(|pause| shown(&pause));
        if wait == self.model.world.waiting {
            return Ok(());
        }
        self.handle(TimedMessage {
            at: (self.clock)(),
            message: Message::Waiting(wait),
        })
    }

    /// Continues until no job is running and everything is drawn.
    ///
    /// # Errors
    /// Fails if the terminal cannot be drawn on.
    pub async fn until_idle(&mut self) -> io::Result<()> {
        loop {
            tokio::select! {
                biased;
                Some(envelope) = self.receiver.recv() => self.handle(envelope)?,
                () = self.jobs.ended(), if !self.jobs.is_idle() => {}
                () = std::future::ready(()), if self.jobs.is_idle() => break,
            }
        }
        self.draw()
    }

    /// Stops all jobs, and waits for those that must not be interrupted.
    pub async fn finish(&mut self) {
        while self.jobs.finish() {
            tokio::select! {
                // Reports are ignored now, but a full channel would block the senders.
                _ = self.receiver.recv() => {}
                () = self.jobs.ended() => {}
            }
        }
    }

    /// Returns whether a person has quit.
    pub fn is_over(&self) -> bool {
        self.model.over
    }

    /// Returns the terminal.
    pub fn terminal(&self) -> &T {
        &self.terminal
    }

    /// Returns the terminal, to change it.
    pub fn terminal_mut(&mut self) -> &mut T {
        &mut self.terminal
    }

    fn handle(&mut self, envelope: TimedMessage) -> io::Result<()> {
        let private = self.model.is_private();
        self.recorder
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .record(&envelope, private);
        let effects = update(&mut self.model, envelope);
        self.carry_out(effects)
    }

    fn carry_out(&mut self, effects: Vec<Effect>) -> io::Result<()> {
        for effect in effects {
            match effect {
                Effect::Copy(text) => {
                    let copied = self.terminal.copy(&text).map_err(|error| error.to_string());
                    self.handle(TimedMessage {
                        at: (self.clock)(),
                        message: Message::Copied(text, copied),
                    })?;
                }
                Effect::Run(job, work) => self.jobs.start(job, work),
                Effect::Cancel(job) => self.jobs.stop(job),
                Effect::CaptureMouse(capture) => self.terminal.capture_mouse(capture)?,
                Effect::Redraw => self.terminal.forget()?,
                Effect::Suspend(by) => {
                    let mouse = self.model.world.mouse;
                    if let Err(error) = self.terminal.suspend(by, mouse) {
                        let words = format!("not suspended: {error}");
                        self.model.world.note(StatusKind::Failed, words);
                    }
                    self.model.dirty = true;
                }
                Effect::TakeAgain => {
                    self.terminal.take_again(self.model.world.mouse)?;
                    self.model.dirty = true;
                }
                Effect::UsePolicy(policy) => self.jobs.use_policy(policy),
            }
        }
        Ok(())
    }

    /// Draws the state, which may be that of running jobs.
    ///
    /// # Errors
    /// Fails if the terminal cannot be drawn on.
    pub fn draw(&mut self) -> io::Result<()> {
        let model = &self.model;
        self.terminal.draw(&mut |frame| view(model, frame))?;
        self.model.dirty = false;
        Ok(())
    }
}

/// Reads the choices of earlier runs.
fn recall(
    world: &mut World,
    columns_file: Option<PathBuf>,
    views_file: Option<PathBuf>,
    directory: &Path,
) {
    let columns = columns_file.as_deref();
    world.hidden_columns = columns.map(HiddenColumns::load).unwrap_or_default();
    world.columns_file = columns_file;
    world.saved_views = SavedViews::load(views_file);
    world.typed_evidence = world.saved_views.evidence_in(directory);
}

/// Describes a long pause with the remaining time; `None` for a short one.
fn shown(pause: &CurrentPause) -> Option<String> {
    let left = pause.until.duration_since(std::time::Instant::now());
    let seconds = left.as_secs_f64().ceil();
    (pause.whole > Duration::from_secs(1))
        .then(|| format!("{} asks to wait: {seconds} s left", visible(&pause.service)))
}

/// Admits the sources of the command line; those that are named twice, once.
fn admit_all(jobs: &Jobs, opened: Vec<OpenedSource>) -> Vec<SourceFacts> {
    let mut sources: Vec<SourceFacts> = Vec::new();
    for source in opened {
        match jobs.admit(source) {
            Admitted::New(info) => sources.push(info),
            // The source was named twice, the second time perhaps with one of its refs.
            Admitted::Known(SourceId(place), select) => {
                if let Some(info) = sources.get_mut(place) {
                    info.select = info.select.take().or(select);
                }
            }
        }
    }
    sources
}
