//! Finds the files of a context that changed since a step copied them into a cached layer.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::{Imported, unpack};
use crate::explain::cause::{Cause, CauseKind, PathChange};
use crate::explain::context::{ContextFiles, Entry, EntryKind};
use crate::explain::keys::{StepKeys, content, content_root, root, selectors};
use crate::explain::load::context::Contexts;
use crate::explain::matching::Certainty;
use crate::explain::solve::Solution;
use crate::format::cache_config::{LayerIndex, RecordIndex};
use crate::format::digest::Digest;
use crate::format::llb::{Copy, FileChange, OpKind};
use crate::format::provenance::{Build, Step, StepIndex};
use crate::inventory::cache::RefCache;

mod texts;

/// The most files that are named for one step.
const MOST_PATHS: usize = 1_000;
/// The largest file whose content is read again to check whether only its mode changed, in bytes.
const LARGEST: u64 = 64 << 20;

/// The most folders that are compared for one copy.
const MOST_FOLDERS: usize = 1_000;
/// How many combinations are tried to prove a change by its key, where no layer shows it: entries
/// times modes times the size of the context.
const MOST_TRIED: usize = 2_000_000;

/// Advice for a bind mount of a command whose files changed.
const BIND_REMEDY: &str = "bind only the files that the command reads, or leave out what is not needed with .dockerignore";

/// A change, and the locations of its texts.
struct Change {
    item: PathChange,
    /// The old and the new file.
    texts: Option<Texts>,
}

/// The path of a file in the layer and in the context.
struct Texts {
    was: Vec<u8>,
    is: Vec<u8>,
}

impl Change {
    fn of(item: PathChange) -> Self {
        Self { item, texts: None }
    }
}

