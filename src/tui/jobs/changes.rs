//! Finds the layers below a layer, and compares the layer with them.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{Jobs, Reporter};
use crate::backend::layer_changes;
use crate::inventory::below;
use crate::tui::effect::{BelowRequest, LayerCompareRequest};
use crate::tui::message::JobReport;
use crate::tui::rows::files::TreeChanges;

impl Jobs {
    pub(super) fn find_below(
        &mut self,
        request: BelowRequest,
        cancel: CancellationToken,
        reporter: Reporter,
    ) {
        let BelowRequest {
            source,
            inventory,
            layer,
        } = request;
        let reader = self.store(source).and_then(|store| store.reader);
        self.reporting(reporter, cancel, async move {
            let found = match reader {
                Some(reader) => below::find(&*reader, &inventory, layer, None).await,
                None => Err(below::NoLayersBelow::NotShown),
            };
            JobReport::BelowFound(found.map_err(|why| why.to_string()))
        });
    }

    pub(super) fn compare_layer(
        &mut self,
        request: LayerCompareRequest,
        cancel: CancellationToken,
        reporter: Reporter,
    ) {
        let LayerCompareRequest {
            source,
            layer,
            tree,
            below,
        } = request;
        let reader = self.store(source).and_then(|store| store.reader);
        let hints = reporter.clone();
        let progress = Arc::new(move |bytes| {
            let _ = hints.hint(JobReport::ComparingLayer(bytes));
        });
        let job = reporter.job;
        self.tasks.spawn(async move {
            let Some(reader) = reader else { return job };
            let digests = below.digests();
            let compared =
                layer_changes::compare(&*reader, layer, tree, &digests, cancel, progress);
            let compared = compared.await;
            let changes = compared.map(|compared| Arc::new(TreeChanges::new(compared, below)));
            reporter.report(JobReport::LayerCompared(changes)).await;
            job
        });
    }
}
