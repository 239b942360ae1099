//! The files that may declare caches, by kind.

use super::repository::{Repository, directory};

/// The kind of a file that may declare caches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CiFileKind {
    Workflow,
    Bake,
    GitLab,
    Tsops,
    Devcontainer,
    Kamal,
    Jenkins,
    Circle,
    Azure,
    Buildkite,
    Woodpecker,
    Drone,
    Earthfile,
    /// Pipelines of less common systems.
    Pipeline,
    Make,
    Task,
    Just,
    Package,
    Project,
    Shell,
    Python,
    PowerShell,
    Batch,
    /// Compose, composite actions and Kubernetes, distinguished by content.
    Yaml,
}

/// Returns the kind of a file by its name.
pub(super) fn of(path: &str) -> Option<CiFileKind> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let lower = name.to_lowercase();
    let folder = directory(path);
    let extension = lower
        .rsplit_once('.')
        .map_or("", |(_, extension)| extension);
    let yaml = matches!(extension, "yml" | "yaml");
    if yaml
        && matches!(
            folder,
            ".github/workflows" | ".gitea/workflows" | ".forgejo/workflows"
        )
    {
        return Some(CiFileKind::Workflow);
    }
    if yaml && folder.ends_with(".github/workflows") {
        // GitHub only reads workflows at the top level.
        return None;
    }
    if let Some(kind) = by_place(path, &lower, folder, yaml) {
        return Some(kind);
    }
    match lower.as_str() {
        "jenkinsfile" => return Some(CiFileKind::Jenkins),
        "makefile" | "gnumakefile" | "bsdmakefile" => return Some(CiFileKind::Make),
        "justfile" | ".justfile" => return Some(CiFileKind::Just),
        "earthfile" => return Some(CiFileKind::Earthfile),
        "package.json" => return Some(CiFileKind::Package),
        "project.json" => return Some(CiFileKind::Project),
        _ => {}
    }
    if lower.starts_with("jenkinsfile.")
        || lower.ends_with(".jenkinsfile")
        || (extension == "groovy" && lower.contains("jenkins"))
    {
        return Some(CiFileKind::Jenkins);
    }
    if lower.starts_with("tsops.config.") && !lower.ends_with(".d.ts") {
        return Some(CiFileKind::Tsops);
    }
    if lower.starts_with("taskfile.") && yaml {
        return Some(CiFileKind::Task);
    }
    if (extension == "hcl" || extension == "json") && lower.contains("bake") {
        return Some(CiFileKind::Bake);
    }
    match extension {
        "hcl" => Some(CiFileKind::Bake),
        "mk" | "make" => Some(CiFileKind::Make),
        "just" => Some(CiFileKind::Just),
        "sh" | "bash" | "zsh" | "ksh" | "bats" => Some(CiFileKind::Shell),
        "py" => Some(CiFileKind::Python),
        "ps1" | "psm1" => Some(CiFileKind::PowerShell),
        "bat" | "cmd" => Some(CiFileKind::Batch),
        "yml" | "yaml" => Some(CiFileKind::Yaml),
        "groovy" => Some(CiFileKind::Jenkins),
        "" if !name.starts_with('.')
            && !lower.starts_with("dockerfile")
            && !lower.starts_with("license") =>
        {
            Some(CiFileKind::Shell)
        }
        _ if lower.starts_with("makefile.") => Some(CiFileKind::Make),
        _ => None,
    }
}

