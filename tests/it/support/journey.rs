//! The UI in its own loop, on a terminal in memory, with simulated input.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cachelens::backend::gha::GhaCache;
use cachelens::backend::local::LocalCache;
use cachelens::backend::memory::MemoryCache;
use cachelens::backend::registry::{RegistryAccess, RegistryPruner, RegistryReader};
use cachelens::backend::{Access, PauseReport, SharedReader};
use cachelens::check::ignore::Ignore;
use cachelens::config::HistoryStore;
use cachelens::explain::load::images::{GivenImage, ImageLookup};
use cachelens::format::llb::Platform;
use cachelens::prune::execute::Settle;
use cachelens::source::{Source, SourceLocation, StoreKind};
use cachelens::tui::evidence::{DescribeBuild, EvidenceReaders, NamedEvidence};
use cachelens::tui::keymap::{Keymap, own};
use cachelens::tui::message::{Event, KeyPress};
use cachelens::tui::pruning::Pruning;
use cachelens::tui::recorder::Recorder;
use cachelens::tui::runtime::Runtime;
use cachelens::tui::terminal::{Surface, SuspendedBy};
use cachelens::tui::theme::{Theme, ThemeName};
use cachelens::tui::{OpenedSource, Opener, Openers, TuiOptions};
use jiff::{SignedDuration, Timestamp};
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::{Frame, Terminal};
use tokio::runtime;

/// The time of all journeys, in seconds since 1970: 2026-11-22T12:00:00Z.
const NOW: i64 = 1_795_348_800;

/// A wait for builds that is too short to notice.
pub const SETTLE: Settle = Settle {
    quiet: Duration::from_millis(1),
    most: Duration::from_mins(1),
};

/// The UI and its user.
pub struct Journey {
    runtime: runtime::Runtime,
    ui: Runtime<Page>,
    recorder: Arc<Mutex<Recorder>>,
}

/// The paths of a journey.
struct Places {
    /// The configuration file.
    config_file: PathBuf,
    /// The directory that is searched for declared caches.
    directory: PathBuf,
    /// Where records of scans are kept.
    history: HistoryStore,
    /// Where the order and the filter of sources are kept.
    views_file: Option<PathBuf>,
    /// What the configuration ignores.
    ignores: Vec<Ignore>,
    /// The text of the user's key map.
    keymap: String,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            config_file: "unused.toml".into(),
            directory: "unused".into(),
            history: HistoryStore::default(),
            views_file: None,
            ignores: Vec::new(),
            keymap: String::new(),
        }
    }
}

/// Opens a declared cache: a directory, or nothing.
fn open_declared() -> Opener {
    Arc::new(|cache| {
        let parsed = Source::parse(cache, &Path::is_dir).map_err(|error| error.to_string())?;
        match &parsed.source.location {
            SourceLocation::Local(location) => Ok(OpenedSource {
                select: parsed.source.select.clone(),
                source: Some(parsed.source.clone()),
                ..local(&location.dir.to_string_lossy(), &location.dir)
            }),
            _ => Err(format!("{} does not answer", parsed.source)),
        }
    })
}

/// Converts the build of a command. `images` next to the context has a line `NAME=EVIDENCE` for
/// each base image.
fn described() -> DescribeBuild {
    Arc::new(|build, known| {
        Box::pin(async move {
            let context = Path::new(build.context.as_deref().unwrap_or("."));
            let images = context.parent().unwrap_or(context).join("images");
            let images = fs::read_to_string(images).unwrap_or_default();
            let parse = |line: &str| GivenImage::parse(line).unwrap();
            let given: Vec<GivenImage> = images.lines().map(parse).collect();
            let access = Access::default();
            let lookup = ImageLookup {
                given: &given,
                registries: None,
                access: &access,
                baseline: &[],
                assumes: false,
            };
            let builder = Platform {
                os: "linux".into(),
                architecture: "amd64".into(),
                ..Platform::default()
            };
            let described = build.load_logged(lookup, &builder, &known).await;
            described.map_err(|error| error.to_string())
        })
    })
}

