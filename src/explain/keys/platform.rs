//! Platforms as in keys: normalized, and never absent.

use crate::format::go_json::GoFields;
use crate::format::llb::Platform;
use crate::format::provenance::{Build, Step};

/// Returns the platform in a step's key: its own or the builder's. Returns `None` if neither is
/// known.
pub fn of_step(build: &Build, step: &Step) -> Option<Platform> {
    step.op
        .platform
        .as_ref()
        .map(normalize)
        .or_else(|| parse(&build.builder_platform))
}

/// Formats a platform in the usual way: `linux/arm/v7`.
pub fn name(platform: &Platform) -> String {
    let mut name = format!("{}/{}", platform.os, platform.architecture);
    if !platform.variant.is_empty() {
        name.push('/');
        name.push_str(&platform.variant);
    }
    name
}

/// Parses `linux/arm/v7`.
pub fn parse(text: &str) -> Option<Platform> {
    let mut parts = text.split('/');
    let os = parts.next()?.to_owned();
    let architecture = parts.next()?.to_owned();
    let variant = parts.next().unwrap_or_default().to_owned();
    let known = !os.is_empty() && !architecture.is_empty();
    known.then(|| {
        normalize(&Platform {
            architecture,
            os,
            variant,
            ..Platform::default()
        })
    })
}

/// Normalizes the names of a platform, as `platforms.Normalize` of containerd does.
pub fn normalize(platform: &Platform) -> Platform {
    let mut normal = platform.clone();
    normal.os = match platform.os.to_lowercase().as_str() {
        "macos" => "darwin".to_owned(),
        os => os.to_owned(),
    };
    let architecture = platform.architecture.to_lowercase();
    let variant = platform.variant.to_lowercase();
    let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
        ("i386", _) => ("386", ""),
        ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
        ("x86_64" | "x86-64", variant) => ("amd64", variant),
        ("aarch64" | "arm64", "8" | "v8") => ("arm64", ""),
        ("aarch64", variant) => ("arm64", variant),
        ("armhf", _) | ("arm", "" | "7") => ("arm", "v7"),
        ("armel", _) | ("arm", "6") => ("arm", "v6"),
        ("arm", "5") => ("arm", "v5"),
        ("arm", "8") => ("arm", "v8"),
        other => other,
    };
    (normal.architecture, normal.variant) = (architecture.to_owned(), variant.to_owned());
    normal
}

/// Writes the fields of a platform in keys.
pub(super) fn write(platform: &Platform, fields: &mut GoFields<'_>) {
    fields
        .always("OS", &platform.os)
        .always("Arch", &platform.architecture)
        .unless_empty("Variant", &platform.variant)
        .unless_empty("OSVersion", &platform.os_version)
        .unless_empty("OSFeatures", &platform.os_features);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalizes_as_containerd_does() {
        let cases = [
            ("linux/amd64", "linux/amd64/"),
            ("Linux/x86_64/V1", "linux/amd64/"),
            ("linux/amd64/v3", "linux/amd64/v3"),
            ("linux/aarch64", "linux/arm64/"),
            ("linux/arm64/v8", "linux/arm64/"),
            ("linux/arm64/v9", "linux/arm64/v9"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/arm/6", "linux/arm/v6"),
            ("linux/arm/v6", "linux/arm/v6"),
            ("linux/armhf", "linux/arm/v7"),
            ("linux/armel/v7", "linux/arm/v6"),
            ("linux/i386/x", "linux/386/"),
            ("macos/arm64", "darwin/arm64/"),
            ("linux/riscv64", "linux/riscv64/"),
        ];
        for (given, expected) in cases {
            let normal = parse(given).unwrap();
            assert_eq!(
                format!("{}/{}/{}", normal.os, normal.architecture, normal.variant),
                expected,
                "{given}"
            );
        }
        for none in ["", "linux", "/amd64", "linux/"] {
            assert!(parse(none).is_none(), "{none}");
        }
    }
}
