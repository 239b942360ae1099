//! Which files of a context are not as they were when a step copied them into the layer that the cache has.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::{Imported, unpack};
use crate::context::Contexts;
use crate::explain::cause::{Cause, CauseKind, PathChange};
use crate::explain::context::{ContextFiles, Entry, EntryKind};
use crate::explain::keys::{StepKeys, content, content_root, root, selectors};
use crate::explain::matching::Certainty;
use crate::explain::solve::Solution;
use crate::format::cache_config::RecordIndex;
use crate::format::digest::Digest;
use crate::format::llb::{Copy, FileChange, OpKind};
use crate::format::provenance::{Build, StepIndex};
use crate::inventory::cache::RefCache;

mod texts;

/// The most files that are named for one step.
const MOST_PATHS: usize = 1_000;
/// The largest file whose content is read again to tell whether only its mode changed, in bytes.
const LARGEST: u64 = 64 << 20;

/// The most folders that are compared for one copy.
const MOST_FOLDERS: usize = 1_000;
/// How much is tried to prove by its key what no layer shows: things times modes times what the context holds.
const MOST_TRIED: usize = 2_000_000;

/// A change, and where the texts are that it is about.
struct Change {
    told: PathChange,
    /// Of a file that was and is.
    texts: Option<Texts>,
}

/// Where a file was in the layer, and is in the context.
struct Texts {
    was: Vec<u8>,
    is: Vec<u8>,
}

impl Change {
    fn of(told: PathChange) -> Self {
        Self { told, texts: None }
    }
}

