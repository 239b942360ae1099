//! Writes a file of a layer to a path chosen by the person: completely, or not at all.
//!
//! The file gets its name only after the layer was read completely and matches its digest. Apart
//! from the content, nothing that the layer says about the file is used.

use std::io::{self, Read};
use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::export::{self, failed};
use crate::backend::CacheReader;
use crate::backend::layer_content::{self, LayerFile, ReadTo};
use crate::tui::effect::Overwrite;
use crate::tui::message::ExportError;

/// Writes `file` to `path`, and returns the number of bytes.
pub(super) async fn write(
    reader: &dyn CacheReader,
    file: LayerFile,
    path: &Path,
    overwrite: Overwrite,
    cancel: CancellationToken,
) -> Result<u64, ExportError> {
    let target = export::create(path, overwrite)?;
    let mut content = target.handle().map_err(|error| failed(&error))?;
    let take = move |from: &mut dyn Read| io::copy(from, &mut content);
    let written = layer_content::read(reader, file, ReadTo::End, cancel, take)
        .await
        .map_err(ExportError::Failed)?;
    export::finish(target, overwrite)?;
    Ok(written)
}
