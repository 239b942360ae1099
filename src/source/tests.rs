//! Tables of texts with their expected sources, and properties over random ones.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::format::digest::DigestError;

fn parse(text: &str) -> Result<Source, SourceError> {
    Source::parse(text, &|_| false).map(|parsed| parsed.source)
}

fn source(location: SourceLocation) -> Source {
    Source {
        location,
        select: None,
        ignored: Vec::new(),
        trust: Trust::default(),
    }
}

fn local(dir: &str) -> Source {
    source(SourceLocation::Local(LocalLocation::new(dir)))
}

fn registry(host: &str, repository: &str) -> Source {
    let host = host.to_owned();
    let repository = repository.to_owned();
    source(SourceLocation::Registry(RegistryLocation {
        host,
        repository,
        insecure: false,
    }))
}

fn s3(bucket: &str, prefix: &str) -> S3Location {
    S3Location {
        bucket: bucket.parse().unwrap(),
        region: None,
        prefix: prefix.to_owned(),
        manifests_prefix: "manifests/".to_owned(),
        blobs_prefix: "blobs/".to_owned(),
        endpoint_url: None,
        use_path_style: false,
        access_key_id: None,
        secret_access_key: None,
        session_token: None,
        no_sign_request: false,
        touch_refresh: Duration::from_hours(24),
    }
}

fn gha(repository: &str) -> GhaLocation {
    GhaLocation {
        repository: repository.parse().ok(),
        ..GhaLocation::default()
    }
}

fn named(source: Source, name: &str) -> Source {
    Source {
        select: Some(RefSelector::Name(name.to_owned())),
        ..source
    }
}

fn digest() -> Digest {
    Digest::of(b"manifest")
}

#[test]
fn reads_directories() {
    let by_digest = Source {
        select: Some(RefSelector::Digest(digest())),
        ..local("cache")
    };
    let cases = [
        ("./cache".to_owned(), local("cache")),
        ("cache".to_owned(), local("cache")),
        ("build/cache/".to_owned(), local("build/cache")),
        ("/var/cache".to_owned(), local("/var/cache")),
        (
            "../cache#v1/x:y@z".to_owned(),
            named(local("../cache"), "v1/x:y@z"),
        ),
        (".".to_owned(), local(".")),
        ("oci:ghcr.io/cache".to_owned(), local("ghcr.io/cache")),
        ("./my#dir#main".to_owned(), named(local("my#dir"), "main")),
        ("type=local,dest=a b".to_owned(), local("a b")),
        ("type=local,\"dest=a,b\"".to_owned(), local("a,b")),
        (
            "TYPE=local,Src=cache,TAG=x".to_owned(),
            named(local("cache"), "x"),
        ),
        (
            "type=local,src=cache#x".to_owned(),
            named(local("cache"), "x"),
        ),
        (
            "type=local,src=cache,tag=x#x".to_owned(),
            named(local("cache"), "x"),
        ),
        (
            format!("type=local,src=cache,tag=x,digest={}", digest()),
            by_digest.clone(),
        ),
        (format!("cache#{}", digest()), by_digest),
    ];
    for (text, expected) in cases {
        assert_eq!(parse(&text), Ok(expected), "{text}");
    }
}