/// Names the files behind causes that are about the content of a context.
pub(super) async fn tell(
    imported: &[Imported<'_>],
    loaded: &[(usize, RefCache)],
    build: &Build,
    contexts: &Contexts,
    keys: &[StepKeys],
    solution: &Solution,
    causes: &mut [Option<Cause>],
) {
    for (place, cause) in causes.iter_mut().enumerate() {
        let Some(cause) = cause.as_mut().filter(|cause| cause.kind == CauseKind::Content) else { continue };
        let Some(input) = cause.input else { continue };
        let step = &build.steps[place];
        let Some(files) = step.inputs.get(input).and_then(|output| contexts.files.get(output)) else { continue };
        let root = step.inputs.get(input).and_then(|output| contexts.roots.get(&output.step)).map(PathBuf::as_path);
        let selected: Vec<Entry> = selectors::of_input(&step.op.kind, input, step.inputs.len())
            .iter()
            .filter_map(|selector| files.selected(selector).ok())
            .flatten()
            .cloned()
            .collect();
        let index = StepIndex(u32::try_from(place).unwrap_or(u32::MAX));
        let (mut paths, mut is_laid_beside) = (Vec::new(), false);
        if let Some((cache, record)) = former(loaded, build, keys, solution, index)
            && let OpKind::File(op) = &step.op.kind
            && let Some(layer) = top(imported, loaded, cache, record).await
        {
            let copies = op.actions.0.iter().filter_map(|action| match &action.change {
                FileChange::Copy(copy) => Some(&**copy),
                _ => None,
            });
            if let Some(changes) = compare(files, &layer, &copies.collect::<Vec<_>>(), root) {
                paths = texts::tell(imported, loaded, (cache, record), root, changes).await;
                is_laid_beside = true;
            }
        }
        if paths.is_empty() {
            paths = by_key(&selected, files, root, build, loaded, index, input);
        }
        // What no layer shows as it was can only be the one file that there is.
        let mut taken = selected.iter().filter(|entry| !entry.is_directory());
        if let (Some(only), None, true, false) = (taken.next(), taken.next(), paths.is_empty(), is_laid_beside) {
            paths.push(PathChange::new(shown(&only.path), CauseKind::Content, String::new()));
        }
        paths.truncate(MOST_PATHS);
        if let Some(first) = paths.first() {
            // Of several changes the one that weighs most stands for all: content before what came and went.
            let order = [CauseKind::Content, CauseKind::LinkTarget, CauseKind::FileAdded, CauseKind::FileRemoved];
            let heaviest = order.into_iter().find(|kind| paths.iter().any(|path| path.kind == *kind));
            cause.kind = heaviest.unwrap_or(first.kind);
            let named: Vec<&str> = paths.iter().take(3).map(|path| path.path.as_str()).collect();
            let more = paths.len().saturating_sub(named.len());
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            cause.detail = format!("{}{more}", named.join(", "));
        }
        cause.paths = paths;
    }
}

/// Finds the record of the step as it was: the same operation, on the same first input where there is one, with the newest
/// result.
fn former(
    loaded: &[(usize, RefCache)],
    build: &Build,
    keys: &[StepKeys],
    solution: &Solution,
    step: StepIndex,
) -> Option<(usize, RecordIndex)> {
    let (of, keys) = (&build.steps[step.at()], &keys[step.at()]);
    let digests: Vec<Digest> = keys.digests.iter().map(|key| root(key, 0)).collect();
    let mut found: Vec<(bool, Option<jiff::Timestamp>, usize, RecordIndex)> = Vec::new();
    for (place, ((_, cache), matches)) in loaded.iter().zip(&solution.matches).enumerate() {
        for (index, record) in cache.graph.indexed_records() {
            let is_it = record.digest.valid().is_some_and(|digest| digests.contains(&digest));
            if !is_it || cache.records[index.at()].result.is_none() {
                continue;
            }
            let first = of.inputs.first().zip(keys.inputs.first()).zip(cache.graph.input(record, 0));
            let same_base = first.is_none_or(|((input, keys), links)| {
                links.iter().any(|link| matches.link(&cache.graph, link, *input, keys) == Some(Certainty::Proved))
            });
            found.push((same_base, cache.records[index.at()].created, place, index));
        }
    }
    found.into_iter().max().map(|(_, _, place, index)| (place, index))
}

/// Reads the layer that a step made.
async fn top(
    imported: &[Imported<'_>],
    loaded: &[(usize, RefCache)],
    cache: usize,
    record: RecordIndex,
) -> Option<ContextFiles> {
    let (place, cache) = &loaded[cache];
    let layer = cache.top_layer(cache.records[record.at()].result.as_ref()?)?;
    unpack(imported[*place].reader, cache, &[layer]).await
}

/// Compares what copies take of a context with what they made of it once. None where that cannot be laid side by side, as for
/// an archive that was unpacked.
fn compare(files: &ContextFiles, layer: &ContextFiles, copies: &[&Copy], root: Option<&Path>) -> Option<Vec<Change>> {
    let mut now: BTreeMap<Vec<u8>, (&Entry, &Copy)> = BTreeMap::new();
    for copy in copies {
        let found = destinations(files, layer, copy)?;
        now.extend(found.into_iter().map(|(place, entry)| (place, (entry, *copy))));
    }
    let lies_apart =
        |(place, (_, copy)): (&Vec<u8>, &(&Entry, &Copy))| copy.attempt_unpack && layer.entry(place).is_none();
    if now.iter().any(lies_apart) {
        return None;
    }
    let mut changes = Vec::new();
    for old in layer.entries().iter().filter(|entry| !entry.is_directory()) {
        let Some(copy) = copies.iter().find(|copy| is_within(&old.path, &trimmed(&copy.dest))) else { continue };
        if let Some((new, copy)) = now.remove(&*old.path) {
            let texts = matches!((&new.kind, &old.kind), (EntryKind::File(_), EntryKind::File(_)));
            let texts = texts.then(|| Texts { was: old.path.to_vec(), is: new.path.to_vec() });
            changes.extend(changed(new, old, copy, root).map(|told| Change { told, texts }));
            continue;
        }
        let name = source_of(&old.path, files, copy);
        changes.push(Change::of(PathChange::new(shown(&name), CauseKind::FileRemoved, "")));
    }
    let added = now.values().map(|(entry, _)| PathChange::new(shown(&entry.path), CauseKind::FileAdded, ""));
    changes.extend(added.map(Change::of));
    // The folders of several copies to one place cannot be told apart.
    if let [copy] = copies {
        changes.extend(folders(files, layer, copy).into_iter().map(Change::of));
    }
    changes.sort_by(|a, b| a.told.path.cmp(&b.told.path));
    Some(changes)
}

/// Returns what in the context a file of the layer was copied from, which is not there any more.
fn source_of(old: &[u8], files: &ContextFiles, copy: &Copy) -> Vec<u8> {
    let relative = below(old, &trimmed(&copy.dest)).unwrap_or(old);
    let src = trimmed(&copy.src);
    if copy.allow_wildcard && crate::format::go_path::contains_wildcards(&copy.src) {
        let folder = src.len().saturating_sub(base(&src).len() + 1);
        return joined(&src[..folder], relative);
    }
    match files.entry(&src) {
        // A single file lies in its folder by its own name.
        _ if relative.is_empty() || base(&src) == relative => src,
        Some(entry) if !entry.is_directory() && !src.is_empty() => relative.to_vec(),
        _ => joined(&src, relative),
    }
}

/// Compares the folders below what a copy takes: their bits, and those that are empty. That of a pattern is left aside.
fn folders(files: &ContextFiles, layer: &ContextFiles, copy: &Copy) -> Vec<PathChange> {
    let is_plain = copy.include_patterns.0.is_empty() && copy.exclude_patterns.0.is_empty();
    let (src, dest) = (trimmed(&copy.src), trimmed(&copy.dest));
    let is_folder = src.is_empty() || files.entry(&src).is_some_and(Entry::is_directory);
    if !is_plain || !is_folder || copy.attempt_unpack {
        return Vec::new();
    }
    let sets_mode = copy.mode >= 0 || !copy.mode_str.is_empty();
    let has_more = |files: &ContextFiles, folder: &[u8]| {
        files.entries().iter().any(|entry| below(&entry.path, folder).is_some_and(|rest| !rest.is_empty()))
    };
    let mut changes = Vec::new();
    for entry in files.entries().iter().filter(|entry| entry.is_directory()).take(MOST_FOLDERS) {
        let Some(relative) = below(&entry.path, &src).filter(|relative| !relative.is_empty()) else { continue };
        let change = |kind, detail: String| PathChange::new(format!("{}/", shown(&entry.path)), kind, detail);
        match layer.entry(&joined(&dest, relative)) {
            // What a layer does not list has no digest.
            Some(old) if old.is_directory() && old.digest.is_some() && old.mode != entry.mode && !sets_mode => {
                changes.push(change(CauseKind::Mode, format!("{:04o} → {:04o}", old.mode, entry.mode)));
            }
            None if !has_more(files, &entry.path) => changes.push(change(CauseKind::FileAdded, String::new())),
            _ => {}
        }
    }
    for old in layer.entries().iter().filter(|entry| entry.is_directory()).take(MOST_FOLDERS) {
        let Some(relative) = below(&old.path, &dest).filter(|relative| !relative.is_empty()) else { continue };
        let name = joined(&src, relative);
        if files.entry(&name).is_none() && !has_more(layer, &old.path) {
            changes.push(PathChange::new(format!("{}/", shown(&name)), CauseKind::FileRemoved, ""));
        }
    }
    changes
}

/// Returns where a copy puts each file now; none where its source cannot be selected.
fn destinations<'a>(
    files: &'a ContextFiles,
    layer: &ContextFiles,
    copy: &Copy,
) -> Option<BTreeMap<Vec<u8>, &'a Entry>> {
    let selector = crate::explain::context::select::Selector {
        path: copy.src.clone(),
        wildcard: copy.allow_wildcard && crate::format::go_path::contains_wildcards(&copy.src),
        follow_links: copy.follow_symlink,
        include: copy.include_patterns.0.clone(),
        exclude: copy.exclude_patterns.0.clone(),
    };
    let selected = files.selected(&selector).ok()?;
    let (src, dest) = (trimmed(&copy.src), trimmed(&copy.dest));
    let mut found = BTreeMap::new();
    for entry in selected.into_iter().filter(|entry| !entry.is_directory()) {
        let below_source = if selector.wildcard { None } else { below(&entry.path, &src) };
        let place = match below_source {
            // A single file goes to the path itself, or into the folder there.
            Some([]) => {
                let into = joined(&dest, base(&entry.path));
                let is_folder = copy.dest.ends_with('/') || layer.entry(&dest).is_none_or(Entry::is_directory);
                if is_folder && (copy.dest.ends_with('/') || layer.entry(&dest).is_some()) {
                    into
                } else {
                    dest.clone()
                }
            }
            Some(relative) => joined(&dest, relative),
            None if copy.include_patterns.0.is_empty() => joined(&dest, base(&entry.path)),
            None => joined(&dest, &entry.path),
        };
        found.insert(place, entry);
    }
    Some(found)
}

