use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::backend::{OtherKind, OtherObject};
use crate::inventory::{Inventory, ScanProgress};
use crate::source::RefSelector;
use crate::tui::effect::JobId;
use crate::tui::effect::JobWork;
use crate::tui::evidence::NamedEvidence;
use crate::tui::found::ScannedInventory;
use crate::tui::keymap::Keymap;
use crate::tui::message::{JobReport, KeyPress, ScanEnd};
use crate::tui::pruning::{Deleting, Pruning};
use crate::tui::theme::{Theme, ThemeName};
use crate::tui::work::listing::ListingWork;
use crate::tui::world::SourceFacts;
use crate::tui::world::{Admitted, Scan, SourceId, World};

const START: Timestamp = Timestamp::UNIX_EPOCH;

/// A model with one source, whose scan runs as the returned job.
fn scanning() -> (Model, JobId) {
    let theme = Theme::built_in(ThemeName::Dark).unwrap();
    let world = World::new(
        START,
        Size {
            width: 80,
            height: 24,
        },
        theme,
        Keymap::built_in().unwrap(),
        true,
        &Pruning::default(),
    );
    let deleting = Deleting::Allowed;
    let info = SourceFacts {
        label: "store".into(),
        kind: crate::source::StoreKind::Local,
        fault: None,
        is_search: false,
        select: None,
        deleting,
        is_copy: false,
        evidence: NamedEvidence::default(),
        evidence_of_refs: std::collections::BTreeMap::new(),
        is_waiting: false,
    };
    let (model, effects) = Model::new(world, vec![info]);
    let [Effect::Run(job, JobWork::Scan(SourceId(0)))] = effects[..] else {
        panic!("{effects:?}")
    };
    (model, job)
}

fn send(model: &mut Model, message: Message) -> Vec<Effect> {
    let at = model.world.now;
    update(model, TimedMessage { at, message })
}

fn press(model: &mut Model, keys: &str) -> Vec<Effect> {
    let keys = keys
        .split(' ')
        .map(|key| Message::Event(Event::Key(KeyPress::parse(key).unwrap())));
    keys.flat_map(|key| send(model, key)).collect()
}

/// The result of scanning a store with this many stray files.
fn found(objects: u64) -> ScannedInventory {
    let object = |number| OtherObject {
        name: format!("{number:08}"),
        kind: OtherKind::File,
        size: 1,
        modified: None,
    };
    let unknown = Arc::new((0..objects).map(object).collect());
    ScannedInventory::new(
        Inventory {
            unknown,
            progress: ScanProgress::Complete,
            ..Inventory::default()
        },
        START,
    )
}

fn stored(model: &Model) -> u64 {
    model.world.sources[0]
        .found
        .as_ref()
        .map_or(0, |found| found.totals.stored().count)
}

#[test]
fn escape_stops_a_scan_and_keeps_its_rows() {
    let (mut model, job) = scanning();
    send(
        &mut model,
        Message::Report(job, JobReport::Snapshot(SourceId(0), found(2))),
    );
    let effects = press(&mut model, "enter esc");
    assert!(
        matches!(effects[..], [Effect::Cancel(stopped)] if stopped == job),
        "{effects:?}"
    );
    send(
        &mut model,
        Message::Report(job, JobReport::Scanned(SourceId(0), Err(ScanEnd::Stopped))),
    );
    assert_eq!(
        (stored(&model), &model.world.sources[0].scan),
        (2, &Scan::Stopped)
    );
    assert_eq!(model.screens.len(), 2);
    press(&mut model, "esc");
    assert_eq!(model.screens.len(), 1);
}

#[test]
fn results_of_stale_jobs_are_dropped() {
    let (mut model, old) = scanning();
    let effects = press(&mut model, "r");
    let [Effect::Cancel(stopped), Effect::Run(new, JobWork::Scan(_))] = effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(stopped, old);
    send(
        &mut model,
        Message::Report(old, JobReport::Scanned(SourceId(0), Ok(found(5)))),
    );
    assert_eq!(stored(&model), 0);
    send(
        &mut model,
        Message::Report(new, JobReport::Scanned(SourceId(0), Ok(found(3)))),
    );
    assert_eq!(
        (stored(&model), &model.world.sources[0].scan),
        (3, &Scan::Done)
    );
}

