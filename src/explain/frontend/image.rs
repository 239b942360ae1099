//! Configurations of images: the fields that affect the steps built on them.

use std::collections::BTreeMap;

use crate::format::digest::Digest;
use crate::format::lenient::{self, LenientList, go_struct};
use crate::format::llb::Platform;

/// The search path of a container whose image sets none.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A base image of a build.
#[derive(Debug, Clone)]
pub struct BaseImage {
    /// The digest of its name.
    pub digest: String,
    pub config: BaseImageConfig,
}

/// What is known about an image.
#[derive(Debug, Clone)]
pub enum ImageState {
    /// Everything that the build needs.
    Known(Box<BaseImage>),
    /// Nothing, for this reason.
    Unknown(String),
}

/// An image that a build requires: its normalized reference and its platform.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageRequest {
    /// The reference with its tag.
    pub reference: String,
    /// The platform, as `linux/arm64`.
    pub platform: String,
}

/// The known images.
pub type Images = BTreeMap<ImageRequest, ImageState>;

go_struct! {
    /// A configuration.
    pub struct BaseImageConfig {
        pub architecture: String = "architecture",
        /// The system.
        pub os: String = "os",
        /// The variant of the architecture.
        pub variant: String = "variant",
        /// The version of the system.
        pub os_version: String = "os.version",
        /// Features of the system.
        pub os_features: LenientList<String> = "os.features",
        /// The settings of containers.
        pub config: ContainerConfig = "config",
        /// The layers.
        pub rootfs: BaseRootFs = "rootfs",
        /// The history of the layers.
        pub history: LenientList<ImageHistory> = "history",
    }
}

go_struct! {
    /// The settings of containers of an image.
    pub struct ContainerConfig {
        pub user: String = "User",
        /// `NAME=value`.
        pub env: LenientList<String> = "Env",
        /// The working directory.
        pub working_dir: String = "WorkingDir",
        /// The shell of commands.
        pub shell: LenientList<String> = "Shell",
        /// Triggers for builds on the image.
        pub on_build: LenientList<String> = "OnBuild",
    }
}

go_struct! {
    /// The layers of an image.
    pub struct BaseRootFs {
        /// The digests of their contents.
        pub diff_ids: LenientList<String> = "diff_ids",
    }
}

go_struct! {
    /// An entry of the history.
    pub struct ImageHistory {
        /// Whether the entry has no layer.
        pub empty_layer: bool = "empty_layer",
    }
}

impl BaseImageConfig {
    /// Parses a configuration.
    ///
    /// # Errors
    /// If it is not valid JSON.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        lenient::parse(bytes)
    }

    /// Returns the configuration of an image without files.
    pub fn empty(platform: &Platform) -> Self {
        let mut config = Self {
            architecture: platform.architecture.clone(),
            os: platform.os.clone(),
            variant: platform.variant.clone(),
            os_version: platform.os_version.clone(),
            os_features: platform.os_features.clone(),
            ..Self::default()
        };
        "/".clone_into(&mut config.config.working_dir);
        if platform.os != "windows" {
            config.config.env = LenientList(vec![format!("PATH={DEFAULT_PATH}")]);
        }
        config
    }

    /// Returns the platform of the image, if the configuration has one.
    pub fn platform(&self) -> Option<Platform> {
        let is_said = !self.architecture.is_empty() && !self.os.is_empty();
        is_said.then(|| Platform {
            architecture: self.architecture.clone(),
            os: self.os.clone(),
            variant: self.variant.clone(),
            os_version: self.os_version.clone(),
            os_features: self.os_features.clone(),
        })
    }

    /// Returns the uncompressed digests of the layers. Returns `None` if one is malformed.
    pub fn layers(&self) -> Option<Vec<Digest>> {
        self.rootfs
            .diff_ids
            .0
            .iter()
            .map(|digest| digest.parse().ok())
            .collect()
    }

    /// Returns whether the image has no files: such an image is not pulled. Old images do not list
    /// their layers; their history decides.
    pub fn is_empty_image(&self) -> bool {
        self.rootfs.diff_ids.0.is_empty() && self.history.0.iter().all(|entry| entry.empty_layer)
    }
}
