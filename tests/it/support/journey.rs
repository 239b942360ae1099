//! The UI in its own loop, on a terminal in memory, with a person who types.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use cachelens::backend::gha::GhaCache;
use cachelens::backend::local::LocalCache;
use cachelens::backend::memory::MemoryCache;
use cachelens::backend::registry::{RegistryAccess, RegistryCache};
use cachelens::backend::{Access, SharedReader};
use cachelens::source::{Location, Source};
use cachelens::tui::evidence::Given;
use cachelens::tui::message::{Event, Key};
use cachelens::tui::pruning::{MakePruner, Pruning};
use cachelens::tui::recorder::Recorder;
use cachelens::tui::runtime::Runtime;
use cachelens::tui::terminal::Surface;
use cachelens::tui::theme::{Theme, ThemeName};
use cachelens::tui::{OpenedSource, TuiOptions};
use jiff::{SignedDuration, Timestamp};
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::{Frame, Terminal};
use tokio::runtime;

/// The time at which all journeys take place, in seconds since 1970: 2026-11-22T12:00:00Z.
const NOW: i64 = 1_795_348_800;

/// The UI, and a person who uses it.
pub struct Journey {
    runtime: runtime::Runtime,
    ui: Runtime<Page>,
    recorder: Arc<Mutex<Recorder>>,
}

/// A terminal in memory.
pub struct Page {
    terminal: Terminal<TestBackend>,
    /// What was copied.
    copied: Vec<String>,
}

impl Surface for Page {
    fn draw(&mut self, draw: &mut dyn FnMut(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(draw).unwrap();
        Ok(())
    }

    fn forget(&mut self) -> io::Result<()> {
        self.terminal.clear().unwrap();
        Ok(())
    }

    fn capture_mouse(&mut self, _capture: bool) -> io::Result<()> {
        Ok(())
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        self.copied.push(text.to_owned());
        Ok(())
    }
}

/// Returns the time of all journeys.
pub fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

/// Returns a source over a directory, called `label`.
pub fn local(label: &str, path: &Path) -> OpenedSource {
    source(label, "local", Arc::new(LocalCache::new(path)))
}

/// Returns a source over a store in memory, called `label`.
pub fn memory(label: &str, cache: MemoryCache) -> OpenedSource {
    source(label, "memory", Arc::new(cache))
}

/// Returns a source over a directory, called `label`, from which a confirmed plan deletes.
pub fn prunable(label: &str, path: &Path) -> OpenedSource {
    let cache = Arc::new(LocalCache::new(path));
    let pruner: MakePruner = Arc::new(move || cache.clone());
    OpenedSource { pruner: Some(pruner), ..local(label, path) }
}

/// Returns a source over a repository on GitHub, called `label`, from which a confirmed plan deletes.
pub fn github(label: &str, cache: Arc<GhaCache>) -> OpenedSource {
    let reader: SharedReader = cache.clone();
    let pruner: MakePruner = Arc::new(move || cache.clone());
    OpenedSource { pruner: Some(pruner), ..source(label, "gha", reader) }
}

/// Returns a source over a repository in a registry, called as it is named, from which a confirmed plan deletes.
pub fn registry(name: &str, access: RegistryAccess) -> OpenedSource {
    let parsed = Source::parse(name, &|_| false).unwrap().source;
    let Location::Registry(location) = &parsed.location else { panic!("{name} is in no registry") };
    let access = Access { registry: access, ..Access::default() };
    let cache = Arc::new(RegistryCache::new(location, parsed.select.as_ref(), &access));
    let reader: SharedReader = cache.clone();
    let pruner: MakePruner = Arc::new(move || cache.clone());
    OpenedSource { pruner: Some(pruner), ..source(name, "registry", reader) }
}

fn source(label: &str, kind: &str, reader: SharedReader) -> OpenedSource {
    OpenedSource { label: label.to_owned(), kind: kind.to_owned(), reader: Ok(reader), select: None, pruner: None }
}

impl Journey {
    /// Begins with `sources` on a terminal of `width` × `height`, and waits until everything is scanned.
    pub fn new(sources: Vec<OpenedSource>, size: (u16, u16)) -> Self {
        Self::with(Pruning::default(), sources, size)
    }

    /// Begins as [`Self::new`], with a policy and perhaps the right to delete.
    pub fn with(pruning: Pruning, sources: Vec<OpenedSource>, size: (u16, u16)) -> Self {
        Self::begin(pruning, Given::default(), sources, size)
    }

    /// Begins as [`Self::new`], with evidence from the command line.
    pub fn explaining(evidence: Given, sources: Vec<OpenedSource>, size: (u16, u16)) -> Self {
        Self::begin(Pruning::default(), evidence, sources, size)
    }

