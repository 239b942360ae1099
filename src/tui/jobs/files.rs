//! Builds the tree of a layer's files while the layer is read, orders it, and reads single files.

use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::{Jobs, PACE, Reporter, SHARE, extract, lock};
use crate::backend::layer_content::{self, ReadTo};
use crate::backend::{SharedReader, layer_files};
use crate::format::digest::Digest;
use crate::format::layer::TarEntry;
use crate::format::layer::tree::{Bounds, FileTree, TreeBuilder};
use crate::text::units::grouped;
use crate::tui::effect::{Extraction, LayerFolder};
use crate::tui::layer::preview::PreviewSubject;
use crate::tui::list::View;
use crate::tui::message::{ExportError, JobReport};
use crate::tui::preview::{FilePreview, MOST};
use crate::tui::rows::files::{ComparedTree, FileOrder};
use crate::tui::world::SourceId;

/// Adds the files of a layer to a listing. Stops reading when the listing is full.
async fn list_layer(
    reader: &SharedReader,
    layer: Digest,
    listing: &Arc<Mutex<LayerListing>>,
    cancel: CancellationToken,
) -> Result<(), String> {
    let listing = Arc::clone(listing);
    let enough = cancel.clone();
    let add = move |batch: Arc<Vec<TarEntry>>| {
        if lock(&listing).add(&batch).is_err() {
            enough.cancel();
        }
    };
    layer_files::list(&**reader, layer, cancel, add).await
}

/// Reports the finished tree, and how its listing ended.
async fn report_end(reporter: &Reporter, listing: &Mutex<LayerListing>, end: Result<(), String>) {
    let (tree, end) = lock(listing).end(end);
    reporter.report(JobReport::Files(tree)).await;
    reporter.report(JobReport::FilesEnd(end)).await;
}

impl Jobs {
    pub(super) fn list_files(
        &mut self,
        source: SourceId,
        layer: Digest,
        cancel: CancellationToken,
        reporter: Reporter,
    ) {
        let job = reporter.job;
        let reader = self.store(source).and_then(|store| store.reader);
        self.tasks.spawn(async move {
            let Some(reader) = reader else { return job };
            let listing = Arc::new(Mutex::new(LayerListing::new(reporter.clone())));
            let end = list_layer(&reader, layer, &listing, cancel).await;
            report_end(&reporter, &listing, end).await;
            job
        });
    }

    /// Lists the files of several layers, each in its folder. One that cannot be read leaves the
    /// others.
    pub(super) fn list_all(
        &mut self,
        source: SourceId,
        layers: Vec<LayerFolder>,
        cancel: CancellationToken,
        reporter: Reporter,
    ) {
        let job = reporter.job;
        let reader = self.store(source).and_then(|store| store.reader);
        self.tasks.spawn(async move {
            let Some(reader) = reader else { return job };
            let listing = Arc::new(Mutex::new(LayerListing::new(reporter.clone())));
            let mut fault = None;
            for LayerFolder { folder, layer } in layers {
                if cancel.is_cancelled() {
                    break;
                }
                lock(&listing).begin_layer(folder.clone());
                let end = list_layer(&reader, layer, &listing, cancel.clone());
                if let Err(why) = end.await {
                    fault.get_or_insert_with(|| format!("{folder}: {why}"));
                }
            }
            report_end(&reporter, &listing, fault.map_or(Ok(()), Err)).await;
            job
        });
    }

