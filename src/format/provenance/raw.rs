//! The documents as BuildKit writes them, both versions in one shape, and their conversion.

use std::collections::BTreeMap;

use super::{
    Build, CodeLocation, Dependency, FrontendRequest, ProvenanceError, SOURCE_LIMIT, SourceFile,
    graph,
};
use crate::format::lenient::{self, LenientList, go_struct};
use crate::format::llb::json::Base64;
use crate::format::llb::{Op, OpKind};
use crate::format::manifest::Descriptor;
use crate::format::time::GoTime;
use crate::text::escape::visible;

go_struct! {
    /// A DSSE envelope or an in-toto statement.
    struct ProvenanceEnvelope {
        payload: Base64 = "payload",
        predicate_type: String = "predicateType",
        predicate: Option<Predicate> = "predicate",
    }
}

go_struct! {
    /// A predicate: the first two fields are version 1, the others version 0.2.
    struct Predicate {
        definition: Option<RawDefinition> = "buildDefinition",
        run: RunDetails = "runDetails",
        build_type: String = "buildType",
        invocation: RawInvocation = "invocation",
        config: BuildConfig = "buildConfig",
        materials: LenientList<Material> = "materials",
        metadata: RawMetadata = "metadata",
    }
}

go_struct! {
    struct RawDefinition {
        external: ExternalParameters = "externalParameters",
        internal: InternalParameters = "internalParameters",
        dependencies: LenientList<Material> = "resolvedDependencies",
    }
}
go_struct! {
    struct ExternalParameters {
        config_source: ConfigSource = "configSource",
        request: Parameters = "request",
    }
}
go_struct! {
    struct InternalParameters {
        config: BuildConfig = "buildConfig",
        platform: String = "builderPlatform",
        dockerfile_version: String = "dockerfileVersion",
    }
}
go_struct! {
    struct RunDetails { metadata: RawMetadata = "metadata" }
}

go_struct! {
    struct RawInvocation {
        config_source: ConfigSource = "configSource",
        parameters: Parameters = "parameters",
        environment: Environment = "environment",
    }
}
go_struct! {
    struct Environment { platform: String = "platform", dockerfile_version: String = "dockerfileVersion" }
}

go_struct! {
    struct ConfigSource { uri: String = "uri", path: String = "path", entry_point: String = "entryPoint" }
}
go_struct! {
    struct Parameters {
        frontend: String = "frontend",
        args: BTreeMap<String, Option<String>> = "args",
        locals: LenientList<RawNamed> = "locals",
        secrets: LenientList<RawNamed> = "secrets",
        compatibility_version: i64 = "compatibilityVersion",
    }
}
go_struct! {
    struct RawNamed { name: String = "name", id: String = "id" }
}
go_struct! {
    struct Material { uri: String = "uri", digest: BTreeMap<String, Option<String>> = "digest" }
}
go_struct! {
    pub(super) struct BuildConfig {
        pub(super) steps: LenientList<RawStep> = "llbDefinition",
        pub(super) vertices: BTreeMap<String, Option<String>> = "digestMapping",
    }
}
go_struct! {
    pub(super) struct RawStep {
        pub(super) id: String = "id",
        pub(super) op: WholeOp = "op",
        pub(super) inputs: LenientList<String> = "inputs",
    }
}

/// An operation together with its unknown parts.
#[derive(Debug, Clone, Default)]
pub(super) struct WholeOp {
    pub(super) op: Op,
    /// The first unknown part.
    pub(super) unread: Option<String>,
}

/// The parts of an operation that are not in its key: the client's worker constraints, and the
/// proxies of a command.
const NEXT_TO_THE_KEY: [&str; 2] = ["constraints", "Op.exec.meta.proxy_env"];