/// A terminal in memory.
pub struct Page {
    terminal: Terminal<TestBackend>,
    /// The copied texts.
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

    fn suspend(&mut self, _by: SuspendedBy, _mouse: bool) -> io::Result<()> {
        self.take_again(false)
    }

    fn take_again(&mut self, _mouse: bool) -> io::Result<()> {
        self.forget()
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

/// Returns a source over a directory, with the name `label`.
pub fn local(label: &str, path: &Path) -> OpenedSource {
    source(label, StoreKind::Local, Arc::new(LocalCache::new(path)))
}

/// Returns a source over a store in memory, with the name `label`.
pub fn memory(label: &str, cache: MemoryCache) -> OpenedSource {
    source(label, StoreKind::Memory, Arc::new(cache))
}

/// Returns a source over a directory, with the name `label`, that supports deletions.
pub fn prunable(label: &str, path: &Path) -> OpenedSource {
    let cache = Arc::new(LocalCache::new(path));
    OpenedSource {
        pruner: Some(cache),
        ..local(label, path)
    }
}

/// Returns a source over a repository on GitHub, with the name `label`, that supports deletions.
pub fn github(label: &str, cache: Arc<GhaCache>) -> OpenedSource {
    let reader: SharedReader = cache.clone();
    OpenedSource {
        pruner: Some(cache),
        ..source(label, StoreKind::Gha, reader)
    }
}

/// Returns a source over a repository in a registry, with its own name, that supports deletions.
pub fn registry(name: &str, access: RegistryAccess) -> OpenedSource {
    let parsed = Source::parse(name, &|_| false).unwrap().source;
    let SourceLocation::Registry(location) = &parsed.location else {
        panic!("{name} is in no registry")
    };
    let access = Access {
        registry: access,
        ..Access::default()
    };
    let pruner = Arc::new(RegistryPruner::new(location, &access));
    let reader: SharedReader = match &parsed.select {
        None => pruner.clone(),
        Some(select) => Arc::new(RegistryReader::new(location, Some(select), &access)),
    };
    OpenedSource {
        pruner: Some(pruner),
        ..source(name, StoreKind::Registry, reader)
    }
}

fn source(label: &str, kind: StoreKind, reader: SharedReader) -> OpenedSource {
    let label = label.to_owned();
    OpenedSource {
        label,
        kind,
        source: None,
        reader: Ok(reader),
        select: None,
        find: None,
        copy_journals: None,
        evidence: NamedEvidence::default(),
        evidence_of_refs: std::collections::BTreeMap::new(),
        pruner: None,
        waiting: None,
    }
}

impl Journey {
    /// Starts with `sources` on a terminal of `width` × `height`, and waits until everything is
    /// scanned.
    pub fn new(sources: Vec<OpenedSource>, size: (u16, u16)) -> Self {
        Self::with(Pruning::default(), sources, size)
    }

    /// Starts like [`Self::new`], with a policy and optionally the permission to delete.
    pub fn with(pruning: Pruning, sources: Vec<OpenedSource>, size: (u16, u16)) -> Self {
        Self::begin(
            pruning,
            NamedEvidence::default(),
            None,
            "unused.toml".into(),
            sources,
            size,
        )
    }

    /// Starts like [`Self::with`]; rules and sources are saved to the file `config`.
    pub fn with_config(
        config: &Path,
        pruning: Pruning,
        sources: Vec<OpenedSource>,
        size: (u16, u16),
    ) -> Self {
        let given = NamedEvidence::default();
        Self::begin(pruning, given, None, config.to_owned(), sources, size)
    }

    /// Starts like [`Self::with`], with evidence from the command line.
    pub fn with_evidence(
        pruning: Pruning,
        evidence: NamedEvidence,
        sources: Vec<OpenedSource>,
        size: (u16, u16),
    ) -> Self {
        Self::begin(pruning, evidence, None, "unused.toml".into(), sources, size)
    }

    /// Starts like [`Self::new`], with evidence from the command line.
    pub fn explaining(
        evidence: NamedEvidence,
        sources: Vec<OpenedSource>,
        size: (u16, u16),
    ) -> Self {
        Self::begin(
            Pruning::default(),
            evidence,
            None,
            "unused.toml".into(),
            sources,
            size,
        )
    }

    /// Starts without a source, with evidence that names one in a registry, which is `source`.
    pub fn recorded(evidence: NamedEvidence, source: OpenedSource, size: (u16, u16)) -> Self {
        Self::begin(
            Pruning::default(),
            evidence,
            Some(source),
            "unused.toml".into(),
            Vec::new(),
            size,
        )
    }

    /// Starts like [`Self::new`], in `directory`, whose files may declare caches. A declared cache
    /// with the path of a directory is that directory; no host is contacted.
    pub fn in_directory(directory: &Path, sources: Vec<OpenedSource>, size: (u16, u16)) -> Self {
        let places = Places {
            directory: directory.to_owned(),
            ..Places::default()
        };
        Self::begin_at(
            Pruning::default(),
            NamedEvidence::default(),
            None,
            places,
            sources,
            size,
        )
    }

    /// Starts like [`Self::with`], in `directory`, whose files may declare caches.
    pub fn with_directory(
        directory: &Path,
        pruning: Pruning,
        sources: Vec<OpenedSource>,
        size: (u16, u16),
    ) -> Self {
        let places = Places {
            directory: directory.to_owned(),
            ..Places::default()
        };
        let given = NamedEvidence::default();
        Self::begin_at(pruning, given, None, places, sources, size)
    }

    /// Begins as [`Self::new`]; records of scans are kept in the state directory `state`.
    pub fn remembering(state: &Path, sources: Vec<OpenedSource>, size: (u16, u16)) -> Self {
        let places = Places {
            history: HistoryStore::new(Some(state)),
            views_file: Some(state.join("views.toml")),
            ..Places::default()
        };
        let (pruning, evidence) = (Pruning::default(), NamedEvidence::default());
        Self::begin_at(pruning, evidence, None, places, sources, size)
    }

    /// Begins as [`Self::new`]; the configuration ignores some findings.
    pub fn ignoring(ignores: Vec<Ignore>, sources: Vec<OpenedSource>, size: (u16, u16)) -> Self {
        let places = Places {
            ignores,
            ..Places::default()
        };
        let pruning = Pruning::default();
        Self::begin_at(
            pruning,
            NamedEvidence::default(),
            None,
            places,
            sources,
            size,
        )
    }

    /// Starts like [`Self::with`], with the text of a user's key map.
    pub fn with_keymap(
        keymap: &str,
        pruning: Pruning,
        sources: Vec<OpenedSource>,
        size: (u16, u16),
    ) -> Self {
        let places = Places {
            keymap: keymap.to_owned(),
            ..Places::default()
        };
        let evidence = NamedEvidence::default();
        Self::begin_at(pruning, evidence, None, places, sources, size)
    }

    fn begin(
        pruning: Pruning,
        evidence: NamedEvidence,
        registry: Option<OpenedSource>,
        config_file: PathBuf,
        sources: Vec<OpenedSource>,
        size: (u16, u16),
    ) -> Self {
        let places = Places {
            config_file,
            ..Places::default()
        };
        Self::begin_at(pruning, evidence, registry, places, sources, size)
    }

    fn begin_at(
        pruning: Pruning,
        evidence: NamedEvidence,
        registry: Option<OpenedSource>,
        places: Places,
        sources: Vec<OpenedSource>,
        size: (u16, u16),
    ) -> Self {
        let mut journey = Self::begin_unscanned(pruning, evidence, registry, places, sources, size);
        journey.wait();
        journey
    }

    fn begin_unscanned(
        pruning: Pruning,
        evidence: NamedEvidence,
        registry: Option<OpenedSource>,
        Places {
            config_file,
            directory,
            history,
            views_file,
            ignores,
            keymap,
        }: Places,
        sources: Vec<OpenedSource>,
        (width, height): (u16, u16),
    ) -> Self {
        let open: Opener = Arc::new(move |name| match (name, &registry) {
            ("demo", _) => Ok(memory("demo", MemoryCache::default())),
            (name, Some(registry)) if name.starts_with("type=registry,") => Ok(registry.clone()),
            (name, _) if name.starts_with("type=local,") => open_declared()(name),
            (name, _) if Path::new(name).is_dir() => Ok(local(name, Path::new(name))),
            (name, _) => Err(format!("{name} does not exist\nhint: try `demo`")),
        });
        let options = TuiOptions {
            pauses: PauseReport::default(),
            sources,
            theme: ThemeName::Dark,
            follow_background: true,
            no_color: false,
            keymap: own::read(
                Keymap::built_in().unwrap(),
                &keymap,
                Path::new(own::FILE_NAME),
            )
            .unwrap(),
            is_ascii: false,
            columns_file: None,
            views_file,
            mouse: true,
            concurrency: 4,
            declared_findings: 0,
            crash_dir: "unused".into(),
            openers: Openers {
                found: Arc::clone(&open),
                declared: open_declared(),
                named: open,
            },
            readers: EvidenceReaders {
                access: Access::default(),
                describe: described(),
                directory,
            },
            evidence,
            pruning,
            config_file,
            history,
            ignores,
        };
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let page = Page {
            terminal: Terminal::new(TestBackend::new(width, height)).unwrap(),
            copied: Vec::new(),
        };
        let recorder = Arc::default();
        let theme = Theme::built_in(options.theme).unwrap();
        let entered = runtime.enter();
        let ui = Runtime::new(options, theme, page, Arc::clone(&recorder), now).unwrap();
        drop(entered);
        Self {
            runtime,
            ui,
            recorder,
        }
    }

    /// Starts like [`Self::new`], and draws the first screen while the scans are running.
    pub fn begun(sources: Vec<OpenedSource>, size: (u16, u16)) -> Self {
        let mut journey = Self::begin_unscanned(
            Pruning::default(),
            NamedEvidence::default(),
            None,
            Places::default(),
            sources,
            size,
        );
        journey.glimpse("");
        journey
    }

    /// Types keys, separated by blanks: `j`, `enter`, `ctrl-d`; `'text` types the text. Waits after
    /// each key until no job is running.
    pub fn press(&mut self, keys: &str) -> &mut Self {
        for word in keys.split_whitespace() {
            match word.strip_prefix('\'') {
                Some(text) => text
                    .chars()
                    .for_each(|character| self.key(&character.to_string())),
                None => self.key(word),
            }
        }
        self
    }

    /// Types keys without waiting before the last one.
    pub fn press_at_once(&mut self, keys: &str) -> &mut Self {
        let Self { runtime, ui, .. } = self;
        runtime.block_on(async {
            for name in keys.split_whitespace() {
                ui.event(Event::Key(KeyPress::parse(name).unwrap()))
                    .unwrap();
            }
            ui.until_idle().await.unwrap();
        });
        self
    }

    /// Types keys and draws the screen at once, while the jobs that they start are running.
    pub fn glimpse(&mut self, keys: &str) -> &mut Self {
        let Self { runtime, ui, .. } = self;
        runtime.block_on(async {
            for name in keys.split_whitespace() {
                ui.event(Event::Key(KeyPress::parse(name).unwrap()))
                    .unwrap();
            }
            ui.draw().unwrap();
        });
        self
    }

    fn key(&mut self, name: &str) {
        let key = KeyPress::parse(name).unwrap_or_else(|| panic!("{name} is no key"));
        self.event(Event::Key(key));
    }

    /// Sends an event, and waits until no job is running.
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
        self.ui
            .terminal_mut()
            .terminal
            .backend_mut()
            .resize(width, height);
        self.event(Event::Resize(width, height))
    }

    /// Returns the cells of the screen.
    pub fn buffer(&self) -> &Buffer {
        self.ui.terminal().terminal.backend().buffer()
    }

    /// Returns the screen line by line, without trailing blanks.
    pub fn screen(&self) -> String {
        let buffer = self.buffer();
        let line = |y| {
            let mut line = String::new();
            let mut x = 0;
            while x < buffer.area.width {
                let symbol = buffer[(x, y)].symbol();
                line.push_str(symbol);
                x += u16::try_from(unicode_width::UnicodeWidthStr::width(symbol))
                    .unwrap()
                    .max(1);
            }
            line.trim_end().to_owned() + "\n"
        };
        (0..buffer.area.height).map(line).collect()
    }

    /// Returns the line of the screen that contains `text`.
    pub fn line(&self, text: &str) -> String {
        let screen = self.screen();
        let line = screen.lines().find(|line| line.contains(text));
        line.unwrap_or_else(|| panic!("{text:?} is not on the screen:\n{screen}"))
            .to_owned()
    }

    /// Asserts that the screen shows a text.
    #[track_caller]
    pub fn shows(&self, text: &str) -> &Self {
        let screen = self.screen();
        assert!(screen.contains(text), "no {text:?} in:\n{screen}");
        self
    }

    /// Asserts that the screen does not show a text.
    #[track_caller]
    pub fn hides(&self, text: &str) -> &Self {
        let screen = self.screen();
        assert!(!screen.contains(text), "{text:?} in:\n{screen}");
        self
    }

    /// Asserts that the line with `name` shows a text.
    #[track_caller]
    pub fn shows_in(&self, name: &str, text: &str) -> &Self {
        let line = self.line(name);
        assert!(
            line.contains(text),
            "no {text:?} in {line:?} of:\n{}",
            self.screen()
        );
        self
    }

    /// Returns the last copied text.
    pub fn copied(&self) -> Option<&str> {
        self.ui.terminal().copied.last().map(String::as_str)
    }

    /// Returns whether the UI has ended.
    pub fn is_over(&self) -> bool {
        self.ui.is_over()
    }

    /// Writes the record of events, as after a crash.
    pub fn record(&self, folder: &Path) -> String {
        let path = self
            .recorder
            .lock()
            .unwrap()
            .dump(folder, "a test", now())
            .unwrap();
        std::fs::read_to_string(path).unwrap()
    }

    fn wait(&mut self) {
        self.runtime.block_on(self.ui.until_idle()).unwrap();
    }
}

/// Returns a region of a screen: these lines, from a column on.
pub fn region(screen: &str, lines: Range<usize>, column: usize) -> String {
    let all: Vec<&str> = screen.lines().collect();
    lines
        .map(|line| all[line].chars().skip(column).collect::<String>() + "\n")
        .collect()
}

/// Removes the largest blob of a layout, and adds an unfinished upload and a stray file.
pub fn damage(layout: &Path) {
    let blobs = fs::read_dir(layout.join("blobs/sha256"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let largest = blobs
        .max_by_key(|path| (fs::metadata(path).unwrap().len(), path.clone()))
        .unwrap();
    fs::remove_file(largest).unwrap();
    for (name, bytes) in [("ingest/0a1b/data", 70_000), ("notes.txt", 300)] {
        let path = layout.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, vec![b'x'; bytes]).unwrap();
        let two_days_ago = now() - SignedDuration::from_hours(48);
        for changed in [path.as_path(), path.parent().unwrap()] {
            File::open(changed)
                .unwrap()
                .set_modified(two_days_ago.into())
                .unwrap();
        }
    }
}
