//! Dockerfiles converted like BuildKit's own frontend: recorded cases, and malicious files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use bollard_buildkit_proto::pb;
use cachelens::explain::frontend::{
    BaseImage, BaseImageConfig, ConversionOutcome, ConversionRefusal, ConvertOptions, Converted,
    ImageState, Images, MainContext, convert,
};
use cachelens::format::digest::Digest;
use cachelens::format::dockerfile::Dockerfile;
use cachelens::format::llb::{HostIp, Platform, Ulimit};
use cachelens::format::platform;
use cachelens::format::reference::ImageReference;
use prost::Message as _;
use serde_json::Value;

/// A recorded case: its files by their names.
type Case = BTreeMap<String, Vec<u8>>;

/// Reads the cases of the archive, and those below `DOCKERFILE_VECTORS`, a directory of further
/// cases.
fn cases() -> BTreeMap<String, Case> {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dockerfile.tar.gz");
    let archive = flate2::read::GzDecoder::new(File::open(archive).unwrap());
    let mut cases: BTreeMap<String, Case> = BTreeMap::new();
    for entry in tar::Archive::new(archive).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        let part = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        let case = cases.entry(part(path.parent().unwrap())).or_default();
        case.insert(part(&path), bytes);
    }
    if let Some(directory) = std::env::var_os("DOCKERFILE_VECTORS").map(PathBuf::from) {
        for case in directory.read_dir().unwrap().map(Result::unwrap) {
            let Ok(files) = case.path().read_dir() else {
                continue;
            };
            let name = format!("{} of DOCKERFILE_VECTORS", case.file_name().display());
            let files = files.map(Result::unwrap).map(|file| {
                (
                    file.file_name().into_string().unwrap(),
                    std::fs::read(file.path()).unwrap(),
                )
            });
            cases.insert(name, files.collect());
        }
    }
    cases
}

