//! The Dockerfile of a directory, today or in a revision of git.

use std::path::Path;

use super::DescribedBuild;

/// The names of a Dockerfile that no option names.
const FILE_NAMES: [&str; 2] = ["Dockerfile", "dockerfile"];

/// Returns whether a directory has a Dockerfile with a default name.
pub fn has_dockerfile(directory: &Path) -> bool {
    FILE_NAMES.iter().any(|name| directory.join(name).is_file())
}

impl DescribedBuild {
    /// Returns the build of the Dockerfile in `directory`; `None` if it has none.
    pub fn of_directory(directory: &Path) -> Option<Self> {
        if !has_dockerfile(directory) {
            return None;
        }
        Some(Self {
            context: Some(directory.to_string_lossy().into_owned()),
            ..Self::default()
        })
    }

    /// Returns the same build with the files of a revision of git.
    #[must_use]
    pub fn at_revision(&self, revision: &str) -> Self {
        Self {
            revision: Some(revision.to_owned()),
            ..self.clone()
        }
    }
}