/// Tells in what a file is another.
fn changed(new: &Entry, old: &Entry, copy: &Copy, root: Option<&Path>) -> Option<PathChange> {
    let path = shown(&new.path);
    let change = |kind, detail: String| Some(PathChange::new(path.clone(), kind, detail));
    match (&new.kind, &old.kind) {
        (EntryKind::Symlink(is), EntryKind::Symlink(was)) => {
            (is != was).then_some(())?;
            change(CauseKind::LinkTarget, format!("{} → {}", shown(was), shown(is)))
        }
        (EntryKind::File(is), EntryKind::File(was)) => {
            // What the copy itself sets is the same on both sides.
            let sets_mode = copy.mode >= 0 || !copy.mode_str.is_empty();
            let modes_differ = !sets_mode && new.mode != old.mode;
            if is != was {
                return change(CauseKind::Content, format!("{was} bytes → {is} bytes"));
            }
            let as_it_was =
                Entry { mode: old.mode, uid: old.uid, gid: old.gid, xattrs: old.xattrs.clone(), ..new.clone() };
            let same_content = if (as_it_was.mode, as_it_was.uid, as_it_was.gid) == (new.mode, new.uid, new.gid)
                && as_it_was.xattrs == new.xattrs
            {
                new.digest? == old.digest?
            } else {
                hashed(&as_it_was, root?, *is)? == old.digest?
            };
            match (same_content, modes_differ) {
                (false, _) => change(CauseKind::Content, format!("{is} bytes")),
                (true, true) => change(CauseKind::Mode, format!("{:04o} → {:04o}", old.mode, new.mode)),
                (true, false) => None,
            }
        }
        (is, was) if std::mem::discriminant(is) != std::mem::discriminant(was) => {
            change(CauseKind::Content, "it is something else than a file of that sort now".to_owned())
        }
        _ => None,
    }
}