fn by_place(path: &str, lower: &str, folder: &str, yaml: bool) -> Option<CiFileKind> {
    let in_folder = |name: &str| folder == name || folder.starts_with(&format!("{name}/"));
    match () {
        () if yaml && (lower.contains("gitlab-ci") || in_folder(".gitlab")) => {
            Some(CiFileKind::GitLab)
        }
        () if lower == "devcontainer.json" || lower == ".devcontainer.json" => {
            Some(CiFileKind::Devcontainer)
        }
        () if yaml
            && folder.split('/').next_back() == Some("config")
            && (lower == "deploy.yml"
                || (lower.starts_with("deploy.") && lower.ends_with(".yml"))) =>
        {
            Some(CiFileKind::Kamal)
        }
        () if yaml && folder.split('/').next_back() == Some(".circleci") => {
            Some(CiFileKind::Circle)
        }
        () if yaml
            && (lower.starts_with("azure-pipelines")
                || in_folder(".azure-pipelines")
                || in_folder(".azuredevops")
                || in_folder("azure-pipelines")) =>
        {
            Some(CiFileKind::Azure)
        }
        () if yaml && (in_folder(".buildkite") || path.starts_with("buildkite.")) => {
            Some(CiFileKind::Buildkite)
        }
        () if yaml
            && (in_folder(".woodpecker")
                || lower == ".woodpecker.yml"
                || lower == ".woodpecker.yaml") =>
        {
            Some(CiFileKind::Woodpecker)
        }
        () if yaml && super::pipelines::is_named(lower, folder) => Some(CiFileKind::Pipeline),
        () if yaml && (lower == ".drone.yml" || lower == ".drone.yaml") => Some(CiFileKind::Drone),
        () => None,
    }
}

/// Whether a file may declare a cache: the words of flags, keys and arguments contain `cache`,
/// except for two short flags of envd.
pub(super) fn may_declare(kind: CiFileKind, text: &str) -> bool {
    // The caches of tsops may all be in files that the configuration imports, and those of Azure in
    // templates. A command may join bake files.
    mentions_cache(text)
        || (kind != CiFileKind::Bake && text.contains("bake") && joins_files(text))
        || kind == CiFileKind::Tsops
        || (kind == CiFileKind::Azure && text.contains("template"))
        || (matches!(
            kind,
            CiFileKind::Shell
                | CiFileKind::Yaml
                | CiFileKind::Make
                | CiFileKind::Workflow
                | CiFileKind::Just
                | CiFileKind::Task
        ) && text.contains("envd")
            && (text.contains("-ec") || text.contains("-ic")))
}

/// Whether a text may have a command of bake with several files.
fn joins_files(text: &str) -> bool {
    ["-f", "--file", "files:"]
        .iter()
        .any(|word| text.contains(word))
}

/// Whether a file includes others, whose caches may need its variables and jobs.
pub(super) fn includes_others(kind: CiFileKind, text: &str) -> bool {
    match kind {
        CiFileKind::GitLab | CiFileKind::Make | CiFileKind::Yaml => text.contains("include"),
        // A destination is merged over `deploy.yml`.
        CiFileKind::Kamal => true,
        _ => false,
    }
}

/// Whether a text contains the word `cache`, ignoring case.
pub(super) fn mentions_cache(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut position = 0;
    while let Some(found) = text[position..].find(['h', 'H']) {
        let at = position + found;
        let word = at.checked_sub(3).and_then(|start| bytes.get(start..at + 2));
        if word.is_some_and(|word| word.eq_ignore_ascii_case(b"cache")) {
            return true;
        }
        position = at + 1;
    }
    false
}

/// Whether a file without an extension is a shell script.
pub(super) fn is_shell_script(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    first.starts_with("#!")
        && ["sh", "bash", "zsh", "dash", "ksh", "bats"]
            .iter()
            .any(|shell| {
                first.rsplit(['/', ' ']).next() == Some(shell)
                    || first.contains(&format!("/{shell} "))
                    || first.contains(&format!(" {shell} "))
            })
}

/// Returns the names of a directory's files that bake reads without `-f`.
pub(super) fn default_bake_files(repository: &Repository, folder: &str) -> Vec<String> {
    let names = [
        "docker-bake.json",
        "docker-bake.hcl",
        "docker-bake.override.json",
        "docker-bake.override.hcl",
    ];
    let path = |name: &str| {
        if folder.is_empty() {
            name.to_owned()
        } else {
            format!("{folder}/{name}")
        }
    };
    names
        .iter()
        .map(|name| path(name))
        .filter(|path| repository.has(path))
        .collect()
}
