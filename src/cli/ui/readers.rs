//! The readers of evidence for the UI.

use std::path::PathBuf;
use std::sync::Arc;

use crate::backend::Access as StoreAccess;
use crate::cli::why::build::builder;
use crate::explain::load::images::{ImageLookup, PinnedImage};
use crate::text::causes::in_one_line;
use crate::tui::evidence::{DescribeBuild, EvidenceReaders};

/// Returns the readers of a run in the current directory.
pub(super) fn of(access: &StoreAccess) -> EvidenceReaders {
    EvidenceReaders {
        access: access.clone(),
        describe: describer(access.clone()),
        directory: PathBuf::from("."),
    }
}

/// Returns the function that converts the build of a command.
fn describer(access: StoreAccess) -> DescribeBuild {
    Arc::new(move |build, known| {
        let access = access.clone();
        Box::pin(async move {
            let pinned = PinnedImage::of_documents(&known);
            let lookup = ImageLookup {
                given: &[],
                registries: Some(&access),
                access: &access,
                baseline: &pinned,
                assumes: false,
            };
            let described = build.load_logged(lookup, &builder(), &known).await;
            described.map_err(|error| in_one_line(&error))
        })
    })
}
