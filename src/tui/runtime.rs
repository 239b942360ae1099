//! The loop: takes messages, updates the state, starts what it asks for, and draws when something has changed.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use ratatui::layout::Size;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::effect::Effect;
use super::jobs::{Clock, Jobs};
use super::keymap::Keymap;
use super::message::{Envelope, Event, Message};
use super::model::Model;
use super::recorder::Recorder;
use super::terminal::Surface;
use super::theme::Theme;
use super::update::update;
use super::view::view;
use super::world::{Admitted, SourceId, SourceInfo, World};
use super::{TuiError, TuiOptions};

/// How many messages may wait.
const WAITING: usize = 256;
/// The least time between two frames: short enough that a key which comes just after one is answered within 16 ms.
const FRAME: Duration = Duration::from_millis(8);
/// How often the UI learns that time passes.
const TICK: Duration = Duration::from_secs(1);

/// The UI in motion.
pub struct Runtime<T> {
    model: Model,
    terminal: T,
    jobs: Jobs,
    receiver: mpsc::Receiver<Envelope>,
    recorder: Arc<Mutex<Recorder>>,
    clock: Clock,
}

impl<T: Surface> Runtime<T> {
    /// Sets everything up, and starts the first scans. Needs a runtime of tokio.
    ///
    /// # Errors
    /// When the key map is damaged, or the terminal cannot be drawn on.
    pub fn new(
        options: TuiOptions,
        theme: Theme,
        mut terminal: T,
        recorder: Arc<Mutex<Recorder>>,
        clock: Clock,
    ) -> Result<Self, TuiError> {
        let (sender, receiver) = mpsc::channel(WAITING);
        let pruning = Arc::new(options.pruning);
        let jobs = Jobs::new(sender, options.concurrency, clock, options.open, options.images, Arc::clone(&pruning));
        let mut sources: Vec<SourceInfo> = Vec::new();
        for source in options.sources {
            match jobs.admit(source) {
                Admitted::New(info) => sources.push(info),
                // It was named twice, the second time perhaps for one of its refs.
                Admitted::Known(SourceId(place), select) => {
                    if let Some(info) = sources.get_mut(place) {
                        info.select = info.select.take().or(select);
                    }
                }
            }
        }
        let mut size = Size::default();
        terminal.draw(&mut |frame| size = frame.area().as_size())?;
        let mut world = World::new(clock(), size, theme, Keymap::built_in()?, options.mouse, &pruning);
        world.explain_at_once = !options.evidence.is_empty();
        world.evidence = options.evidence;
        let (model, effects) = Model::new(world, sources, options.start_message);
        let mut runtime = Self { model, terminal, jobs, receiver, recorder, clock };
        runtime.carry_out(effects)?;
        Ok(runtime)
    }

    /// Runs until somebody leaves, or the terminal has no more to tell.
    ///
    /// # Errors
    /// When the terminal cannot be read or drawn on.
    pub async fn run(&mut self, mut events: impl Stream<Item = io::Result<Event>> + Unpin) -> io::Result<()> {
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
                Some(envelope) = self.receiver.recv() => self.heed(envelope)?,
                () = self.jobs.ended(), if !self.jobs.is_idle() => {}
                _ = tick.tick() => self.event(Event::Tick)?,
            }
        }
        Ok(())
    }

    /// Heeds an event.
    ///
    /// # Errors
    /// When the terminal cannot be written to.
    pub fn event(&mut self, event: Event) -> io::Result<()> {
        self.heed(Envelope { at: (self.clock)(), message: Message::Event(event) })
    }

    /// Goes on until nothing runs any more and everything is drawn.
    ///
    /// # Errors
    /// When the terminal cannot be drawn on.
    pub async fn until_idle(&mut self) -> io::Result<()> {
        loop {
            tokio::select! {
                biased;
                Some(envelope) = self.receiver.recv() => self.heed(envelope)?,
                () = self.jobs.ended(), if !self.jobs.is_idle() => {}
                () = std::future::ready(()), if self.jobs.is_idle() => break,
            }
        }
        self.draw()
    }

    /// Stops everything, and waits for what must not end in the middle.
    pub async fn finish(&mut self) {
        while self.jobs.finish() {
            tokio::select! {
                // Nobody heeds what is told now, but a full channel would hold the teller up.
                _ = self.receiver.recv() => {}
                () = self.jobs.ended() => {}
            }
        }
    }

    /// Tells whether somebody has left.
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

    fn heed(&mut self, envelope: Envelope) -> io::Result<()> {
        let private = self.model.is_private();
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner).record(&envelope, private);
        let effects = update(&mut self.model, envelope);
        self.carry_out(effects)
    }

    fn carry_out(&mut self, effects: Vec<Effect>) -> io::Result<()> {
        for effect in effects {
            match effect {
                Effect::Copy(text) => {
                    let copied = self.terminal.copy(&text).map_err(|error| error.to_string());
                    self.heed(Envelope { at: (self.clock)(), message: Message::Copied(text, copied) })?;
                }
                Effect::Run(job, work) => self.jobs.start(job, work),
                Effect::Cancel(job) => self.jobs.stop(job),
                Effect::CaptureMouse(capture) => self.terminal.capture_mouse(capture)?,
                Effect::Redraw => self.terminal.forget()?,
            }
        }
        Ok(())
    }

    fn draw(&mut self) -> io::Result<()> {
        let model = &self.model;
        self.terminal.draw(&mut |frame| view(model, frame))?;
        self.model.dirty = false;
        Ok(())
    }
}
