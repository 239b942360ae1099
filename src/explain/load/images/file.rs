//! An image in a JSON file, as `--image` takes it: `{"digest": …, "config": {…}}`.

use std::path::Path;

use crate::explain::frontend::{BaseImage, BaseImageConfig, ContainerConfig, ImageHistory};
use crate::format::digest::Digest;
use crate::format::lenient::{self, go_struct};
use crate::format::llb::Platform;

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 16 << 20;
/// Fields that only the configuration of an image has, in lower case.
const OF_IMAGE: [&str; 5] = ["architecture", "os", "rootfs", "config", "history"];
/// Fields that only the settings of a container have, in lower case.
const OF_CONTAINER: [&str; 8] = [
    "env",
    "cmd",
    "entrypoint",
    "workingdir",
    "user",
    "labels",
    "shell",
    "onbuild",
];

go_struct! {
    /// A file with the whole configuration of an image.
    struct ImageFile {
        digest: String = "digest",
        config: Option<BaseImageConfig> = "config",
    }
}

go_struct! {
    /// A file with the settings of a container, such as `.Config` of `docker inspect`.
    struct ContainerFile {
        config: ContainerConfig = "config",
    }
}

/// Reads an image for a platform. Its configuration is that of the image, or only the settings of
/// its containers, which say nothing about its layers.
///
/// # Errors
/// If the file cannot be read, or has no digest or no configuration.
pub(super) fn read(path: &Path, of: &Platform) -> Result<BaseImage, String> {
    let shown = path.display();
    let failed = |error: &dyn std::error::Error| format!("{shown}: {error}");
    let length = path.metadata().map_err(|error| failed(&error))?.len();
    if length > MAX_FILE {
        return Err(format!("{shown} is larger than {MAX_FILE} bytes"));
    }
    let bytes = std::fs::read(path).map_err(|error| failed(&error))?;
    let file: ImageFile = lenient::parse(&bytes).map_err(|error| failed(&error))?;
    if file.digest.parse::<Digest>().is_err() {
        return Err(format!("{shown} names no digest of an image"));
    }
    let fields = fields_of_config(&bytes);
    let has = |names: &[&str]| fields.iter().any(|field| names.contains(&field.as_str()));
    let mut config = match file.config {
        Some(config) if has(&OF_IMAGE) => config,
        Some(_) if has(&OF_CONTAINER) => {
            let file: ContainerFile = lenient::parse(&bytes).map_err(|error| failed(&error))?;
            BaseImageConfig {
                config: file.config,
                ..BaseImageConfig::empty(of)
            }
        }
        _ => return Err(format!("{shown} holds no configuration of an image")),
    };
    if !has(&["history"]) && !has_layers(&bytes) {
        // Without layers, an image has no files. Here they are only unknown.
        config.history.0 = vec![ImageHistory::default()];
    }
    Ok(BaseImage {
        digest: file.digest,
        config,
    })
}

/// Returns the names of the fields of the configuration, in lower case.
fn fields_of_config(bytes: &[u8]) -> Vec<String> {
    let file: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    let config = file.get("config").and_then(serde_json::Value::as_object);
    let fields = config.into_iter().flatten();
    fields.map(|(name, _)| name.to_lowercase()).collect()
}

/// Returns whether the configuration lists layers, be it none.
fn has_layers(bytes: &[u8]) -> bool {
    let file: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    file.pointer("/config/rootfs/diff_ids").is_some()
}