fn linux(architecture: &str) -> Platform {
    Platform {
        os: "linux".into(),
        architecture: architecture.into(),
        ..Platform::default()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

/// Reads the options of a case.
fn options(case: &Value) -> ConvertOptions {
    let builder = linux("amd64");
    let target = match case["platform"].as_str() {
        Some(target) => platform::normalize(&platform::parse(target, &builder).unwrap()),
        None => builder.clone(),
    };
    let mut attributes = BTreeMap::from([
        ("local.session".to_owned(), "s".to_owned()),
        ("local.sharedkeyhint".to_owned(), "context".to_owned()),
    ]);
    if case["ignore"].is_array() {
        // Go escapes the characters with a meaning in HTML.
        let json = serde_json::to_string(&texts(&case["ignore"])).unwrap();
        let json = json
            .replace('<', "\\u003c")
            .replace('>', "\\u003e")
            .replace('&', "\\u0026");
        attributes.insert("local.excludepatterns".to_owned(), json);
    }
    let args = case["build_args"].as_object().into_iter().flatten();
    let host = |text: String| {
        let (host, ip) = text.split_once('=').unwrap();
        HostIp {
            host: host.into(),
            ip: ip.into(),
        }
    };
    let ulimit = |text: String| {
        let (name, limits) = text.split_once('=').unwrap();
        let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
        Ulimit {
            name: name.into(),
            soft: soft.parse().unwrap(),
            hard: hard.parse().unwrap(),
        }
    };
    ConvertOptions {
        target: text(&case["target"]),
        build_args: args
            .map(|(name, value)| (name.clone(), text(value)))
            .collect(),
        platform: Some(target),
        build_platform: builder,
        multi_platform: case["multi_platform"] == true,
        network: match case["network"].as_str() {
            Some("host") => 1,
            Some("none") => 2,
            _ => 0,
        },
        hostname: text(&case["hostname"]),
        extra_hosts: texts(&case["extra_hosts"]).into_iter().map(host).collect(),
        shm_size: case["shm_size"].as_i64().unwrap_or_default(),
        ulimits: texts(&case["ulimits"]).into_iter().map(ulimit).collect(),
        cgroup_parent: text(&case["cgroup_parent"]),
        cache_namespace: text(&case["cache_ns"]),
        resolve_mode: text(&case["resolve_mode"]),
        context: MainContext::Local {
            attributes,
            follow_paths: case["follow_paths"] == true,
        },
        without_remote_epoch: true,
        ..ConvertOptions::default()
    }
}

/// Converts a case, with its images on request.
fn converted(file: &[u8], case: &Value) -> Result<Converted, ConversionRefusal> {
    let file = Dockerfile::parse(file)?;
    let options = options(case);
    let normal = |text: &str| {
        ImageReference::parse(text)
            .unwrap()
            .with_default_tag()
            .to_string()
    };
    let known: BTreeMap<String, &Value> = case["images"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, image)| (normal(name), image))
        .collect();
    let mut images = Images::new();
    loop {
        match convert(&file, &options, &images)? {
            ConversionOutcome::Converted(converted) => return Ok(converted),
            ConversionOutcome::NeedsImages(requests) => {
                for request in requests {
                    let Some(image) = known.get(&request.reference) else {
                        let message = format!("{0}: no such image: {0}", request.reference);
                        return Err(ConversionRefusal {
                            message,
                            lines: None,
                        });
                    };
                    let config = image["config"].to_string();
                    let config = BaseImageConfig::parse(config.as_bytes()).unwrap();
                    let image = BaseImage {
                        digest: text(&image["digest"]),
                        config,
                    };
                    images.insert(request, ImageState::Known(Box::new(image)));
                }
            }
        }
    }
}

/// Compares a conversion with the definition that BuildKit made, and returns the first difference.
fn difference(expected: &[u8], converted: &Converted) -> Option<String> {
    let expected = pb::Definition::decode(expected).unwrap();
    for (place, bytes) in expected.def.iter().enumerate() {
        let Some(step) = converted.steps.get(place) else {
            return Some(format!(
                "only {} of {} operations",
                place,
                expected.def.len()
            ));
        };
        if step.bytes != *bytes {
            let expected = pb::Op::decode(bytes.as_slice()).unwrap();
            let found = pb::Op::decode(step.bytes.as_slice());
            return Some(format!(
                "operation {place}:\nexpected {expected:?}\n   found {found:?}"
            ));
        }
        let digest = Digest::of(bytes).to_string();
        let about = expected.metadata.get(&digest);
        let named = |name: &str| about.and_then(|about| about.description.get(name)).cloned();
        let names = [
            (named("llb.customname"), &step.name),
            (named("com.docker.dockerfile.v1.command"), &step.command),
        ];
        for (expected, found) in names {
            if expected.as_deref() != found.as_deref() {
                return Some(format!(
                    "name of operation {place}: {expected:?}, found {found:?}"
                ));
            }
        }
        let locations = expected
            .source
            .as_ref()
            .and_then(|source| source.locations.get(&digest));
        let line = |range: &pb::Range| range.start.as_ref().map_or(0, |start| start.line);
        let lines: Vec<i32> = locations
            .into_iter()
            .flat_map(|locations| &locations.locations)
            .flat_map(|location| location.ranges.iter().map(line))
            .collect();
        let found: Vec<i32> = step
            .locations
            .iter()
            .flat_map(|lines| lines.first..=lines.last)
            .map(|line| line.try_into().unwrap())
            .collect();
        if lines != found {
            return Some(format!(
                "lines of operation {place}: {lines:?}, found {found:?}"
            ));
        }
    }
    let more = converted.steps.len() > expected.def.len();
    more.then(|| {
        format!(
            "{} operations instead of {}",
            converted.steps.len(),
            expected.def.len()
        )
    })
}

/// Removes the suggestion at the end of an error.
fn plain(error: &str) -> &str {
    error.trim_end().split(" (did you mean ").next().unwrap()
}

#[test]
fn every_recorded_case_is_converted_as_buildkit_does() {
    let mut wrong = Vec::new();
    let cases = cases();
    assert!(cases.len() >= 300, "only {} cases", cases.len());
    for (name, case) in cases {
        let Some(file) = case.get("Dockerfile") else {
            continue;
        };
        let options: Value = match case.get("case.json") {
            Some(options) => serde_json::from_slice(options).unwrap(),
            None => Value::Null,
        };
        let found = converted(file, &options);
        let refused = case
            .get("error.txt")
            .map(|error| String::from_utf8_lossy(error));
        let difference = match (&found, refused, case.get("definition.pb")) {
            (Ok(converted), None, Some(definition)) => difference(definition, converted),
            (Ok(_), Some(error), _) => Some(format!("is not refused: {error}")),
            (Err(refusal), Some(error), _) => {
                let same = plain(&error) == plain(&refusal.message);
                (!same)
                    .then(|| format!("refused with {:?}\n   not with {error:?}", refusal.message))
            }
            (Err(refusal), None, _) => Some(format!("is refused: {refusal}")),
            (Ok(_), None, None) => None,
        };
        wrong.extend(difference.map(|difference| format!("{name}: {difference}")));
    }
    assert!(
        wrong.is_empty(),
        "{} cases differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Converts a file with arbitrary options and unknown images, and returns the elapsed time.
fn time(file: &[u8]) -> std::time::Duration {
    let start = std::time::Instant::now();
    let _ = without_images(file);
    start.elapsed()
}

fn without_images(file: &[u8]) -> Result<Converted, ConversionRefusal> {
    let file = Dockerfile::parse(file)?;
    let options = options(&Value::Null);
    let mut images = Images::new();
    loop {
        match convert(&file, &options, &images)? {
            ConversionOutcome::Converted(converted) => return Ok(converted),
            ConversionOutcome::NeedsImages(requests) => {
                let unknown = || ImageState::Unknown("not asked for".to_owned());
                images.extend(requests.into_iter().map(|request| (request, unknown())));
            }
        }
    }
}

/// The length of a malicious file in bytes.
const LONG: usize = 32 << 10;

/// Repeats a text until it is long.
fn long(text: &str) -> String {
    text.repeat(LONG / text.len())
}

/// Repeats a text with a counter until it is long.
fn counted(text: impl Fn(usize) -> String) -> String {
    let mut whole = String::new();
    for number in 0.. {
        whole.push_str(&text(number));
        if whole.len() >= LONG {
            break;
        }
    }
    whole
}

#[test]
fn a_long_file_is_read_in_bounded_time() {
    let from = |rest: String| format!("FROM a\n{rest}");
    let files = [
        ("runs", from(long("RUN x\n"))),
        (
            "variables and runs",
            from(counted(|n| format!("ENV A{n}=1\nRUN x\n"))),
        ),
        ("variables", from(counted(|n| format!("ENV A{n}=1\n")))),
        ("stages", counted(|n| format!("FROM a AS s{n}\n"))),
        (
            "a chain of stages",
            counted(|n| {
                format!(
                    "FROM {} AS s{n}\nENV A{n}=1\n",
                    if n == 0 {
                        "a".into()
                    } else {
                        format!("s{}", n - 1)
                    }
                )
            }),
        ),
        (
            "stages that copy",
            counted(|n| format!("FROM a AS s{n}\nCOPY --from=s{} a b\n", n.saturating_sub(1))),
        ),
        (
            "arguments that double",
            from(counted(|n| format!("ARG A{}=$A{n}$A{n}x\n", n + 1))),
        ),
        (
            "global arguments that double",
            counted(|n| format!("ARG A{}=$A{n}$A{n}x\n", n + 1)) + "FROM a\n",
        ),
        ("one long line", from(format!("RUN {}", long("x")))),
        ("continued lines", from(format!("RUN {}", long("x \\\n")))),
        (
            "here-documents of one name",
            from(format!("COPY {} /x/\n{}", long("<<A \\\n"), long("A\n"))),
        ),
        (
            "a large here-document, often",
            from(format!(
                "COPY {}/x/\n{}\nA\n",
                "<<A ".repeat(9_000),
                long("xyz\n")
            )),
        ),
        ("here-documents without an end", from(long("RUN <<A\n"))),
        (
            "nested substitutions",
            from(format!("ENV A={}", long("${a:-\\\n"))),
        ),
        (
            "many variables",
            from(format!("ENV A=1\nENV B={}", long("$A\\\n"))),
        ),
        (
            "patterns",
            from(format!(
                "ENV A={}\nENV B=${{A//a/{}}}",
                "a".repeat(60_000),
                "b".repeat(60_000)
            )),
        ),
        ("triggers of triggers", long("ONBUILD ")),
        ("triggers", from(long("ONBUILD RUN x\n")) + "FROM a\n"),
        (
            "mounts",
            from(format!(
                "RUN {} x",
                long("--mount=type=cache,target=/x \\\n")
            )),
        ),
        ("flags", from(format!("RUN {}", long("--x \\\n")))),
        (
            "downloads",
            from(format!(
                "ADD {} /x/",
                counted(|n| format!("http://a/{n} \\\n"))
            )),
        ),
        ("brackets", from(format!("RUN [{}", long("[\\\n")))),
        ("comments", long("# a\n")),
        ("directives", long("#escape=`\n")),
        ("nothing known", long("x\\\n")),
    ];
    for (name, file) in files {
        let taken = time(file.as_bytes());
        assert!(taken.as_secs() < 60, "{name} took {taken:?}");
    }
}

#[test]
fn ten_thousand_stages_are_converted() {
    let many = |stage: fn(usize) -> String| (1..10_000).map(stage).collect::<Vec<_>>().concat();
    let stages = many(|n| format!("FROM scratch AS s{n}\nCOPY a b\n"));
    assert_eq!(without_images(stages.as_bytes()).unwrap().steps.len(), 3);
    let chain = many(|n| format!("FROM s{} AS s{n}\nCOPY a b\n", n - 1));
    let chain = format!("FROM scratch AS s0\n{chain}");
    assert_eq!(
        without_images(chain.as_bytes()).unwrap().steps.len(),
        10_001
    );
}

#[test]
fn dockerfiles_too_large_for_buildkit_are_refused() {
    let doubled = |n: usize| format!("ARG A{}=$A{n}$A{n}\n", n + 1);
    let arguments = (0..40).map(doubled).collect::<Vec<_>>().concat();
    let file = format!("FROM scratch\nARG A0=xx\n{arguments}RUN $A");
    let refusal = without_images(file.as_bytes()).unwrap_err();
    assert!(
        refusal.message.contains("16 MiB") || refusal.message.contains("longer than"),
        "{refusal}"
    );
}

proptest::proptest! {
    #[test]
    fn bytes_never_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
        let _ = without_images(&bytes);
    }

    #[test]
    fn instructions_never_panic(
        text in "([ \t\\\\`\n\r<>\"'$%#,;=:/*?.\u{e9}\u{feff}\\[\\]{}-]|RUN |FROM |COPY |ADD |ENV |ARG |ONBUILD |WORKDIR |EXPOSE |HEALTHCHECK |SHELL |USER |VOLUME |STOPSIGNAL |LABEL |CMD | AS |EOF|<<EOF|<<-|--mount=|type=cache|type=secret|target=|from=|--from=|--chown=|--chmod=|--link|--parents|--platform=|--exclude=|--checksum=|--network=|http://|git@|scratch|alpine|a|b|1|0|A|B){0,80}"
    ) {
        let _ = without_images(format!("FROM a AS b\n{text}").as_bytes());
        let _ = without_images(text.as_bytes());
    }

    #[test]
    fn recorded_files_that_are_broken_never_panic(which in 0..300_usize, at in 0..4_000_usize, byte in proptest::num::u8::ANY, cut in 0..4_000_usize) {
        let cases = SOUND.get_or_init(cases);
        let (_, case) = cases.iter().nth(which % cases.len()).unwrap();
        let mut file = case.get("Dockerfile").cloned().unwrap_or_default();
        if !file.is_empty() {
            let length = file.len();
            file[at % length] = byte;
            if cut % 3 == 0 {
                file.truncate(cut % length);
            }
        }
        let _ = without_images(&file);
    }
}

static SOUND: std::sync::OnceLock<BTreeMap<String, Case>> = std::sync::OnceLock::new();
