//! Runs that restore a previous version or delete refs whose manifests are gone, killed at each of
//! their steps: each ref is the old one or the new one, a resumed run finishes, and an undo brings
//! back the state before.

use std::collections::BTreeMap;
use std::path::Path;

use cachelens::backend::registry::RegistryAccess;
use cachelens::backend::{self, Access};
use cachelens::source::Source;
use serde_json::Value;

use super::local::{cache, entries, is_stored};
use super::matrix::copy_repository;
use super::remote;
use super::restore::Versions;
use crate::support::command::{Run, Sandbox};
use crate::support::fixture::Fixture;
use crate::support::layout::{self, MANIFEST, digest_of};
use crate::support::registry::{DockerRegistry, Setup};
use crate::support::s3::{KEY, S3Server, SECRET, Service, StoredObject};
use crate::support::victim;

/// Not a test by itself: the tests below run it in a child process.
#[test]
fn victim() {
    let Some(([source, plan, journal, state], steps)) = victim::order() else {
        return;
    };
    // A registry keeps no copy of a manifest that is replaced.
    let access = Access {
        registry: RegistryAccess {
            dropped: Some(state.into()),
            ..RegistryAccess::default()
        },
        ..Access::default()
    };
    let source = Source::parse(&source, &|path| path.is_dir())
        .unwrap()
        .source;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let pruner = backend::open_pruner(&source, &access).unwrap();
        victim::execute(&pruner, &plan, &journal, steps).await;
    });
}

/// What the refs of a store point to.
type Refs = BTreeMap<String, String>;

/// A store that a repair is to change.
struct Trial<'a> {
    sandbox: &'a Sandbox,
    /// The source as the victim opens it.
    source: String,
    /// The arguments that make the plan.
    plan: Vec<String>,
    run: &'a dyn Fn(&[&str]) -> Run,
    refs: &'a dyn Fn() -> Refs,
    /// Returns whether a build finds everything that the ref of this name references.
    is_whole: &'a dyn Fn(&str) -> bool,
    /// What the refs point to after the run.
    after: Refs,
}

impl Trial<'_> {
    /// Kills the run after this many steps, resumes it if asked to, and undoes it. Returns whether
    /// the run came to its end before it was killed.
    fn killed_after(&self, steps: usize, is_resumed: bool) -> bool {
        let before = (self.refs)();
        let (journal, has_ended) = self.kill(&before, steps, is_resumed);
        let undone = (self.run)(&["repair", "--undo", &journal]);
        assert_eq!(undone.code, Some(0), "after {steps} steps: {undone}");
        assert_eq!((self.refs)(), before, "after {steps} steps");
        has_ended
    }

    /// Kills the run after this many steps, and resumes it if asked to. Returns the path of its
    /// journal, and whether it came to its end before it was killed.
    fn kill(&self, before: &Refs, steps: usize, is_resumed: bool) -> (String, bool) {
        let (saved, journal) = (self.sandbox.path("plan"), self.sandbox.path("journal"));
        let (saved, journal) = (saved.to_str().unwrap(), journal.to_str().unwrap());
        let mut arguments: Vec<&str> = self.plan.iter().map(String::as_str).collect();
        arguments.extend(["--plan-out", saved]);
        let made = (self.run)(&arguments);
        assert_eq!(made.code, Some(0), "{made}");
        let state = self.sandbox.path(".local/state/cachelens");
        let state = state.to_str().unwrap();
        let words = [&self.source, saved, journal, state];
        let is_over = victim::survives("repair::killed::victim", &words, steps);
        self.assert_old_or_new(before, steps);
        if is_resumed {
            let resumed = (self.run)(&["repair", "--resume", journal, "--json"]);
            assert_eq!(resumed.code, Some(0), "after {steps} steps: {resumed}");
            let resumed = resumed.json();
            let items = resumed["plan"]["delete"].as_array().unwrap().len();
            assert!(items > 0);
            assert_eq!(resumed["outcome"]["done"], items, "after {steps} steps");
            assert_eq!((self.refs)(), self.after, "after {steps} steps");
        }
        (journal.to_owned(), is_over)
    }

    /// Asserts that each ref is as before or as after the run, and that each new one is whole.
    fn assert_old_or_new(&self, before: &Refs, steps: usize) {
        let found = (self.refs)();
        let names = before.keys().chain(self.after.keys());
        for name in names {
            let [old, new, is] = [before, &self.after, &found].map(|refs| refs.get(name));
            assert!(is == old || is == new, "{name} after {steps} steps: {is:?}");
            let is_new = is.is_some() && is == new;
            assert!(
                !is_new || (self.is_whole)(name),
                "{name} after {steps} steps"
            );
        }
    }
}

/// Tries every number of steps, with a resumed run and without one.
fn at_each_step(mut trial: impl FnMut(usize, bool) -> bool) {
    for is_resumed in [true, false] {
        let last = (0..60).find(|steps| trial(*steps, is_resumed));
        let last = last.expect("the run ends within 60 steps");
        assert!(last > 4, "only {last} steps");
    }
}

/// Adds the source of a journal, which has to be named where the store is not on this machine.
fn with_source<'a>(arguments: &[&'a str], source: &'a str) -> Vec<&'a str> {
    let is_plan = arguments.contains(&"--plan-out");
    let source = (!is_plan).then_some(source);
    arguments.iter().copied().chain(source).collect()
}

/// Reads what the refs of a directory point to.
fn refs_of(dir: &Path) -> Refs {
    let name = |entry: &Value| {
        entry["annotations"][super::local::NAME]
            .as_str()
            .map(str::to_owned)
    };
    let entries = entries(dir);
    entries
        .iter()
        .map(|entry| (name(entry).unwrap(), digest_of(entry).to_owned()))
        .collect()
}

