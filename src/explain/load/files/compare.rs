//! Compares the files that copies take from a context with those of a layer.

use std::collections::BTreeMap;
use std::path::Path;

use super::folders::folders;
use super::paths::{base, below, is_within, joined, shown, trimmed};
use super::rehash::hashed;
use crate::explain::cause::{CauseKind, PathChange};
use crate::explain::context::select::Selector;
use crate::explain::context::{ContextEntry, ContextEntryKind, ContextFiles};
use crate::format::go_path;
use crate::format::llb::CopyAction;

/// A change, and the locations of its texts.
pub(super) struct ChangedFile {
    pub(super) item: PathChange,
    /// The old and the new file.
    pub(super) texts: Option<ChangedTexts>,
}

/// The path of a file in the layer and in the context.
pub(super) struct ChangedTexts {
    pub(super) was: Vec<u8>,
    pub(super) is: Vec<u8>,
}

impl ChangedFile {
    fn without_texts(item: PathChange) -> Self {
        Self { item, texts: None }
    }
}

/// Compares the files that copies take from a context with their earlier result: `layer`, and with
/// the layers below, `chain`. Returns `None` if they cannot be compared, as for an unpacked
/// archive.
pub(super) fn compare(
    files: &ContextFiles,
    layer: &ContextFiles,
    chain: Option<&ContextFiles>,
    copies: &[&CopyAction],
    root: Option<&Path>,
) -> Option<Vec<ChangedFile>> {
    let mut now: CopiedFiles<'_> = BTreeMap::new();
    for copy in copies {
        let found = destinations(files, layer, copy)?.into_iter();
        now.extend(found.map(|(place, entry)| (place, (entry, *copy))));
    }
    let lies_apart = |(place, (_, copy)): (&Vec<u8>, &(&ContextEntry, &CopyAction))| {
        copy.attempt_unpack && layer.entry(place).is_none()
    };
    if now.iter().any(lies_apart) {
        return None;
    }
    let mut changes = changes_in_layer(files, layer, &mut now, copies, root);
    changes.extend(changes_below(&now, chain, root));
    // With several copies to one directory, the source of a folder is ambiguous.
    if let [copy] = copies {
        let folders = folders(files, layer, copy).into_iter();
        changes.extend(folders.map(ChangedFile::without_texts));
    }
    changes.sort_by(|a, b| a.item.path.cmp(&b.item.path));
    Some(changes)
}

/// Copied files, by their paths in the result.
type CopiedFiles<'a> = BTreeMap<Vec<u8>, (&'a ContextEntry, &'a CopyAction)>;

/// Returns the changes of the files that a layer has, and removes those from `now`.
fn changes_in_layer(
    files: &ContextFiles,
    layer: &ContextFiles,
    now: &mut CopiedFiles<'_>,
    copies: &[&CopyAction],
    root: Option<&Path>,
) -> Vec<ChangedFile> {
    let mut changes = Vec::new();
    let files_of_layer = layer.entries().iter().filter(|entry| !entry.is_directory());
    for old in files_of_layer.filter(|entry| !is_of_estargz(&entry.path)) {
        let Some(copy) = copies
            .iter()
            .find(|copy| is_within(&old.path, &trimmed(&copy.dest)))
        else {
            continue;
        };
        let Some((new, copy)) = now.remove(&*old.path) else {
            let path = shown(&source_of(&old.path, files, copy));
            let removed = PathChange::new(path, CauseKind::FileRemoved, "");
            changes.push(ChangedFile::without_texts(removed));
            continue;
        };
        let are_files = matches!(
            (&new.kind, &old.kind),
            (ContextEntryKind::File(_), ContextEntryKind::File(_))
        );
        let texts = are_files.then(|| ChangedTexts {
            was: old.path.to_vec(),
            is: new.path.to_vec(),
        });
        changes.extend(changed(new, old, copy, root).map(|item| ChangedFile { item, texts }));
    }
    changes
}

/// Returns the changes of files that the layer does not have: against the layers below, where
/// known.
fn changes_below(
    now: &CopiedFiles<'_>,
    chain: Option<&ContextFiles>,
    root: Option<&Path>,
) -> Vec<ChangedFile> {
    let change = |(place, (entry, copy)): (&Vec<u8>, &(&ContextEntry, &CopyAction))| {
        let below = chain.and_then(|chain| chain.entry(place));
        match below.filter(|below| !below.is_directory()) {
            Some(below) => changed(entry, below, copy, root),
            None => Some(PathChange::new(
                shown(&entry.path),
                CauseKind::FileAdded,
                "",
            )),
        }
    };
    let changes = now.iter().filter_map(change);
    changes.map(ChangedFile::without_texts).collect()
}

/// Returns the current destination of each file of a copy; `None` if its source cannot be selected.
fn destinations<'a>(
    files: &'a ContextFiles,
    layer: &ContextFiles,
    copy: &CopyAction,
) -> Option<BTreeMap<Vec<u8>, &'a ContextEntry>> {
    let selector = Selector {
        path: copy.src.clone(),
        wildcard: copy.allow_wildcard && go_path::contains_wildcards(&copy.src),
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
                .is_some_and(|found| matches!(found.kind, ContextEntryKind::Symlink(_)));
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
                let is_folder = copy.dest.ends_with('/')
                    || layer.entry(&dest).is_none_or(ContextEntry::is_directory);
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

/// Returns the path in the context that a removed file of the layer was copied from.
fn source_of(old: &[u8], files: &ContextFiles, copy: &CopyAction) -> Vec<u8> {
    let relative = below(old, &trimmed(&copy.dest)).unwrap_or(old);
    let src = trimmed(&copy.src);
    if copy.allow_wildcard && go_path::contains_wildcards(&copy.src) {
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

/// Returns whether an entry belongs to the eStargz format and not to the files of the layer
/// (`estargz/types.go` in stargz-snapshotter).
fn is_of_estargz(path: &[u8]) -> bool {
    matches!(
        path,
        b"stargz.index.json" | b".prefetch.landmark" | b".no.prefetch.landmark"
    )
}

/// Returns how a file changed.
fn changed(
    new: &ContextEntry,
    old: &ContextEntry,
    copy: &CopyAction,
    root: Option<&Path>,
) -> Option<PathChange> {
    let path = shown(&new.path);
    let change = |kind, detail: String| Some(PathChange::new(path.clone(), kind, detail));
    match (&new.kind, &old.kind) {
        (ContextEntryKind::Symlink(is), ContextEntryKind::Symlink(was)) => {
            (is != was).then_some(())?;
            change(
                CauseKind::LinkTarget,
                format!("{} → {}", shown(was), shown(is)),
            )
        }
        (ContextEntryKind::File(is), ContextEntryKind::File(was)) => {
            // Attributes that the copy sets are equal on both sides.
            let sets_mode = copy.mode >= 0 || !copy.mode_str.is_empty();
            let modes_differ = !sets_mode && new.mode != old.mode;
            if is != was {
                return change(CauseKind::Content, format!("{was} bytes → {is} bytes"));
            }
            let as_it_was = ContextEntry {
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