#[test]
fn opening_an_open_source_selects_it() {
    let (mut model, job) = scanning();
    let other = SourceFacts {
        label: "other".into(),
        ..model.world.sources[0].info.clone()
    };
    send(
        &mut model,
        Message::Report(job, JobReport::Opened(Ok(Admitted::New(other)))),
    );
    press(&mut model, "j / s t o r e enter");
    let cursor = |model: &Model| {
        let list = model.screen().list().unwrap();
        list.current().map(|row| list.rows().name(row))
    };
    assert_eq!(cursor(&model).as_deref(), Some("store"));
    send(
        &mut model,
        Message::Report(
            job,
            JobReport::Opened(Ok(Admitted::Known(SourceId(1), None))),
        ),
    );
    assert_eq!(
        (cursor(&model).as_deref(), model.world.sources.len()),
        (Some("other"), 2)
    );
    assert!(
        model
            .world
            .status
            .as_ref()
            .is_some_and(|status| status.text == "other is open already")
    );
    let select = Some(RefSelector::new("main"));
    send(
        &mut model,
        Message::Report(
            job,
            JobReport::Opened(Ok(Admitted::Known(SourceId(0), select))),
        ),
    );
    assert_eq!(model.screens.len(), 2);
}

#[test]
fn many_rows_are_arranged_in_a_job_and_escape_restores_the_old_rows() {
    let (mut model, job) = scanning();
    send(
        &mut model,
        Message::Report(job, JobReport::Scanned(SourceId(0), Ok(found(30_000)))),
    );
    let arrange = |model: &mut Model, effects: Vec<Effect>| {
        let Some(Effect::Run(job, JobWork::Arrange(arrangement))) = effects.into_iter().next_back()
        else {
            panic!()
        };
        let shown = crate::tui::list::arrange(&arrangement, |_| true).unwrap();
        send(
            model,
            Message::Report(job, JobReport::Arranged(arrangement.rows, shown)),
        );
    };
    let rows = |model: &Model| model.screen().list().unwrap().shown().len();
    let effects = press(&mut model, "b");
    arrange(&mut model, effects);
    assert_eq!(rows(&model), 30_000);

    let effects = press(&mut model, "/ 0 0 0 0 1 enter");
    assert_eq!(rows(&model), 30_000);
    press(&mut model, "esc");
    assert!(model.screen().list().unwrap().view().filter.is_empty());
    arrange(&mut model, effects);
    assert_eq!(rows(&model), 30_000);

    let effects = press(&mut model, "/ 0 0 0 0 1 enter");
    assert_eq!(
        effects
            .iter()
            .filter(|effect| matches!(effect, Effect::Cancel(_)))
            .count(),
        4
    );
    arrange(&mut model, effects);
    assert_eq!(rows(&model), 1_111);
}

#[test]
fn messages_disappear_after_some_time() {
    let (mut model, _) = scanning();
    press(&mut model, "enter enter esc");
    assert!(model.world.status.is_some());
    model.dirty = false;
    let at = START + SignedDuration::from_secs(30);
    update(
        &mut model,
        TimedMessage {
            at,
            message: Message::Event(Event::Tick),
        },
    );
    assert!(model.world.status.is_none() && model.dirty);
    model.dirty = false;
    update(
        &mut model,
        TimedMessage {
            at,
            message: Message::Event(Event::Tick),
        },
    );
    assert!(!model.dirty);
}

/// Returns whether a tick after so many seconds draws the screen again.
fn draws_after(model: &mut Model, seconds: i64) -> bool {
    model.dirty = false;
    let at = model.world.now + SignedDuration::from_secs(seconds);
    let message = Message::Event(Event::Tick);
    update(model, TimedMessage { at, message });
    model.dirty
}

