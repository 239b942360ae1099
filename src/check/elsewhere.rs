//! Directories whose blobs lie elsewhere: behind a symbolic link, or on a mount of its own.

use super::words::shell_word;
use super::{CheckSubject, Code, Finding};
use crate::backend::local::has_blobs_on_a_mount;
use crate::backend::{CacheReader, Support};
use crate::source::SourceLocation;
use crate::source::StoreKind;
use crate::text::escape::visible;

/// The folder of a layout that holds its blobs.
const BLOBS: &str = "blobs";

/// Says what a prune cannot do in a directory whose blobs lie elsewhere.
pub(super) async fn judge(subject: &CheckSubject<'_>, reader: &dyn CacheReader) -> Option<Finding> {
    if subject.kind != StoreKind::Local || subject.only.is_some() {
        return None;
    }
    let stored = subject.inventory.totals().stored();
    let finding =
        |message: String| Finding::new(subject.source, Code::BlobsElsewhere, message).about(BLOBS);
    if let Support::No(why) = reader.facts().await.capabilities.delete_object {
        let hint = "prune it where the blobs lie, with all caches that use them; or give the cache blobs of its own: \
                    copy the folder in the place of the link";
        return Some(
            finding(format!(
                "no blob can be deleted: {}",
                visible(&why.to_string())
            ))
            .hint(hint),
        );
    }
    let Some(SourceLocation::Local(local)) = subject.location else {
        return None;
    };
    if stored.count == 0 || !has_blobs_on_a_mount(&local.dir) {
        return None;
    }
    let message =
        "the blobs are on another mount than the cache: nothing can be moved to the trash";
    let source = shell_word(&visible(subject.source)).into_owned();
    let hint = format!(
        "`cachelens prune {source} --no-trash --i-am-the-only-writer` deletes at once; or mount the whole cache"
    );
    Some(finding(message.to_owned()).hint(hint))
}