/// Adds the changed files to causes that are about the content of a context.
pub(super) async fn name_paths(
    imported: &[Imported<'_>],
    loaded: &[(usize, RefCache)],
    build: &Build,
    contexts: &Contexts,
    keys: &[StepKeys],
    solution: &Solution,
    causes: &mut [Option<Cause>],
) {
    for (place, cause) in causes.iter_mut().enumerate() {
        let Some(cause) = cause
            .as_mut()
            .filter(|cause| cause.kind == CauseKind::Content)
        else {
            continue;
        };
        let Some(input) = cause.input else { continue };
        let step = &build.steps[place];
        let Some(files) = step
            .inputs
            .get(input)
            .and_then(|output| contexts.files.get(output))
        else {
            continue;
        };
        let root = step
            .inputs
            .get(input)
            .and_then(|output| contexts.roots.get(&output.step))
            .map(PathBuf::as_path);
        let selected: Vec<Entry> = selectors::of_input(&step.op.kind, input, step.inputs.len())
            .iter()
            .filter_map(|selector| files.selected(selector).ok())
            .flatten()
            .cloned()
            .collect();
        let index = StepIndex(u32::try_from(place).unwrap_or(u32::MAX));
        let mut paths = Vec::new();
        let mut is_laid_beside = false;
        if let Some((cache, record)) = former(loaded, build, keys, solution, index)
            && let OpKind::File(op) = &step.op.kind
            && let Some(layer) = top(imported, loaded, cache, record).await
        {
            let copies = op
                .actions
                .0
                .iter()
                .filter_map(|action| match &action.change {
                    FileChange::Copy(copy) => Some(&**copy),
                    _ => None,
                });
            let copies: Vec<&Copy> = copies.collect();
            let mut changes = compare(files, &layer, None, &copies, root);
            // A layer omits files that the layers below hold already
            // (`util/overlay/overlay_linux.go`), so read those before reporting a file as added.
            let is_added = |change: &Change| change.item.kind == CauseKind::FileAdded;
            if changes.iter().flatten().any(is_added)
                && let Some(chain) = chain(imported, loaded, cache, record).await
            {
                changes = compare(files, &layer, Some(&chain), &copies, root);
            }
            if let Some(changes) = changes {
                paths = texts::add_lines(imported, loaded, (cache, record), root, changes).await;
                is_laid_beside = true;
            }
        }
        if paths.is_empty() {
            paths = by_key(&selected, files, root, build, loaded, index, input);
        }
        // If no layer shows the former state, only a single file can be the one that changed.
        let mut taken = selected.iter().filter(|entry| !entry.is_directory());
        if let (Some(only), None, true, false) =
            (taken.next(), taken.next(), paths.is_empty(), is_laid_beside)
        {
            paths.push(PathChange::new(
                shown(&only.path),
                CauseKind::Content,
                String::new(),
            ));
        }
        if paths.is_empty() && matches!(step.op.kind, OpKind::Exec(_)) {
            paths = bound_paths(step, input);
            cause.remedy = Some(BIND_REMEDY.to_owned());
        }
        paths.truncate(MOST_PATHS);
        if let Some(first) = paths.first() {
            // The most important change stands for all: changed content comes before added and
            // removed files.
            let order = [
                CauseKind::Content,
                CauseKind::LinkTarget,
                CauseKind::FileAdded,
                CauseKind::FileRemoved,
            ];
            let heaviest = order
                .into_iter()
                .find(|kind| paths.iter().any(|path| path.kind == *kind));
            cause.kind = heaviest.unwrap_or(first.kind);
            let named: Vec<&str> = paths
                .iter()
                .take(3)
                .map(|path| path.path.as_str())
                .collect();
            let more = paths.len().saturating_sub(named.len());
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            cause.detail = format!("{}{more}", named.join(", "));
        }
        cause.paths = paths;
    }
}

/// Names the bind mounts of an input: no layer shows which file there differs.
fn bound_paths(step: &Step, input: usize) -> Vec<PathChange> {
    selectors::of_input(&step.op.kind, input, step.inputs.len())
        .into_iter()
        .map(|selector| {
            let path = selector.path.trim_start_matches('/').to_owned();
            let path = if path.is_empty() {
                ".".to_owned()
            } else {
                path
            };
            PathChange::new(path, CauseKind::Content, "bound by the command")
        })
        .collect()
}

/// Finds the former record of the step: the same operation, on the same first input if it has one,
/// with the newest result.
fn former(
    loaded: &[(usize, RefCache)],
    build: &Build,
    keys: &[StepKeys],
    solution: &Solution,
    step: StepIndex,
) -> Option<(usize, RecordIndex)> {
    let of = &build.steps[step.at()];
    let keys = &keys[step.at()];
    let digests: Vec<Digest> = keys.digests.iter().map(|key| root(key, 0)).collect();
    let mut found: Vec<(bool, Option<jiff::Timestamp>, usize, RecordIndex)> = Vec::new();
    for (place, ((_, cache), matches)) in loaded.iter().zip(&solution.matches).enumerate() {
        for (index, record) in cache.graph.indexed_records() {
            let is_it = record
                .digest
                .valid()
                .is_some_and(|digest| digests.contains(&digest));
            if !is_it || cache.records[index.at()].result.is_none() {
                continue;
            }
            let first = of
                .inputs
                .first()
                .zip(keys.inputs.first())
                .zip(cache.graph.input(record, 0));
            let same_base = first.is_none_or(|((input, keys), links)| {
                links.iter().any(|link| {
                    matches.link(&cache.graph, link, *input, keys) == Some(Certainty::Proved)
                })
            });
            found.push((same_base, cache.records[index.at()].created, place, index));
        }
    }
    found
        .into_iter()
        .max()
        .map(|(_, _, place, index)| (place, index))
}

/// Reads the layer of a step.
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

/// Reads all layers up to that of a step. Returns `None` if there is only that one.
async fn chain(
    imported: &[Imported<'_>],
    loaded: &[(usize, RefCache)],
    cache: usize,
    record: RecordIndex,
) -> Option<ContextFiles> {
    let (place, cache) = &loaded[cache];
    let result = cache.records[record.at()].result.as_ref()?;
    let mut layers: Vec<LayerIndex> = cache.chain(result).collect();
    layers.reverse();
    if layers.len() < 2 {
        return None;
    }
    unpack(imported[*place].reader, cache, &layers).await
}

/// Compares the files that copies take from a context with their former result: `layer`, and with
/// the layers below, `chain`. Returns `None` if they cannot be compared, as for an unpacked
/// archive.
fn compare(
    files: &ContextFiles,
    layer: &ContextFiles,
    chain: Option<&ContextFiles>,
    copies: &[&Copy],
    root: Option<&Path>,
) -> Option<Vec<Change>> {
    let mut now: BTreeMap<Vec<u8>, (&Entry, &Copy)> = BTreeMap::new();
    for copy in copies {
        let found = destinations(files, layer, copy)?;
        now.extend(
            found
                .into_iter()
                .map(|(place, entry)| (place, (entry, *copy))),
        );
    }
    let lies_apart = |(place, (_, copy)): (&Vec<u8>, &(&Entry, &Copy))| {
        copy.attempt_unpack && layer.entry(place).is_none()
    };
    if now.iter().any(lies_apart) {
        return None;
    }
    let mut changes = Vec::new();
    let files_of_layer = layer.entries().iter().filter(|entry| !entry.is_directory());
    for old in files_of_layer.filter(|entry| !is_of_estargz(&entry.path)) {
        let Some(copy) = copies
            .iter()
            .find(|copy| is_within(&old.path, &trimmed(&copy.dest)))
        else {
            continue;
        };
        if let Some((new, copy)) = now.remove(&*old.path) {
            let texts = matches!(
                (&new.kind, &old.kind),
                (EntryKind::File(_), EntryKind::File(_))
            );
            let texts = texts.then(|| Texts {
                was: old.path.to_vec(),
                is: new.path.to_vec(),
            });
            changes.extend(changed(new, old, copy, root).map(|item| Change { item, texts }));
            continue;
        }
        let name = source_of(&old.path, files, copy);
        changes.push(Change::of(PathChange::new(
            shown(&name),
            CauseKind::FileRemoved,
            "",
        )));
    }
    for (place, (entry, copy)) in &now {
        let below = chain.and_then(|chain| chain.entry(place));
        match below.filter(|below| !below.is_directory()) {
            Some(below) => changes.extend(changed(entry, below, copy, root).map(Change::of)),
            None => {
                let path = shown(&entry.path);
                changes.push(Change::of(PathChange::new(path, CauseKind::FileAdded, "")));
            }
        }
    }
    // With several copies to one directory, the source of a folder is ambiguous.
    if let [copy] = copies {
        changes.extend(folders(files, layer, copy).into_iter().map(Change::of));
    }
    changes.sort_by(|a, b| a.item.path.cmp(&b.item.path));
    Some(changes)
}

/// Returns whether an entry belongs to the eStargz format and not to the files of the layer
/// (`estargz/types.go` in stargz-snapshotter).
fn is_of_estargz(path: &[u8]) -> bool {
    matches!(
        path,
        b"stargz.index.json" | b".prefetch.landmark" | b".no.prefetch.landmark"
    )
}

/// Returns the path in the context that a removed file of the layer was copied from.
fn source_of(old: &[u8], files: &ContextFiles, copy: &Copy) -> Vec<u8> {
    let relative = below(old, &trimmed(&copy.dest)).unwrap_or(old);
    let src = trimmed(&copy.src);
    if copy.allow_wildcard && crate::format::go_path::contains_wildcards(&copy.src) {
        let folder = src.len().saturating_sub(base(&src).len() + 1);
        return joined(&src[..folder], relative);
    }
    match files.entry(&src) {
        // A single file keeps its own name in its folder.
        _ if relative.is_empty() || base(&src) == relative => src,
        Some(entry) if !entry.is_directory() && !src.is_empty() => relative.to_vec(),
        _ => joined(&src, relative),
    }
}

/// Compares the folders below a copied path: their mode, and whether empty ones exist. Folders of a
/// pattern are not compared.
fn folders(files: &ContextFiles, layer: &ContextFiles, copy: &Copy) -> Vec<PathChange> {
    let is_plain = copy.include_patterns.0.is_empty() && copy.exclude_patterns.0.is_empty();
    let src = trimmed(&copy.src);
    let dest = trimmed(&copy.dest);
    let is_folder = src.is_empty() || files.entry(&src).is_some_and(Entry::is_directory);
    if !is_plain || !is_folder || copy.attempt_unpack {
        return Vec::new();
    }
    let sets_mode = copy.mode >= 0 || !copy.mode_str.is_empty();
    let has_more = |files: &ContextFiles, folder: &[u8]| {
        files
            .entries()
            .iter()
            .any(|entry| below(&entry.path, folder).is_some_and(|rest| !rest.is_empty()))
    };
    let mut changes = Vec::new();
    for entry in files
        .entries()
        .iter()
        .filter(|entry| entry.is_directory())
        .take(MOST_FOLDERS)
    {
        let Some(relative) = below(&entry.path, &src).filter(|relative| !relative.is_empty())
        else {
            continue;
        };
        let change = |kind, detail: String| {
            PathChange::new(format!("{}/", shown(&entry.path)), kind, detail)
        };
        match layer.entry(&joined(&dest, relative)) {
            // A folder that the layer does not list has no digest.
            Some(old)
                if old.is_directory()
                    && old.digest.is_some()
                    && old.mode != entry.mode
                    && !sets_mode =>
            {
                changes.push(change(
                    CauseKind::Mode,
                    format!("{:04o} → {:04o}", old.mode, entry.mode),
                ));
            }
            None if !has_more(files, &entry.path) => {
                changes.push(change(CauseKind::FileAdded, String::new()));
            }
            _ => {}
        }
    }
    for old in layer
        .entries()
        .iter()
        .filter(|entry| entry.is_directory())
        .take(MOST_FOLDERS)
    {
        let Some(relative) = below(&old.path, &dest).filter(|relative| !relative.is_empty()) else {
            continue;
        };
        let name = joined(&src, relative);
        if files.entry(&name).is_none() && !has_more(layer, &old.path) {
            changes.push(PathChange::new(
                format!("{}/", shown(&name)),
                CauseKind::FileRemoved,
                "",
            ));
        }
    }
    changes
}

/// Returns the current destination of each file of a copy; `None` if its source cannot be selected.
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
    let src = trimmed(&copy.src);
    let dest = trimmed(&copy.dest);
    let mut found = BTreeMap::new();
    for entry in selected.into_iter().filter(|entry| !entry.is_directory()) {
        let below_source = if selector.wildcard {
            None
        } else {
            below(&entry.path, &src)
        };
        // A link to a file is copied as its target, under the link's own name
        // (`dockerfile2llb/convert_copy.go`).
        let is_link = !selector.wildcard
            && below_source.is_none()
            && copy.include_patterns.0.is_empty()
            && files
                .entry(&src)
                .is_some_and(|found| matches!(found.kind, EntryKind::Symlink(_)));
        let below_source = if is_link { Some(&[][..]) } else { below_source };
        let own_name = if is_link {
            base(&src)
        } else {
            base(&entry.path)
        };
        let place = match below_source {
            // A single file goes to the path itself, or into the folder there.
            Some([]) => {
                let into = joined(&dest, own_name);
                let is_folder =
                    copy.dest.ends_with('/') || layer.entry(&dest).is_none_or(Entry::is_directory);
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

/// Returns how a file changed.
fn changed(new: &Entry, old: &Entry, copy: &Copy, root: Option<&Path>) -> Option<PathChange> {
    let path = shown(&new.path);
    let change = |kind, detail: String| Some(PathChange::new(path.clone(), kind, detail));
    match (&new.kind, &old.kind) {
        (EntryKind::Symlink(is), EntryKind::Symlink(was)) => {
            (is != was).then_some(())?;
            change(
                CauseKind::LinkTarget,
                format!("{} → {}", shown(was), shown(is)),
            )
        }
        (EntryKind::File(is), EntryKind::File(was)) => {
            // Attributes that the copy sets are equal on both sides.
            let sets_mode = copy.mode >= 0 || !copy.mode_str.is_empty();
            let modes_differ = !sets_mode && new.mode != old.mode;
            if is != was {
                return change(CauseKind::Content, format!("{was} bytes → {is} bytes"));
            }
            let as_it_was = Entry {
                mode: old.mode,
                uid: old.uid,
                gid: old.gid,
                xattrs: old.xattrs.clone(),
                ..new.clone()
            };
            let same_content = if (as_it_was.mode, as_it_was.uid, as_it_was.gid)
                == (new.mode, new.uid, new.gid)
                && as_it_was.xattrs == new.xattrs
            {
                new.digest? == old.digest?
            } else {
                hashed(&as_it_was, root?, *is)? == old.digest?
            };
            match (same_content, modes_differ) {
                (false, _) => change(CauseKind::Content, format!("{is} bytes")),
                (true, true) => change(
                    CauseKind::Mode,
                    format!("{:04o} → {:04o}", old.mode, new.mode),
                ),
                (true, false) => None,
            }
        }
        (is, was) if std::mem::discriminant(is) != std::mem::discriminant(was) => change(
            CauseKind::Content,
            "it is something else than a file of that sort now".to_owned(),
        ),
        _ => None,
    }
}

/// Hashes a file of the context with the header of `entry`.
fn hashed(entry: &Entry, root: &Path, size: u64) -> Option<Digest> {
    use std::os::unix::ffi::OsStrExt as _;
    if size > LARGEST {
        return None;
    }
    let path = root.join(std::ffi::OsStr::from_bytes(&entry.path));
    let content = std::fs::read(path).ok()?;
    entry.clone().with_content(&content).digest
}

/// Finds a changed mode that no layer shows: of the copied folder itself, of files that a copy
/// gives another mode, of a mount or an archive. The cached key for another mode proves the change.
fn by_key(
    selected: &[Entry],
    files: &ContextFiles,
    root: Option<&Path>,
    build: &Build,
    loaded: &[(usize, RefCache)],
    step: StepIndex,
    input: usize,
) -> Vec<PathChange> {
    let others = [
        0o644, 0o755, 0o664, 0o775, 0o600, 0o700, 0o640, 0o750, 0o666, 0o777, 0o444, 0o555,
    ];
    if selected.len() * others.len() * files.entries().len() > MOST_TRIED {
        return Vec::new();
    }
    let roots = loaded
        .iter()
        .flat_map(|(_, cache)| &cache.graph.records)
        .filter(|record| record.input_count() == 0);
    let known: HashSet<Digest> = roots.filter_map(|record| record.digest.valid()).collect();
    let of = &build.steps[step.at()];
    let selectors = selectors::of_input(&of.op.kind, input, of.inputs.len());
    for entry in selected {
        for mode in others.into_iter().filter(|mode| *mode != entry.mode) {
            let Some(tried) = with_mode(files, entry, mode, root) else {
                break;
            };
            let digests: Option<Vec<Digest>> = selectors
                .iter()
                .map(|selector| tried.checksum(selector).ok())
                .collect();
            let key = digests.map(|digests| content_root(&content::content_key(&digests)));
            if key.is_some_and(|key| known.contains(&key)) {
                let end = if entry.is_directory() { "/" } else { "" };
                let detail = format!("{mode:04o} → {:04o}", entry.mode);
                return vec![PathChange::new(
                    format!("{}{end}", shown(&entry.path)),
                    CauseKind::Mode,
                    detail,
                )];
            }
        }
    }
    Vec::new()
}

/// Returns the files with another mode of one file or folder; `None` for an entry without a mode,
/// or one that cannot be read again.
fn with_mode(
    files: &ContextFiles,
    entry: &Entry,
    mode: u32,
    root: Option<&Path>,
) -> Option<ContextFiles> {
    let other = Entry {
        mode,
        digest: None,
        ..entry.clone()
    };
    let digest = match entry.kind {
        EntryKind::File(size) => hashed(&other, root?, size)?,
        EntryKind::Directory => other.hasher().finish(),
        _ => return None,
    };
    let replaced = |found: &Entry| {
        if found.path == entry.path {
            Entry {
                digest: Some(digest),
                ..other.clone()
            }
        } else {
            found.clone()
        }
    };
    Some(ContextFiles::of_context(
        files.entries().iter().map(replaced).collect(),
    ))
}

fn trimmed(path: &str) -> Vec<u8> {
    let clean = crate::format::go_path::clean(path.as_bytes());
    let path: &[u8] = clean.as_ref();
    let path = path.strip_prefix(b"/").unwrap_or(path);
    if path == b"." {
        Vec::new()
    } else {
        path.to_vec()
    }
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
    if folder.is_empty() || name.is_empty() {
        [folder, name].concat()
    } else {
        [folder, b"/", name].concat()
    }
}

fn base(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}