#[test]
fn reads_images() {
    let by_digest = Source {
        select: Some(RefSelector::Digest(digest())),
        ..registry("docker.io", "acme/app")
    };
    let cases = [
        (
            "ghcr.io/acme/app".to_owned(),
            registry("ghcr.io", "acme/app"),
        ),
        (
            "ghcr.io/acme/app:buildcache".to_owned(),
            named(registry("ghcr.io", "acme/app"), "buildcache"),
        ),
        (
            "ghcr.io/acme/app#buildcache".to_owned(),
            named(registry("ghcr.io", "acme/app"), "buildcache"),
        ),
        ("localhost/x".to_owned(), registry("localhost", "x")),
        ("ghcr.io/".to_owned(), registry("ghcr.io", "")),
        ("localhost:5000".to_owned(), registry("localhost:5000", "")),
        (
            "localhost:5000/x".to_owned(),
            registry("localhost:5000", "x"),
        ),
        (
            "[::1]:5000/x/y:z".to_owned(),
            named(registry("[::1]:5000", "x/y"), "z"),
        ),
        (
            "user/app:cache".to_owned(),
            named(registry("docker.io", "user/app"), "cache"),
        ),
        (
            "alpine:3".to_owned(),
            named(registry("docker.io", "library/alpine"), "3"),
        ),
        (format!("acme/app:tag@{}", digest()), by_digest),
        (
            "type=registry,ref=user/app".to_owned(),
            registry("docker.io", "user/app"),
        ),
        (
            "type=registry,ref=index.docker.io/alpine".to_owned(),
            registry("docker.io", "library/alpine"),
        ),
        (
            "type=inline,ref=ghcr.io/acme/app:1".to_owned(),
            named(registry("ghcr.io", "acme/app"), "1"),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(parse(&text), Ok(expected), "{text}");
    }
}

#[test]
fn reads_buckets_and_github() {
    let everything = S3Location {
        region: "eu-west-1".parse().ok(),
        manifests_prefix: String::new(),
        blobs_prefix: "b/".to_owned(),
        endpoint_url: Some("http://localhost:9000".to_owned()),
        use_path_style: true,
        access_key_id: Some(Secret::new("AKIA".to_owned())),
        secret_access_key: Some(Secret::new("a+b=".to_owned())),
        session_token: Some(Secret::new("tok".to_owned())),
        touch_refresh: Duration::from_hours(48),
        ..s3("bucket", "team/")
    };
    let attributes = "region=eu-west-1&manifests_prefix=&blobs_prefix=b/&endpoint_url=http://localhost:9000&\
         use_path_style=1&access_key_id=AKIA&secret_access_key=a+b=&session_token=tok&touch_refresh=48h";
    let names = Some(RefSelector::AnyOf(vec!["a".to_owned(), "b".to_owned()]));
    let full_gha = GhaLocation {
        scope: Some("x".to_owned()),
        url_v2: Some("https://results/".to_owned()),
        version: Some(ServiceVersion::V2),
        token: Some(Secret::new("t".to_owned())),
        ghtoken: Some(Secret::new("g".to_owned())),
        ..gha("acme/app")
    };
    let branch = "buildkit@refs/heads/fix#12";
    let cases = [
        ("s3://bucket".to_owned(), source(SourceLocation::S3(s3("bucket", "")))),
        ("s3://bucket/".to_owned(), source(SourceLocation::S3(s3("bucket", "")))),
        ("s3://bucket/team%2Fa%23".to_owned(), source(SourceLocation::S3(s3("bucket", "team/a#/")))),
        ("s3://bucket?prefix=team-".to_owned(), source(SourceLocation::S3(s3("bucket", "team-")))),
        ("s3://bucket/team#pr-1#x".to_owned(), named(source(SourceLocation::S3(s3("bucket", "team/"))), "pr-1#x")),
        ("s3://bucket#a;b".to_owned(), Source { select: names, ..source(SourceLocation::S3(s3("bucket", ""))) }),
        (
            "type=s3,bucket=bucket,prefix=p,name=main;".to_owned(),
            named(source(SourceLocation::S3(s3("bucket", "p"))), "main"),
        ),
        (format!("s3://bucket/team?{attributes}"), source(SourceLocation::S3(everything.clone()))),
        (
            format!("type=s3,bucket=bucket,prefix=team/,{}", attributes.replace('&', ",")),
            source(SourceLocation::S3(everything)),
        ),
        ("gha:acme/app".to_owned(), source(SourceLocation::Gha(gha("acme/app")))),
        ("type=gha".to_owned(), source(SourceLocation::Gha(GhaLocation::default()))),
        (format!("gha:acme/app#{branch}"), named(source(SourceLocation::Gha(gha("acme/app"))), branch)),
        (
            "type=gha,scope=x,url_v2=https://results/,version=2,token=t,ghtoken=g,repository=acme/app".to_owned(),
            source(SourceLocation::Gha(full_gha)),
        ),
        ("demo".to_owned(), source(SourceLocation::Demo)),
        ("demo#main".to_owned(), named(source(SourceLocation::Demo), "main")),
    ];
    for (text, expected) in cases {
        assert_eq!(parse(&text), Ok(expected), "{text}");
    }
}

#[test]
fn prefers_a_directory_that_exists() {
    for text in ["ghcr.io/acme/app", "alpine:3", "a=b", "./a#b", "demo.d/x#y"] {
        let parsed = Source::parse(text, &|path| path == Path::new(text)).unwrap();
        assert_eq!(parsed.source, local(text), "{text}");
    }
    let parsed =
        Source::parse("ghcr.io/app#main", &|path| path == Path::new("ghcr.io/app")).unwrap();
    assert_eq!(parsed.source, named(local("ghcr.io/app"), "main"));
    let parsed = Source::parse("demo", &|_| true).unwrap();
    assert_eq!(
        parsed.source,
        source(SourceLocation::Demo),
        "a word of the program is not a directory"
    );
}

#[test]
fn every_attribute_of_buildkit_is_accepted() {
    let writing = "mode=max,compression=zstd,compression-level=3,force-compression=true,oci-mediatypes=true,\
         image-manifest=true,ignore-error=true";
    let cases = [
        format!("type=local,dest=cache,reset=true,{writing}"),
        format!("type=registry,ref=ghcr.io/a/b,registry.insecure=true,{writing}"),
        format!("type=inline,ref=ghcr.io/a/b,{writing}"),
        format!(
            "type=s3,bucket=b,upload_parallelism=8,retry_mode=adaptive,retry_max_attempts=3,disable_accept_encoding=true,{writing}"
        ),
        format!("type=gha,repository=a/b,timeout=10m,{writing}"),
    ];
    for text in cases {
        let parsed = Source::parse(&text, &|_| false).unwrap();
        assert_eq!(parsed.warnings, [], "{text}");
        assert!(parsed.source.ignored.len() >= 7, "{text}");
        assert_eq!(
            parse(&parsed.source.to_string()),
            Ok(parsed.source),
            "{text}"
        );
    }
}

#[test]
fn attributes_that_buildkit_ignores_are_warnings() {
    let warnings = |text| -> Vec<String> {
        Source::parse(text, &|_| false)
            .unwrap()
            .warnings
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    assert_eq!(
        warnings("type=s3,bucket=b,regoin=hunter2,quux=hunter2,touch_refresh=2d"),
        [
            "the value of `touch_refresh` is not a duration such as 24h; BuildKit takes it for its default, 24h",
            "a cache of type s3 has no attribute `regoin`; did you mean `region`?",
            "a cache of type s3 has no attribute `quux`",
        ]
    );
    assert_eq!(
        warnings("gha:a/b?scop=x"),
        ["a cache of type gha has no attribute `scop`; did you mean `scope`?"]
    );
    assert_eq!(
        warnings("type=local,src=a,bucket=b"),
        ["a cache of type local has no attribute `bucket`"]
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn an_invalid_source_is_an_error_with_a_hint() {
    let missing = |kind, name| SourceError::Missing { kind, name };
    let invalid = |name, expected| SourceError::InvalidValue { name, expected };
    let address = "an http:// or https:// address without a user";
    let cases = [
        ("", SourceError::Empty),
        ("./a\x1b[31m", SourceError::ControlCharacter),
        ("s3://b/%0a", SourceError::ControlCharacter),
        ("s3://b/%ff", SourceError::NotUtf8),
        (
            "https://user:hunter2@ghcr.io/x",
            SourceError::UnknownScheme("https".to_owned()),
        ),
        (
            "https://ghcr.io/acme/app:cache?x=1",
            SourceError::WebAddress {
                meant: "ghcr.io/acme/app:cache".to_owned(),
            },
        ),
        (
            "https://github.com/acme/app.git",
            SourceError::WebAddress {
                meant: "gha:acme/app".to_owned(),
            },
        ),
        (
            "https://hub.docker.com/_/alpine/",
            SourceError::WebAddress {
                meant: "docker.io/library/alpine".to_owned(),
            },
        ),
        ("src=./cache", SourceError::MissingType),
        ("endpoint_url=hunter2://x", SourceError::MissingType),
        ("s3:b?secret_access_key=hunter2", SourceError::MissingType),
        (
            "s3:/b?secret_access_key=hunter2",
            SourceError::ReferenceCharacter('?'),
        ),
        ("ghcr.io/acme/app:a,b", SourceError::ReferenceCharacter(',')),
        ("type=,src=x", SourceError::MissingType),
        ("type=azblob,account_url=x", SourceError::Azblob),
        (
            "type=locale,src=x",
            SourceError::UnknownType {
                found: "locale".to_owned(),
                nearest: Some("local"),
            },
        ),
        ("type=s3,bucket=b,hunter2", SourceError::NoEquals(3)),
        (
            "type=s3,bucket=b,\"secret_access_key=a\"b",
            SourceError::Quote(3),
        ),
        ("type=s3", missing("s3", "bucket")),
        ("s3:///prefix", missing("s3", "bucket")),
        ("type=local,mode=max", missing("local", "src")),
        ("oci:", missing("local", "src")),
        ("type=inline", missing("inline", "ref")),
        ("type=registry", missing("registry", "ref")),
        (
            "type=local,src=a,dest=b",
            SourceError::Contradiction("`src`", "`dest`"),
        ),
        ("./cache#", SourceError::EmptyRef),
        ("s3://b#;", SourceError::EmptyRef),
        ("ghcr.io/a#", SourceError::EmptyRef),
        (
            "ghcr.io/a:b#c",
            SourceError::Contradiction(
                "the ref after `#`",
                "the one that the source already names",
            ),
        ),
        (
            "s3://b?use_path_style=maybe",
            invalid("use_path_style", "true or false"),
        ),
        (
            "s3://b?endpoint_url=localhost:9000",
            invalid("endpoint_url", address),
        ),
        (
            "s3://b?endpoint_url=https://u:hunter2@h",
            invalid("endpoint_url", address),
        ),
        ("type=gha,url=https:///x", invalid("url", address)),
        (
            "gha:app",
            invalid("repository", "an owner and a repository"),
        ),
        (
            "gha:../app",
            invalid("repository", "an owner and a repository"),
        ),
        ("type=gha,version=3", invalid("version", "1 or 2")),
        (
            "localhost:5000#x",
            SourceError::NoRepository("localhost:5000".to_owned()),
        ),
        (
            "type=registry,ref=localhost:5000",
            SourceError::NoRepository("localhost:5000".to_owned()),
        ),
        ("ghcr.io/../x", SourceError::Repository("../x".to_owned())),
        (
            "ghcr.io/Acme/app",
            SourceError::Repository("Acme/app".to_owned()),
        ),
        (
            "gh_cr.io/app",
            SourceError::RegistryHost("gh_cr.io".to_owned()),
        ),
        (
            "ghcr.io:99999/app",
            SourceError::RegistryHost("ghcr.io:99999".to_owned()),
        ),
        ("ghcr.io/app:-x", SourceError::Tag("-x".to_owned())),
        ("ghcr.io/app#a/b", SourceError::Tag("a/b".to_owned())),
        (
            "ghcr.io/app@sha256:12",
            SourceError::Digest(DigestError::WrongLength {
                expected: 64,
                found: 2,
            }),
        ),
        (
            "type=local,src=a,digest=x",
            SourceError::Digest(DigestError::NoAlgorithm),
        ),
    ];
    for (text, expected) in cases {
        let error = parse(text).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert_eq!(error, expected, "{text}");
    }
    assert_eq!(
        missing("s3", "bucket").hint().unwrap(),
        "write s3://BUCKET or type=s3,bucket=BUCKET; AWS_BUCKET is read by the BuildKit daemon alone"
    );
    let unknown = SourceError::UnknownType {
        found: "locale".to_owned(),
        nearest: Some("local"),
    };
    assert_eq!(unknown.hint().unwrap(), "did you mean type=local?");
}

#[test]
fn prints_the_form_that_people_write() {
    let cases = [
        ("cache", "./cache"),
        ("~x", "./~x"),
        ("type=local,src=/c,tag=v1", "/c#v1"),
        (
            "type=local,src=c,mode=max,tag=v1",
            "type=local,src=c,tag=v1,mode=max",
        ),
        ("type=local,\"src=a#b\"", "type=local,\"src=a#b\""),
        (
            "type=local,src=c,\"tag=a#b\"",
            "type=local,src=c,\"tag=a#b\"",
        ),
        ("alpine:3", "docker.io/library/alpine:3"),
        (
            "type=registry,ref=ghcr.io/a/b,registry.insecure=t",
            "type=registry,ref=ghcr.io/a/b,registry.insecure=true",
        ),
        (
            "type=s3,bucket=b,region=r,prefix=p/,name=x;y,mode=max",
            "s3://b/p/?region=r&mode=max#x;y",
        ),
        ("type=gha,repository=a/b,scope=x y", "gha:a/b?scope=x%20y"),
        ("demo", "demo"),
    ];
    for (text, expected) in cases {
        assert_eq!(parse(text).unwrap().to_string(), expected);
    }
}

#[test]
fn shows_no_credential() {
    let texts = [
        "type=s3,bucket=b,access_key_id=hunter2,secret_access_key=hunter2,session_token=hunter2",
        "s3://b?access_key_id=hunter2&secret_access_key=hunter2&session_token=hunter2&secret=hunter2",
        "type=gha,repository=a/b,token=hunter2,ghtoken=hunter2,ghtokn=hunter2",
    ];
    for text in texts {
        let parsed = Source::parse(text, &|_| false).unwrap();
        let warnings: Vec<String> = parsed.warnings.iter().map(ToString::to_string).collect();
        let shown = format!(
            "{} {parsed:?} {warnings:?} {}",
            parsed.source,
            Secret::new("hunter2".to_owned())
        );
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn relative_directories_resolve_against_a_base() {
    let base = Path::new("/repo");
    assert_eq!(local("cache").relative_to(base), local("/repo/cache"));
    assert_eq!(local(".").relative_to(base), local("/repo"));
    assert_eq!(local("/cache").relative_to(base), local("/cache"));
    assert_eq!(
        registry("ghcr.io", "a").relative_to(base),
        registry("ghcr.io", "a")
    );
}

#[test]
fn selects_by_name_or_manifest() {
    let other = Digest::of(b"other");
    assert!(RefSelector::new("main").selects("main", None));
    assert!(!RefSelector::new("main").selects("mai", Some(&digest())));
    assert!(RefSelector::new(&digest().to_string()).selects("main", Some(&digest())));
    assert!(!RefSelector::Digest(digest()).selects("main", Some(&other)));
    assert!(!RefSelector::Digest(digest()).selects("main", None));
    let any = RefSelector::AnyOf(vec!["a".to_owned(), "b".to_owned()]);
    assert!(any.selects("b", None) && !any.selects("a;b", None));
}

/// Returns hostile texts: spaces, commas, quotes and every character with a special meaning.
fn any_text() -> impl Strategy<Value = String> {
    "[ a-zA-Z0-9,\"'#%&+=?;:/@~.äß_-]{1,12}"
}

fn any_select() -> impl Strategy<Value = Option<RefSelector>> {
    prop_oneof![
        Just(None),
        any_text().prop_map(|name| Some(RefSelector::Name(name))),
        any::<[u8; 4]>().prop_map(|bytes| Some(RefSelector::Digest(Digest::of(&bytes)))),
    ]
}

fn any_local() -> impl Strategy<Value = Source> {
    let ignored = prop_oneof![
        Just(vec![]),
        any_text().prop_map(|value| vec![("mode", value), ("reset", String::new())])
    ];
    (any_text(), any_select(), ignored).prop_map(|(dir, select, ignored)| Source {
        select,
        ignored,
        ..local(&dir)
    })
}

fn any_registry() -> impl Strategy<Value = Source> {
    let select = prop_oneof![
        Just(None),
        "[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,9}".prop_map(|tag| Some(RefSelector::Name(tag))),
        any::<[u8; 4]>().prop_map(|bytes| Some(RefSelector::Digest(Digest::of(&bytes)))),
    ];
    let ignored = prop_oneof![
        Just(vec![]),
        any_text().prop_map(|value| vec![("compression", value)])
    ];
    (
        "localhost|[a-z]{1,4}:[0-9]{1,4}|[a-z]{1,4}\\.io",
        "[a-z]{1,3}(/[a-z0-9]{1,3}){1,2}",
        any::<bool>(),
        select,
        ignored,
    )
        .prop_map(|(host, repository, insecure, select, ignored)| {
            let location = SourceLocation::Registry(RegistryLocation {
                host,
                repository,
                insecure,
            });
            Source {
                location,
                select,
                ignored,
                trust: Trust::Named,
            }
        })
}

fn any_s3() -> impl Strategy<Value = Source> {
    let select = prop_oneof![
        Just(None),
        "[ a-z#,\"%&:/@]{1,9}".prop_map(|name| Some(RefSelector::Name(name))),
        "[a-z#]{1,4}".prop_map(|name| Some(RefSelector::AnyOf(vec![name, "x".to_owned()]))),
    ];
    let optional = || proptest::option::of(any_text());
    let region = proptest::option::of("[a-zA-Z0-9_-]{1,9}");
    let bucket = "[a-zA-Z0-9][a-zA-Z0-9_-]{0,4}[.]?[a-z0-9]{1,4}";
    let text = (bucket, region, optional(), optional(), optional());
    (text, any::<bool>(), any::<u32>(), select, any_text()).prop_map(
        |(text, use_path_style, nanos, select, value)| {
            let (bucket, region, prefix, manifests_prefix, blobs_prefix) = text;
            let location = SourceLocation::S3(S3Location {
                region: region.map(|region| region.parse().unwrap()),
                manifests_prefix: manifests_prefix.unwrap_or_default(),
                blobs_prefix: blobs_prefix.unwrap_or_default(),
                use_path_style,
                endpoint_url: use_path_style.then(|| "http://[::1]:9000/x?y=1&z#w".to_owned()),
                touch_refresh: Duration::from_nanos(u64::from(nanos)),
                ..s3(&bucket, &prefix.unwrap_or_default())
            });
            Source {
                location,
                select,
                ignored: vec![("retry_mode", value)],
                trust: Trust::Named,
            }
        },
    )
}

fn any_gha() -> impl Strategy<Value = Source> {
    (
        proptest::option::of(any_text()),
        any::<bool>(),
        any_select(),
    )
        .prop_map(|(scope, is_full, select)| {
            let location = SourceLocation::Gha(GhaLocation {
                scope,
                url: is_full.then(|| "https://cache/a%20b".to_owned()),
                version: is_full.then_some(ServiceVersion::V1),
                ..if is_full {
                    gha("a-b/c.d")
                } else {
                    GhaLocation::default()
                }
            });
            Source {
                location,
                select,
                ignored: vec![],
                trust: Trust::Named,
            }
        })
}

proptest! {
    #[test]
    fn a_printed_source_parses_to_itself(
        source in prop_oneof![any_local(), any_registry(), any_s3(), any_gha()]
    ) {
        let text = source.to_string();
        let parsed = Source::parse(&text, &|_| false).map(|parsed| (parsed.source, parsed.warnings));
        let is_odd = |warning: &SourceWarning| !matches!(warning, SourceWarning::NoSlash { .. });
        let parsed = parsed.map(|(source, warnings)| (source, warnings.into_iter().filter(is_odd).collect::<Vec<_>>()));
        prop_assert_eq!(parsed, Ok((source, vec![])), "{}", text);
    }

    #[test]
    fn parsing_never_panics_and_every_source_prints(
        head in prop_oneof![Just(""), Just("s3://"), Just("gha:"), Just("type=local,"), Just("type=s3,bucket=b,"), Just("a.b/")],
        tail in any::<String>(),
        exists in any::<bool>(),
    ) {
        if let Ok(parsed) = Source::parse(&format!("{head}{tail}"), &|_| exists) {
            let text = parsed.source.to_string();
            // With a `$`, a directory opens only if it exists.
            prop_assert!(text.contains('$') || parse(&text) == Ok(parsed.source), "{}", text);
        }
    }

    #[test]
    fn dense_syntax_never_panics(text in "[type=local,s3:/\"#?&%@.;a-c0-9 ]{0,40}") {
        if let Ok(parsed) = Source::parse(&text, &|_| false) {
            let printed = parsed.source.to_string();
            prop_assert_eq!(parse(&printed), Ok(parsed.source), "{}", printed);
        }
    }
}

#[test]
fn a_build_imports_one_ref() {
    let import = |text: &str| {
        let parsed = Source::parse(text, &|_| true).unwrap();
        parsed.source.as_import().to_string()
    };
    assert_eq!(import("type=local,src=./cache"), "./cache#latest");
    assert_eq!(import("type=local,src=./cache,tag=main"), "./cache#main");
    assert_eq!(import("type=registry,ref=a.test/app"), "a.test/app:latest");
    assert_eq!(import("type=registry,ref=a.test/app:b"), "a.test/app:b");
    let bucket = "type=s3,bucket=b,region=r";
    assert_eq!(import(bucket), "s3://b?region=r#buildkit");
    assert_eq!(
        import(&format!("{bucket},name=c14;c13")),
        "s3://b?region=r#c14"
    );
    assert!(import("type=gha").contains("scope=buildkit"));
}