impl<'de> serde::Deserialize<'de> for WholeOp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut unread = None;
        let op: Op = serde_ignored::deserialize(deserializer, |path| {
            // Optional values are question marks in a path.
            let path = path.to_string();
            let path = path
                .split('.')
                .filter(|part| *part != "?")
                .collect::<Vec<_>>()
                .join(".");
            let is_next_to = |known: &&str| {
                let (head, rest) = path.split_at_checked(known.len()).unwrap_or((&path, "."));
                head.eq_ignore_ascii_case(known) && (rest.is_empty() || rest.starts_with('.'))
            };
            if !NEXT_TO_THE_KEY.iter().any(is_next_to) {
                unread.get_or_insert(path);
            }
        })?;
        let kind = if unread.is_some() {
            OpKind::Unknown
        } else {
            op.kind
        };
        Ok(Self {
            op: Op { kind, ..op },
            unread,
        })
    }
}

go_struct! {
    /// Times and BuildKit's own part, with the names of version 1 and of version 0.2.
    struct RawMetadata {
        started: GoTime = "startedOn",
        finished: GoTime = "finishedOn",
        buildkit: Option<BuildKitMetadata> = "buildkit_metadata",
        started_02: GoTime = "buildStartedOn",
        finished_02: GoTime = "buildFinishedOn",
        buildkit_02: Option<BuildKitMetadata> = "https://mobyproject.org/buildkit@v1#metadata",
    }
}
go_struct! {
    pub(super) struct BuildKitMetadata {
        source: RawSource = "source",
        vcs: BTreeMap<String, Option<String>> = "vcs",
        pub(super) layers: BTreeMap<String, Option<LenientList<LenientList<Descriptor>>>> = "layers",
    }
}
go_struct! {
    struct RawSource {
        locations: BTreeMap<String, RawLocations> = "locations",
        infos: LenientList<RawSourceInfo> = "infos",
    }
}
go_struct! {
    struct RawSourceInfo {
        name: String = "filename",
        language: String = "language",
        data: Base64 = "data",
    }
}
go_struct! {
    struct RawLocations { locations: LenientList<RawLocation> = "locations" }
}
go_struct! {
    struct RawLocation { source: i64 = "sourceIndex", ranges: LenientList<RawRange> = "ranges" }
}
go_struct! {
    struct RawRange { start: RawPosition = "start", end: RawPosition = "end" }
}
go_struct! {
    struct RawPosition { line: i32 = "line" }
}

pub(super) fn parse(bytes: &[u8]) -> Result<Build, ProvenanceError> {
    let envelope: ProvenanceEnvelope = read(bytes)?;
    if envelope.payload.0.is_empty() {
        return statement(envelope, bytes);
    }
    let payload = envelope.payload.0;
    statement(read(&payload)?, &payload)
}

fn read<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, ProvenanceError> {
    lenient::parse(bytes).map_err(|error| ProvenanceError::Json(error.to_string()))
}

fn statement(envelope: ProvenanceEnvelope, bytes: &[u8]) -> Result<Build, ProvenanceError> {
    const PREDICATE: &str = "https://slsa.dev/provenance/";
    if !envelope.predicate_type.is_empty() && !envelope.predicate_type.starts_with(PREDICATE) {
        return Err(ProvenanceError::OtherPredicate(
            visible(&envelope.predicate_type).into_owned(),
        ));
    }
    match envelope.predicate {
        Some(predicate) => predicate.into_build(),
        None => read::<Predicate>(bytes)?.into_build(),
    }
}

impl Predicate {
    fn into_build(self) -> Result<Build, ProvenanceError> {
        if let Some(definition) = self.definition {
            let external = definition.external;
            let internal = definition.internal;
            return assemble(
                internal.config,
                self.run.metadata,
                definition.dependencies,
                external.request.into_request(
                    external.config_source.uri,
                    external.config_source.path,
                    internal.dockerfile_version,
                ),
                internal.platform,
            );
        }
        if self.build_type.is_empty() {
            return Err(ProvenanceError::NotProvenance);
        }
        let RawInvocation {
            config_source,
            parameters,
            environment,
        } = self.invocation;
        assemble(
            self.config,
            self.metadata,
            self.materials,
            parameters.into_request(
                config_source.uri,
                config_source.entry_point,
                environment.dockerfile_version,
            ),
            environment.platform,
        )
    }
}

