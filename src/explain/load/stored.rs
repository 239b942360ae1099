//! Finds out which blobs of an import a store holds, for stores that do not list their blobs.

use std::sync::Arc;

use super::Imported;
use super::note::{ImportNote, Note};
use crate::backend::BlobAnswer;
use crate::inventory::Inventory;
use crate::inventory::blobs::Blob;

/// Queries each store that does not list its blobs for those of the imported ref. Returns the
/// completed inventory of each queried store.
pub(super) async fn ask(
    imported: &[Imported<'_>],
    notes: &mut Vec<Note>,
) -> Vec<Option<Arc<Inventory>>> {
    let mut asked = Vec::new();
    for Imported {
        reader,
        inventory,
        entry,
    } in imported
    {
        if inventory.unlisted.is_none() || inventory.asked_for_each {
            asked.push(None);
            continue;
        }
        let blobs = entry.reach.iter().map(|id| inventory.blobs.get(*id));
        let presumed = blobs
            .filter(Blob::is_stored)
            .map(|blob| blob.digest())
            .collect();
        asked.push(match reader.abilities().ask_for(presumed).await {
            Ok(answers) => {
                let mut inventory: Inventory = (*inventory).clone();
                for (digest, answer) in &answers {
                    if *answer == BlobAnswer::Absent {
                        inventory.blobs.lose(digest);
                    }
                }
                inventory.asked_for_each = true;
                Some(Arc::new(inventory))
            }
            Err(error) => {
                let note = ImportNote::BlobsNotAsked {
                    name: entry.name.clone(),
                    error: error.to_string(),
                };
                notes.push(note.into());
                None
            }
        });
    }
    asked
}