/// Kills a repair of a directory at each step.
fn of_directory(versions: &Versions, plan: &[&str], after: Refs, at: (usize, bool)) -> bool {
    let dir = versions.sandbox.path("cache");
    let trial = Trial {
        sandbox: &versions.sandbox,
        source: dir.to_str().unwrap().to_owned(),
        plan: plan.iter().map(|argument| (*argument).to_owned()).collect(),
        run: &|arguments| versions.sandbox.run(arguments),
        refs: &|| refs_of(&dir),
        is_whole: &|name| {
            let found = cache(&dir, name);
            let all = found.hits(|_| true).unwrap();
            all == found.hits(|digest| is_stored(&dir, digest)).unwrap()
        },
        after,
    };
    let has_ended = trial.killed_after(at.0, at.1);
    assert!(!dir.join("index.json.lock").exists());
    has_ended
}

#[test]
fn a_restore_in_a_directory() {
    at_each_step(|steps, is_resumed| {
        let versions = Versions::new();
        let [older, newer] = &versions.manifests;
        versions.name(&[("main", newer), ("release", older)]);
        versions.lose_config(newer);
        let older = digest_of(older);
        let plan = ["repair", "./cache#main", "--restore", older];
        let after = ["main", "release"].map(|name| (name.to_owned(), older.to_owned()));
        of_directory(&versions, &plan, Refs::from(after), (steps, is_resumed))
    });
}

#[test]
fn a_deletion_of_refs_without_manifests_in_a_directory() {
    at_each_step(|steps, is_resumed| {
        let versions = Versions::new();
        let gone = [&b"nowhere"[..], b"neither"].map(|bytes| layout::descriptor(MANIFEST, bytes));
        let main = &versions.manifests[0];
        versions.name(&[("gone", &gone[0]), ("main", main), ("lost", &gone[1])]);
        let plan = ["repair", "./cache", "--delete-gone"];
        let after = [("main".to_owned(), digest_of(main).to_owned())];
        of_directory(&versions, &plan, Refs::from(after), (steps, is_resumed))
    });
}

#[test]
fn a_restore_in_a_registry() {
    let setup = Setup {
        deletes: true,
        ..Setup::default()
    };
    let registry = DockerRegistry::with("shop", setup);
    let mut number = 0;
    at_each_step(|steps, is_resumed| {
        number += 1;
        let repository = format!("app{number}");
        copy_repository(&registry, "shop-cache", &repository, &["c03", "c05"]);
        let before = registry.tags(&repository);
        let mut caches = before.keys();
        let [main, release] = [caches.next().unwrap(), caches.next_back().unwrap()];
        assert_ne!(before[main], before[release]);
        let source = format!("{}/{repository}", registry.host());
        let sandbox = Sandbox::new();
        let mut after = before.clone();
        after.insert(main.clone(), before[release].clone());
        let plan = ["repair", &format!("{source}#{main}"), "--restore", release];
        let trial = Trial {
            sandbox: &sandbox,
            source: source.clone(),
            plan: plan.map(str::to_owned).to_vec(),
            run: &|arguments| sandbox.run(&with_source(arguments, &source)),
            refs: &|| registry.tags(&repository),
            is_whole: &|name| {
                let found = remote::cache(&registry, &registry.tags(&repository)[name]);
                let hits = found.hits(|digest| remote::data(&registry, digest).exists());
                hits.unwrap() == found.hits(|_| true).unwrap()
            },
            after,
        };
        trial.killed_after(steps, is_resumed)
    });
}

#[test]
fn a_restore_in_a_bucket() {
    let server = S3Server::start(Service::S3sFs);
    let fixture = Fixture::named("mini");
    let objects: Vec<StoredObject> = fixture.json("s3.json");
    let mut number = 0;
    at_each_step(|steps, is_resumed| {
        number += 1;
        let bucket = format!("cache{number}");
        server.make(&bucket);
        let copies = objects.iter();
        let copies = copies.map(|object| (object.key.clone(), fixture.blob(object.digest)));
        server.put_all(&bucket, copies);
        let refs = || {
            let names = server.names(&bucket, "manifests/").into_iter();
            let digest = |name: &str| {
                let bytes = server.read(&bucket, &format!("manifests/{name}"));
                cachelens::format::digest::Digest::of(&bytes.unwrap()).to_string()
            };
            names
                .map(|name| (name.clone(), digest(&name)))
                .collect::<Refs>()
        };
        let before = refs();
        let [first, second] = before
            .keys()
            .take(2)
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
        assert_ne!(before[first], before[second]);
        let mut after = before.clone();
        after.insert(first.clone(), before[second].clone());
        let source = server.source(&bucket);
        let sandbox = Sandbox::new();
        let plan = ["repair", &format!("{source}#{first}"), "--restore", second];
        let named = format!(
            "type=s3,bucket={bucket},region=us-east-1,endpoint_url=http://{},use_path_style=true,\
            access_key_id={KEY},secret_access_key={SECRET}",
            server.address()
        );
        let trial = Trial {
            sandbox: &sandbox,
            source: named,
            plan: plan.map(str::to_owned).to_vec(),
            run: &|arguments| S3Server::run(&sandbox, &with_source(arguments, &source)),
            refs: &refs,
            is_whole: &|name| {
                let bytes = server.read(&bucket, &format!("manifests/{name}")).unwrap();
                let found = super::Cache::bare(&bytes);
                let has = |digest: &str| server.read(&bucket, &format!("blobs/{digest}")).is_some();
                found.hits(has).unwrap() == found.hits(|_| true).unwrap()
            },
            after,
        };
        trial.killed_after(steps, is_resumed)
    });
}
