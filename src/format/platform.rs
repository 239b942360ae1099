//! Platforms as text: `linux/arm/v7`, parsed and formatted as containerd does
//! (`github.com/containerd/platforms`).

use super::go_text;
use super::lenient::LenientList;
use super::llb::Platform;

const SYSTEMS: &[&str] = &[
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "windows",
    "zos",
];

const ARCHITECTURES: &[&str] = &[
    "386",
    "amd64",
    "amd64p32",
    "arm",
    "armbe",
    "arm64",
    "arm64be",
    "ppc64",
    "ppc64le",
    "loong64",
    "mips",
    "mipsle",
    "mips64",
    "mips64le",
    "mips64p32",
    "mips64p32le",
    "ppc",
    "riscv",
    "riscv64",
    "s390",
    "s390x",
    "sparc",
    "sparc64",
    "wasm",
];

const OS_PATTERN: &str = r"^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.%-]*)((?:\+[A-Za-z0-9_.%-]+)*)\))?$";
const PART_PATTERN: &str = r"^[A-Za-z0-9_.-]+$";

/// Why a text is no platform, in containerd's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}: invalid argument")]
pub struct PlatformError(String);

/// Parses a platform. A system without an architecture gets that of `builder`, and an architecture
/// without a system gets the system of `builder`.
///
/// # Errors
/// If it is malformed.
pub fn parse(text: &str, builder: &Platform) -> Result<Platform, PlatformError> {
    let quoted = go_text::quote(text);
    let wrong = |reason: &str| PlatformError(format!("{quoted}: {reason}"));
    if text.contains('*') {
        return Err(wrong("wildcards not yet supported"));
    }
    let parts: Vec<&str> = text.splitn(4, '/').collect();
    let mut platform = system(parts[0], text)?;
    for part in &parts[1..] {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        if part.is_empty() || !part.bytes().all(is_part) {
            let part = go_text::quote(part);
            let pattern = go_text::quote(PART_PATTERN);
            return Err(PlatformError(format!(
                "{part} is an invalid component of {quoted}: platform specifier component must match {pattern}"
            )));
        }
    }
    match parts.as_slice() {
        [_] if SYSTEMS.contains(&platform.os.as_str()) => {
            platform.architecture.clone_from(&builder.architecture);
        }
        [name] => {
            set_architecture(&mut platform, name, "");
            if !ARCHITECTURES.contains(&platform.architecture.as_str()) {
                return Err(wrong("unknown operating system or architecture"));
            }
            "linux".clone_into(&mut platform.os);
            drop_default_arm(&mut platform);
        }
        [_, architecture] => {
            set_architecture(&mut platform, architecture, "");
            drop_default_arm(&mut platform);
        }
        [_, architecture, variant] => {
            set_architecture(&mut platform, architecture, variant);
            if platform.architecture == "arm64" && platform.variant.is_empty() {
                "v8".clone_into(&mut platform.variant);
            }
        }
        _ => return Err(wrong("cannot parse platform specifier")),
    }
    Ok(platform)
}

/// Parses the first part: a system, with a version and features in parentheses.
fn system(part: &str, whole: &str) -> Result<Platform, PlatformError> {
    let wrong = || {
        PlatformError(format!(
            "{} is an invalid OS component of {}: OSAndVersion specifier component must match {}",
            go_text::quote(part),
            go_text::quote(whole),
            go_text::quote(OS_PATTERN)
        ))
    };
    let (name, options) = match part.split_once('(') {
        Some((name, rest)) => (name, Some(rest.strip_suffix(')').ok_or_else(wrong)?)),
        None => (part, None),
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_name) {
        return Err(wrong());
    }
    let mut platform = Platform {
        os: normal_os(name),
        ..Platform::default()
    };
    if let Some(options) = options {
        let is_option = |byte: u8| byte.is_ascii_alphanumeric() || b"_.%-".contains(&byte);
        let mut options = options.split('+');
        let version = options.next().unwrap_or_default();
        let features: Vec<&str> = options.collect();
        let is_wrong = |option: &&str| option.is_empty() || !option.bytes().all(is_option);
        if !version.bytes().all(is_option) || features.iter().any(is_wrong) {
            return Err(wrong());
        }
        platform.os_version = decoded(version);
        platform.os_features = LenientList(features.into_iter().map(decoded).collect());
    }
    Ok(platform)
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}

