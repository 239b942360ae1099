//! Stores that do not list their blobs: whether they hold what a build would load.

use std::sync::Arc;

use super::Imported;
use crate::format::text::visible;
use crate::inventory::Inventory;
use crate::inventory::blobs::Blob;

/// Asks each store that does not list its blobs for those of the imported ref; returns what it holds then, where it was asked.
pub(super) async fn ask(imported: &[Imported<'_>], notes: &mut Vec<String>) -> Vec<Option<Arc<Inventory>>> {
    let mut asked = Vec::new();
    for Imported { reader, inventory, entry } in imported {
        if inventory.unlisted.is_none() || inventory.asked_for_each {
            asked.push(None);
            continue;
        }
        let blobs = entry.reach.iter().map(|id| inventory.blobs.get(*id));
        let presumed = blobs.filter(Blob::is_stored).map(|blob| blob.digest()).collect();
        asked.push(match reader.missing_among(presumed).await {
            Ok(missing) => {
                let mut inventory: Inventory = (*inventory).clone();
                for digest in &missing {
                    inventory.blobs.lose(digest);
                }
                inventory.asked_for_each = true;
                Some(Arc::new(inventory))
            }
            Err(error) => {
                let name = visible(&entry.name);
                notes.push(format!("whether the blobs of `{name}` are there could not be asked: {error}"));
                None
            }
        });
    }
    asked
}