impl Parameters {
    fn into_request(
        self,
        origin: String,
        path: String,
        dockerfile_version: String,
    ) -> FrontendRequest {
        FrontendRequest {
            path,
            origin,
            directory: None,
            frontend: self.frontend,
            args: present(self.args),
            locals: self.locals.0.into_iter().map(|local| local.name).collect(),
            secrets: self.secrets.0.into_iter().map(|secret| secret.id).collect(),
            compatibility_version: self.compatibility_version,
            dockerfile_version,
        }
    }
}

fn assemble(
    config: BuildConfig,
    metadata: RawMetadata,
    dependencies: LenientList<Material>,
    request: FrontendRequest,
    builder_platform: String,
) -> Result<Build, ProvenanceError> {
    let BuildKitMetadata {
        source,
        vcs,
        layers,
    } = metadata
        .buildkit
        .or(metadata.buildkit_02)
        .unwrap_or_default();
    let locations = source
        .locations
        .into_iter()
        .map(|(id, locations)| (id, locations.into_locations()))
        .collect();
    let (steps, order) = graph::assemble(config, locations, layers)?;
    let request = FrontendRequest {
        directory: directory_of(&vcs),
        ..request
    };
    Ok(Build {
        steps,
        order,
        sources: source
            .infos
            .0
            .into_iter()
            .map(RawSourceInfo::into_file)
            .collect(),
        dependencies: dependencies
            .0
            .into_iter()
            .map(|material| Dependency {
                uri: material.uri,
                digests: present(material.digest),
            })
            .collect(),
        request,
        builder_platform,
        started: metadata.started.0.or(metadata.started_02.0),
        finished: metadata.finished.0.or(metadata.finished_02.0),
        revision: None,
        exported: None,
    })
}

/// Returns the directory of the Dockerfile below the context; buildx gives both paths relative to
/// the repository.
fn directory_of(vcs: &BTreeMap<String, Option<String>>) -> Option<String> {
    let named = |name: &str| {
        let path = vcs.get(&format!("localdir:{name}"))?.as_deref()?;
        let clean = crate::format::go_path::clean(path.as_bytes());
        let clean = String::from_utf8_lossy(&clean).into_owned();
        Some(clean).filter(|path| !path.starts_with('/') && !path.starts_with(".."))
    };
    let context = named("context")?;
    let dockerfile = named("dockerfile")?;
    match context.as_str() {
        "." => Some(dockerfile),
        context if context == dockerfile => Some(".".to_owned()),
        context => {
            let below = dockerfile.strip_prefix(context)?.strip_prefix('/')?;
            Some(below.to_owned())
        }
    }
}

/// Converts `null` in a map to the zero value, as Go does.
fn present(map: BTreeMap<String, Option<String>>) -> BTreeMap<String, String> {
    map.into_iter()
        .map(|(name, value)| (name, value.unwrap_or_default()))
        .collect()
}

impl RawLocations {
    /// A location covers the lines of all its ranges: an instruction with a here-document has one
    /// range per line.
    fn into_locations(self) -> Vec<CodeLocation> {
        let line = |line: i32| u32::try_from(line).ok().filter(|line| *line > 0);
        let cover = |location: RawLocation| {
            let first_line = location
                .ranges
                .0
                .iter()
                .filter_map(|range| line(range.start.line))
                .min()?;
            let last_line = location
                .ranges
                .0
                .iter()
                .filter_map(|range| line(range.end.line))
                .max()?;
            let source = usize::try_from(location.source).ok()?;
            Some(CodeLocation {
                source,
                first_line,
                last_line: last_line.max(first_line),
            })
        };
        self.locations.0.into_iter().filter_map(cover).collect()
    }
}

impl RawSourceInfo {
    fn into_file(self) -> SourceFile {
        let text = (self.data.0.len() <= SOURCE_LIMIT)
            .then(|| String::from_utf8_lossy(&self.data.0).into_owned());
        SourceFile {
            name: self.name,
            language: self.language,
            text: text.filter(|text| !text.is_empty()),
        }
    }
}