#[test]
fn seconds_pass_on_the_screen_while_a_scan_runs_and_not_when_all_is_idle() {
    let (mut model, job) = scanning();
    assert!(draws_after(&mut model, 1));
    let state = crate::tui::rows::sources::scan_state(&model.world.sources[0], model.world.now);
    assert!(!format!("{state:?}").contains("1s"), "{state:?}");
    assert!(draws_after(&mut model, 2));
    let state = crate::tui::rows::sources::scan_state(&model.world.sources[0], model.world.now);
    assert!(format!("{state:?}").contains("3s "), "{state:?}");
    send(
        &mut model,
        Message::Report(job, JobReport::Scanned(SourceId(0), Ok(found(3)))),
    );
    assert!(!draws_after(&mut model, 1));
    assert!(draws_after(&mut model, 60));
}

/// Returns the screen of a model.
fn drawn(model: &Model) -> String {
    let size = model.world.size;
    let backend = ratatui::backend::TestBackend::new(size.width, size.height);
    let mut terminal = ratatui::Terminal::new(backend).unwrap();
    terminal
        .draw(|frame| crate::tui::view::view(model, frame))
        .unwrap();
    terminal.backend().to_string()
}

#[test]
fn every_screen_of_a_source_shows_that_it_is_read() {
    let screens = [
        ("", "reading re"),
        ("enter", "Reading the refs…"),
        ("b", "Reading what is stored…"),
        ("c", "The scan is running; the check needs its result."),
        ("p", "The plan is made when the scan has ended:"),
    ];
    for (keys, words) in screens {
        for (width, height) in [(60, 16), (200, 60)] {
            let (mut model, _job) = scanning();
            send(&mut model, Message::Event(Event::Resize(width, height)));
            if !keys.is_empty() {
                press(&mut model, keys);
            }
            let screen = drawn(&model);
            assert!(screen.contains(words), "{keys:?} at {width}:\n{screen}");
        }
    }
}

#[test]
fn rows_of_an_unfinished_scan_are_shown_as_incomplete() {
    let (mut model, job) = scanning();
    let mut partial = found(3);
    let inventory = Arc::make_mut(&mut partial.inventory);
    inventory.progress = ScanProgress::Listing;
    send(
        &mut model,
        Message::Report(job, JobReport::Snapshot(SourceId(0), partial)),
    );
    let screen = drawn(&model);
    assert!(screen.contains("so far"), "{screen}");
    send(
        &mut model,
        Message::Report(job, JobReport::Scanned(SourceId(0), Err(ScanEnd::Stopped))),
    );
    let screen = drawn(&model);
    assert!(screen.contains("stopped: not"), "{screen}");
    press(&mut model, "p");
    let screen = drawn(&model);
    assert!(screen.contains("nothing was changed"), "{screen}");
}

#[test]
fn a_million_rows_are_listed_and_only_those_on_the_screen_are_drawn() {
    let (mut model, job) = scanning();
    send(
        &mut model,
        Message::Report(job, JobReport::Scanned(SourceId(0), Ok(found(1_000_000)))),
    );
    let effects = press(&mut model, "b");
    let arranging = effects.into_iter().find_map(|effect| match effect {
        Effect::Run(job, JobWork::Arrange(arrangement)) => Some((job, arrangement)),
        _ => None,
    });
    let (job, arrangement) = arranging.unwrap();
    assert!(
        drawn(&model).contains("arranging rows"),
        "{}",
        drawn(&model)
    );
    let shown = crate::tui::list::arrange(&arrangement, |_| true).unwrap();
    send(
        &mut model,
        Message::Report(job, JobReport::Arranged(arrangement.rows, shown)),
    );
    let all = crate::text::units::grouped(1_000_000);
    assert!(
        drawn(&model).contains(&format!(" 1/{all} ")),
        "{}",
        drawn(&model)
    );
    let begun = std::time::Instant::now();
    for keys in ["G", "g", "pagedown", "G"] {
        press(&mut model, keys);
        drawn(&model);
    }
    // Far below what drawing a million rows would take.
    assert!(begun.elapsed() < std::time::Duration::from_millis(800));
    let last = format!(" {all}/{all} ");
    assert!(drawn(&model).contains(&last), "{}", drawn(&model));
}