    /// Reads the beginning of a file or a blob.
    pub(super) fn preview(
        &mut self,
        source: SourceId,
        subject: PreviewSubject,
        cancel: CancellationToken,
        reporter: Reporter,
    ) {
        let job = reporter.job;
        let reader = self.store(source).and_then(|store| store.reader);
        self.tasks.spawn(async move {
            let Some(reader) = reader else { return job };
            // One more byte shows whether the content continues.
            let most = MOST + 1;
            let bytes = match subject {
                PreviewSubject::Blob(blob) => {
                    layer_content::beginning(&*reader, blob, most, cancel.clone()).await
                }
                PreviewSubject::File(file) => {
                    let take = move |content: &mut dyn Read| {
                        let mut bytes = Vec::new();
                        content.take(most).read_to_end(&mut bytes)?;
                        Ok(bytes)
                    };
                    let to = ReadTo::File;
                    layer_content::read(&*reader, file, to, cancel.clone(), take).await
                }
            };
            if !cancel.is_cancelled() {
                let preview = bytes.map(|bytes| Arc::new(FilePreview::new(&bytes)));
                reporter.report(JobReport::Previewed(preview)).await;
            }
            job
        });
    }

    /// Writes a file of a layer to a file.
    pub(super) fn extract(
        &mut self,
        extraction: Extraction,
        cancel: CancellationToken,
        reporter: Reporter,
    ) {
        let Extraction {
            source,
            file,
            path,
            overwrite,
        } = extraction;
        let path = self.path_of(&path);
        let job = reporter.job;
        let reader = self.store(source).and_then(|store| store.reader);
        self.tasks.spawn(async move {
            let written = match reader {
                Some(reader) => extract::write(&*reader, file, &path, overwrite, cancel).await,
                None => Err(ExportError::Failed("the source is not open".to_owned())),
            };
            reporter.report(JobReport::Extracted(path, written)).await;
            job
        });
    }

    pub(super) fn arrange_files(
        &mut self,
        files: ComparedTree,
        view: View,
        cancel: CancellationToken,
        reporter: Reporter,
    ) {
        let now = (self.clock)();
        self.blocking(reporter, move |_| {
            let order = FileOrder::new_while(files, view, now, || !cancel.is_cancelled())?;
            Some(JobReport::FilesArranged(Arc::new(order)))
        });
    }
}

/// The tree of a layer that is being read.
struct LayerListing {
    builder: TreeBuilder,
    /// The folder for the files of the current layer, if there are several.
    folder: Option<String>,
    reporter: Reporter,
    next: Instant,
    is_too_large: bool,
}

/// The tree has no room for the rest of the layer.
struct Full;

impl LayerListing {
    fn new(reporter: Reporter) -> Self {
        Self {
            builder: TreeBuilder::default(),
            folder: None,
            reporter,
            next: Instant::now(),
            is_too_large: false,
        }
    }

    /// Begins another layer, whose files are in `folder`.
    fn begin_layer(&mut self, folder: String) {
        self.builder.begin_archive();
        self.folder = Some(folder);
    }

    /// Adds files, and reports the tree from time to time. Each report copies the tree, which must
    /// take only a small part of the time.
    fn add(&mut self, batch: &[TarEntry]) -> Result<(), Full> {
        for entry in batch {
            let added = match &self.folder {
                None => self.builder.add(entry),
                Some(folder) => self.builder.add(&TarEntry {
                    path: format!("{folder}/{}", entry.path),
                    ..entry.clone()
                }),
            };
            if self.is_too_large || added.is_err() {
                self.is_too_large = true;
                return Err(Full);
            }
        }
        let begun = Instant::now();
        if begun >= self.next {
            let tree = Arc::new(self.builder.tree().clone());
            let cost: Duration = begun.elapsed();
            let _ = self.reporter.hint(JobReport::Files(tree));
            self.next = Instant::now() + PACE.max(cost * SHARE);
        }
        Ok(())
    }

    /// Returns the whole tree, and why it is incomplete, if so.
    fn end(&mut self, end: Result<(), String>) -> (Arc<FileTree>, Result<(), String>) {
        let tree = Arc::new(std::mem::take(&mut self.builder).into_tree());
        if self.is_too_large {
            let most = grouped(Bounds::default().nodes as u64);
            let why = format!("the layer has too many files to show all: {most} at most");
            return (tree, Err(why));
        }
        (tree, end)
    }
}
