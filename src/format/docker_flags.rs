//! The flags of `docker` and its plugins in front of a subcommand.

/// Flags of a program that take a value, without their dashes.
#[derive(Debug)]
pub struct ValuedFlags {
    pub names: &'static [&'static str],
    /// Letters with their names.
    pub short: &'static [(char, &'static str)],
}

/// The flags of `docker`.
const DOCKER: ValuedFlags = ValuedFlags {
    names: &[
        "context",
        "host",
        "config",
        "log-level",
        "tlscacert",
        "tlscert",
        "tlskey",
    ],
    short: &[('c', "context"), ('H', "host"), ('l', "log-level")],
};

/// The flags of `docker buildx`.
const BUILDX: ValuedFlags = ValuedFlags {
    names: &["builder"],
    short: &[],
};

/// The flags of `docker compose` and `docker-compose`.
pub const COMPOSE: ValuedFlags = ValuedFlags {
    names: &[
        "file",
        "project-name",
        "profile",
        "env-file",
        "project-directory",
        "workdir",
        "insecure-registry",
        "ansi",
        "progress",
        "parallel",
    ],
    short: &[('f', "file"), ('p', "project-name")],
};

/// The flags of `nerdctl` and `buildctl`.
const OTHERS: ValuedFlags = ValuedFlags {
    names: &["address", "addr", "namespace"],
    short: &[('a', "address"), ('n', "namespace")],
};

/// Whether a word is a flag whose value is the next word.
pub fn takes_value(word: &str) -> bool {
    let programs = [&DOCKER, &BUILDX, &COMPOSE, &OTHERS];
    let mut programs = programs.iter();
    if let Some(name) = word.strip_prefix("--") {
        return programs.any(|program| program.names.contains(&name));
    }
    let mut letters = word.strip_prefix('-').unwrap_or_default().chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) => {
            programs.any(|program| program.short.iter().any(|(known, _)| *known == letter))
        }
        _ => false,
    }
}