/// Returns the built-in key map with changes.
fn keymap_with(text: &str) -> Keymap {
    let path = std::path::Path::new("keymap.toml");
    crate::tui::keymap::own::read(Keymap::built_in().unwrap(), text, path).unwrap()
}

#[test]
fn texts_of_running_jobs_name_the_keys_of_the_user() {
    let (mut model, job) = scanning();
    model.world.keymap = keymap_with(
        "[global]\nescape = 'f6'\n[list]\nrescan = 'f7'\n[evidence]\naccept = 'ctrl-s'\n",
    );
    let scanned = JobReport::Scanned(SourceId(0), Ok(found(3)));
    send(&mut model, Message::Report(job, scanned));
    press(&mut model, "c f6");
    assert!(drawn(&model).contains("the check was stopped; f7 checks again"));
    press(&mut model, "j");
    assert!(
        drawn(&model).contains("f7 checks again"),
        "{}",
        drawn(&model)
    );
    let given = ["record.dockerbuild".to_owned()];
    model.world.evidence = NamedEvidence::new(given.to_vec(), Vec::new(), Vec::new());
    press(&mut model, "q w");
    let words = "reading the evidence… f6 stops it";
    assert!(drawn(&model).contains(words), "{}", drawn(&model));
    press(&mut model, "B");
    let words = "ctrl-s adds the input";
    assert!(drawn(&model).contains(words), "{}", drawn(&model));
}

#[test]
fn the_ages_of_young_refs_grow_on_the_screen() {
    let (mut model, job) = scanning();
    let mut young = found(1);
    let index = r#"{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000001","size":7,"annotations":{"org.opencontainers.image.ref.name":"main"}}]}"#;
    let mut cache = crate::backend::memory::MemoryCache::default();
    cache.set_index(index.as_bytes()).unwrap();
    let reader: crate::backend::SharedReader = Arc::new(cache);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let options = crate::inventory::scan::ScanOptions::default();
    let scan = crate::inventory::scan::scan(&reader, &options, |_| ());
    let inventory = Arc::make_mut(&mut young.inventory);
    *inventory = runtime.block_on(scan).unwrap();
    let main = &mut Arc::make_mut(&mut inventory.refs)[0];
    main.created = Some((START, crate::inventory::AgeSource::CacheConfig));
    send(
        &mut model,
        Message::Report(job, JobReport::Scanned(SourceId(0), Ok(young))),
    );
    press(&mut model, "enter");
    for age in ["5s", "6s", "7s"] {
        let passed = model.world.now.duration_since(START).as_secs();
        let wait = if passed == 0 { 5 } else { 1 };
        assert!(draws_after(&mut model, wait), "{age}");
        let screen = drawn(&model);
        let row = screen.lines().find(|line| line.contains("main  ")).unwrap();
        assert!(row.contains(&format!(" {age} ")), "{screen}");
    }
    // An older one needs no drawing every second.
    assert!(draws_after(&mut model, 600));
    assert!(!draws_after(&mut model, 1));
}

#[test]
fn a_listing_that_is_forgotten_is_stopped_without_a_message() {
    let (mut model, _) = scanning();
    let mut effects = Vec::new();
    let mut commands = Vec::new();
    let mut cx = UiContext::new(&mut model.world, &mut effects, &mut commands);
    let layer = crate::format::digest::Digest::of(b"layer");
    let from = "main".to_owned();
    let step = "COPY".to_owned();
    let (key, _) = ListingWork::begin(SourceId(0), from, step, layer, Vec::new(), &mut cx);
    cx.forget_work(key);
    assert!(
        matches!(effects[..], [Effect::Run(begun, _), Effect::Cancel(stopped)] if begun == stopped),
        "{effects:?}"
    );
    assert_eq!(model.world.status, None);
    assert!(!model.world.work.has(key));
}