    fn begin(pruning: Pruning, evidence: Given, sources: Vec<OpenedSource>, (width, height): (u16, u16)) -> Self {
        let options = TuiOptions {
            sources,
            theme: ThemeName::Dark,
            no_color: false,
            mouse: true,
            concurrency: 4,
            start_message: None,
            crash_dir: "unused".into(),
            open: Arc::new(|name| match name {
                "demo" => Ok(memory("demo", MemoryCache::default())),
                name if Path::new(name).is_dir() => Ok(local(name, Path::new(name))),
                name => Err(format!("{name} does not exist\nhint: try `demo`")),
            }),
            images: Arc::new(|_| Box::pin(async { Ok(None) })),
            evidence,
            pruning,
        };
        let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let page = Page { terminal: Terminal::new(TestBackend::new(width, height)).unwrap(), copied: Vec::new() };
        let recorder = Arc::default();
        let theme = Theme::built_in(options.theme).unwrap();
        let entered = runtime.enter();
        let ui = Runtime::new(options, theme, page, Arc::clone(&recorder), now).unwrap();
        drop(entered);
        let mut journey = Self { runtime, ui, recorder };
        journey.wait();
        journey
    }

    /// Types keys, parted by blanks: `j`, `enter`, `ctrl-d`; `'text` types the text. Waits after each until nothing runs.
    pub fn press(&mut self, keys: &str) -> &mut Self {
        for word in keys.split_whitespace() {
            match word.strip_prefix('\'') {
                Some(text) => text.chars().for_each(|character| self.key(&character.to_string())),
                None => self.key(word),
            }
        }
        self
    }

    /// Types keys as fast as can be: nothing is waited for before the last.
    pub fn press_at_once(&mut self, keys: &str) -> &mut Self {
        let Self { runtime, ui, .. } = self;
        runtime.block_on(async {
            for name in keys.split_whitespace() {
                ui.event(Event::Key(Key::parse(name).unwrap())).unwrap();
            }
            ui.until_idle().await.unwrap();
        });
        self
    }

    fn key(&mut self, name: &str) {
        let key = Key::parse(name).unwrap_or_else(|| panic!("{name} is no key"));
        self.event(Event::Key(key));
    }

    /// Lets something happen, and waits until nothing runs.
    pub fn event(&mut self, event: Event) -> &mut Self {
        let Self { runtime, ui, .. } = self;
        runtime.block_on(async {
            ui.event(event).unwrap();
            ui.until_idle().await.unwrap();
        });
        self
    }

    /// Gives the terminal another size.
    pub fn resize(&mut self, width: u16, height: u16) -> &mut Self {
        self.ui.terminal_mut().terminal.backend_mut().resize(width, height);
        self.event(Event::Resize(width, height))
    }

    /// Returns the cells of the screen.
    pub fn buffer(&self) -> &Buffer {
        self.ui.terminal().terminal.backend().buffer()
    }

    /// Returns what is on the screen, line by line, without the blanks at the ends.
    pub fn screen(&self) -> String {
        let buffer = self.buffer();
        let line = |y| {
            let mut line = String::new();
            let mut x = 0;
            while x < buffer.area.width {
                let symbol = buffer[(x, y)].symbol();
                line.push_str(symbol);
                x += u16::try_from(unicode_width::UnicodeWidthStr::width(symbol)).unwrap().max(1);
            }
            line.trim_end().to_owned() + "\n"
        };
        (0..buffer.area.height).map(line).collect()
    }

    /// Returns the line of the screen that contains `text`.
    pub fn line(&self, text: &str) -> String {
        let screen = self.screen();
        let line = screen.lines().find(|line| line.contains(text));
        line.unwrap_or_else(|| panic!("{text:?} is not on the screen:\n{screen}")).to_owned()
    }

    /// Returns what was copied last.
    pub fn copied(&self) -> Option<&str> {
        self.ui.terminal().copied.last().map(String::as_str)
    }

    /// Tells whether the UI has ended.
    pub fn is_over(&self) -> bool {
        self.ui.is_over()
    }

    /// Writes down what happened, as after a crash.
    pub fn record(&self, folder: &Path) -> String {
        let path = self.recorder.lock().unwrap().dump(folder, "a test", now()).unwrap();
        std::fs::read_to_string(path).unwrap()
    }

    fn wait(&mut self) {
        self.runtime.block_on(self.ui.until_idle()).unwrap();
    }
}

/// Takes the largest blob out of a layout, and leaves an unfinished upload and a stray file in it.
pub fn damage(layout: &Path) {
    let blobs = fs::read_dir(layout.join("blobs/sha256")).unwrap().map(|entry| entry.unwrap().path());
    let largest = blobs.max_by_key(|path| (fs::metadata(path).unwrap().len(), path.clone())).unwrap();
    fs::remove_file(largest).unwrap();
    for (name, bytes) in [("ingest/0a1b/data", 70_000), ("notes.txt", 300)] {
        let path = layout.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, vec![b'x'; bytes]).unwrap();
        let two_days_ago = now() - SignedDuration::from_hours(48);
        for changed in [path.as_path(), path.parent().unwrap()] {
            File::open(changed).unwrap().set_modified(two_days_ago.into()).unwrap();
        }
    }
}
