//! Reads evidence for the UI that is not in a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::backend::Access as StoreAccess;
use crate::cli::evidence;
use crate::cli::why::build::builder;
use crate::explain::load::images::{ImageLookup, PinnedImage};
use crate::text::causes::in_one_line;
use crate::tui::evidence::{DescribeBuild, EvidenceReaders, ImageProvenance};

/// Returns the readers of a run in the current directory.
pub(super) fn of(access: &StoreAccess) -> EvidenceReaders {
    EvidenceReaders {
        images: image_provenance(access.clone()),
        describe: describer(access.clone()),
        directory: PathBuf::from("."),
    }
}

/// Returns the function that reads the provenance next to an image.
fn image_provenance(access: StoreAccess) -> ImageProvenance {
    Arc::new(move |text| {
        let access = access.clone();
        Box::pin(async move {
            evidence::of_image(&access, Path::new(&text))
                .await
                .map_err(|failure| failure.to_string())
        })
    })
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