/// Hashes a file of the context as if it had the header of `entry`.
fn hashed(entry: &Entry, root: &Path, size: u64) -> Option<Digest> {
    use std::os::unix::ffi::OsStrExt as _;
    if size > LARGEST {
        return None;
    }
    let path = root.join(std::ffi::OsStr::from_bytes(&entry.path));
    let content = std::fs::read(path).ok()?;
    entry.clone().with_content(&content).digest
}

/// Tells that only the mode of something changed, which no layer shows as it was: the folder itself that is copied, what a copy
/// gives other bits, a mount, an archive. It is proved by the key that the cache has for it with other bits.
fn by_key(
    selected: &[Entry],
    files: &ContextFiles,
    root: Option<&Path>,
    build: &Build,
    loaded: &[(usize, RefCache)],
    step: StepIndex,
    input: usize,
) -> Vec<PathChange> {
    let others = [0o644, 0o755, 0o664, 0o775, 0o600, 0o700, 0o640, 0o750, 0o666, 0o777, 0o444, 0o555];
    if selected.len() * others.len() * files.entries().len() > MOST_TRIED {
        return Vec::new();
    }
    let roots = loaded.iter().flat_map(|(_, cache)| &cache.graph.records).filter(|record| record.input_count() == 0);
    let known: HashSet<Digest> = roots.filter_map(|record| record.digest.valid()).collect();
    let of = &build.steps[step.at()];
    let selectors = selectors::of_input(&of.op.kind, input, of.inputs.len());
    for entry in selected {
        for mode in others.into_iter().filter(|mode| *mode != entry.mode) {
            let Some(tried) = with_mode(files, entry, mode, root) else { break };
            let digests: Option<Vec<Digest>> = selectors.iter().map(|selector| tried.checksum(selector).ok()).collect();
            let key = digests.map(|digests| content_root(&content::content_key(&digests)));
            if key.is_some_and(|key| known.contains(&key)) {
                let end = if entry.is_directory() { "/" } else { "" };
                let detail = format!("{mode:04o} → {:04o}", entry.mode);
                return vec![PathChange::new(format!("{}{end}", shown(&entry.path)), CauseKind::Mode, detail)];
            }
        }
    }
    Vec::new()
}

/// Returns the files with one of them, or a folder, having another mode; none for what has no mode, or cannot be read again.
fn with_mode(files: &ContextFiles, entry: &Entry, mode: u32, root: Option<&Path>) -> Option<ContextFiles> {
    let other = Entry { mode, digest: None, ..entry.clone() };
    let digest = match entry.kind {
        EntryKind::File(size) => hashed(&other, root?, size)?,
        EntryKind::Directory => other.hasher().finish(),
        _ => return None,
    };
    let replaced = |found: &Entry| {
        if found.path == entry.path { Entry { digest: Some(digest), ..other.clone() } } else { found.clone() }
    };
    Some(ContextFiles::of_context(files.entries().iter().map(replaced).collect()))
}

fn trimmed(path: &str) -> Vec<u8> {
    let clean = crate::format::go_path::clean(path.as_bytes());
    let path: &[u8] = clean.as_ref();
    let path = path.strip_prefix(b"/").unwrap_or(path);
    if path == b"." { Vec::new() } else { path.to_vec() }
}

fn is_within(path: &[u8], folder: &[u8]) -> bool {
    below(path, folder).is_some()
}

/// Returns the rest of a path below a folder; empty for the folder itself.
fn below<'a>(path: &'a [u8], folder: &[u8]) -> Option<&'a [u8]> {
    match path.strip_prefix(folder)? {
        [] => Some(&[]),
        rest if folder.is_empty() => Some(rest),
        [b'/', rest @ ..] => Some(rest),
        _ => None,
    }
}

fn joined(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() || name.is_empty() { [folder, name].concat() } else { [folder, b"/", name].concat() }
}

fn base(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}