fn set_architecture(platform: &mut Platform, architecture: &str, variant: &str) {
    let (architecture, variant) = normal_architecture(architecture, variant);
    platform.architecture = architecture;
    platform.variant = variant;
}

/// Without a variant, `arm` means `v7`.
fn drop_default_arm(platform: &mut Platform) {
    if platform.architecture == "arm" && platform.variant == "v7" {
        platform.variant.clear();
    }
}

/// Formats a platform without the version of its system.
pub fn format(platform: &Platform) -> String {
    if platform.os.is_empty() {
        return "unknown".to_owned();
    }
    joined(&platform.os, platform)
}

/// Formats a platform with the version and the features of its system.
pub fn format_all(platform: &Platform) -> String {
    if platform.os.is_empty() {
        return "unknown".to_owned();
    }
    let mut features: Vec<&str> = platform.os_features.0.iter().map(String::as_str).collect();
    features.sort_unstable();
    features.dedup();
    features.retain(|feature| !feature.is_empty());
    if platform.os_version.is_empty() && features.is_empty() {
        return joined(&platform.os, platform);
    }
    let encoded = |text: &str| {
        let mut encoded = text.replace('%', "%25");
        for (character, code) in [("+", "%2B"), ("(", "%28"), (")", "%29"), ("/", "%2F")] {
            encoded = encoded.replace(character, code);
        }
        encoded
    };
    let mut os = format!("{}({}", platform.os, encoded(&platform.os_version));
    for feature in features {
        os.push('+');
        os.push_str(&encoded(feature));
    }
    os.push(')');
    joined(&os, platform)
}

fn joined(os: &str, platform: &Platform) -> String {
    let parts = [os, &platform.architecture, &platform.variant];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("/")
}

/// Normalizes the names of a platform.
pub fn normalize(platform: &Platform) -> Platform {
    let mut normal = platform.clone();
    normal.os = normal_os(&platform.os);
    set_architecture(&mut normal, &platform.architecture, &platform.variant);
    normal.os_features.0.sort_unstable();
    normal.os_features.0.dedup();
    normal
}

fn normal_os(name: &str) -> String {
    match name.to_lowercase().as_str() {
        "macos" => "darwin".to_owned(),
        name => name.to_owned(),
    }
}

fn normal_architecture(architecture: &str, variant: &str) -> (String, String) {
    let architecture = architecture.to_lowercase();
    let variant = variant.to_lowercase();
    let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
        ("i386", _) => ("386", ""),
        ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
        ("x86_64" | "x86-64", variant) => ("amd64", variant),
        ("aarch64" | "arm64", "8" | "v8" | "v8.0") => ("arm64", ""),
        ("aarch64" | "arm64", "9" | "9.0" | "v9.0") => ("arm64", "v9"),
        ("aarch64", variant) => ("arm64", variant),
        ("armhf", _) | ("arm", "" | "7") => ("arm", "v7"),
        ("armel", _) | ("arm", "6") => ("arm", "v6"),
        ("arm", "5") => ("arm", "v5"),
        ("arm", "8") => ("arm", "v8"),
        other => other,
    };
    (architecture.to_owned(), variant.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builder() -> Platform {
        Platform {
            os: "linux".into(),
            architecture: "amd64".into(),
            ..Platform::default()
        }
    }

    #[test]
    fn reads_and_writes_as_containerd_does() {
        let cases = [
            ("linux", "linux/amd64"),
            ("arm64", "linux/arm64"),
            ("linux/arm", "linux/arm"),
            ("linux/armhf", "linux/arm"),
            ("linux/arm64/v8", "linux/arm64/v8"),
            ("linux/aarch64/8", "linux/arm64/v8"),
            ("macos/x86_64", "darwin/amd64"),
            (
                "windows(10.0.17763+win32k)/amd64",
                "windows(10.0.17763+win32k)/amd64",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(
                format_all(&parse(text, &builder()).unwrap()),
                expected,
                "{text}"
            );
        }
        for wrong in [
            "",
            "linux/",
            "a/b/c/d",
            "nowhere",
            "linux/*",
            "linux(/amd64",
            "linux()x/amd64",
        ] {
            assert!(parse(wrong, &builder()).is_err(), "{wrong}");
        }
    }
}
