//! The expected output is in the tests as printed.

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<LoadedConfig, ConfigError> {
    read::read(text, Path::new("/repo/cachelens.toml"))
}

fn problems(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

#[test]
fn the_example_is_correct_and_shows_the_defaults() {
    let example = read(include_str!("../../assets/cachelens.example.toml")).unwrap();
    assert_eq!(example.warnings, []);
    let config = Config::new([example.layer]);
    let default = Config::new([]);
    assert_eq!(config.sources.len(), 6);
    assert_eq!(config.theme.value, default.theme.value);
    assert_eq!(config.mouse.value, default.mouse.value);
    assert_eq!(config.concurrency.value, default.concurrency.value);
    assert_eq!(config.timeout.value, default.timeout.value);
    assert_eq!(config.retention.grace.value, default.retention.grace.value);
    assert_eq!(
        config.retention.settle.value,
        default.retention.settle.value
    );
    assert_eq!(config.retention.zone.value, default.retention.zone.value);
    let month = Duration::from_hours(30 * 24);
    assert_eq!(config.max_update_age.unwrap().value, month);
    assert_eq!(default.max_update_age, None);
}

#[test]
fn the_command_line_has_the_last_word() {
    let file = read(
        "sources = [\n  './cache#main',\n  's3://b/p']\n[ui]\ntheme = 'light'\nmouse = false\n[scan]\ntimeout = '2m'",
    );
    let environment = environment(&|name| match name {
        "CACHELENS_THEME" => Some("high-contrast".to_owned()),
        "CACHELENS_CONCURRENCY" => Some("3".to_owned()),
        "CACHELENS_MOUSE" => Some(String::new()),
        _ => None,
    });
    let timeout = Setting::new(Duration::from_secs(90), Origin::Argument("--timeout"));
    let arguments = ConfigLayer {
        timeout: Some(timeout),
        ..ConfigLayer::default()
    };
    let config = Config::new([file.unwrap().layer, environment.unwrap(), arguments]);
    let printed = print(&config, Path::new("/repo"));
    assert_snapshot!(printed, @r#"
    sources = [
        "/repo/cache#main",  # ./cachelens.toml:2
        "s3://b/p/",  # ./cachelens.toml:3
    ]

    [ui]
    theme = "high-contrast"  # CACHELENS_THEME
    mouse = false  # ./cachelens.toml:6

    [scan]
    concurrency = 3  # CACHELENS_CONCURRENCY
    timeout = "1m 30s"  # --timeout

    [state]
    keep = true  # default

    [retention]
    grace = "2d"  # default
    settle = "30s"  # default
    zone = "UTC"  # default
    "#);
    let again = Config::new([read(&printed).unwrap().layer]);
    let values = |config: &Config| {
        config
            .sources
            .iter()
            .map(|source| source.value.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(values(&again), values(&config));
    assert_eq!(again.timeout.value, config.timeout.value);
    assert_snapshot!(print(&Config::new([]), Path::new("/repo")), @r#"
    sources = []  # default

    [ui]
    theme = "auto"  # default
    mouse = true  # default

    [scan]
    concurrency = 8  # default
    timeout = "30s"  # default

    [state]
    keep = true  # default

    [retention]
    grace = "2d"  # default
    settle = "30s"  # default
    zone = "UTC"  # default
    "#);
}

#[test]
fn points_at_everything_that_is_wrong() {
    let text = "sorces = []\n\n[ui]\n\tthme = 'dark'\ntheme = 'pink'\nmouse = 1\n\n[scan]\nconcurrency = 0\ntimeout = \"soon\"\n\n[retention]\nkeep = 3\n";
    assert_snapshot!(problems(text), @r#"
    /repo/cachelens.toml:1:1: unknown key `sorces` in a configuration file
     1 | sorces = []
       | ^^^^^^
       = did you mean `sources`?
    /repo/cachelens.toml:4:2: unknown key `thme` in [ui]
     4 | ␉thme = 'dark'
       |  ^^^^
       = did you mean `theme`?
    /repo/cachelens.toml:5:9: `pink` is not a theme; there are auto, dark, light, high-contrast and none
     5 | theme = 'pink'
       |         ^^^^^^
    /repo/cachelens.toml:6:9: expected true or false
     6 | mouse = 1
       |         ^
    /repo/cachelens.toml:9:15: expected a number from 1 on
     9 | concurrency = 0
       |               ^
    /repo/cachelens.toml:10:11: `soon` is not a duration; write it as 30d, 48h or 2w 3h
     10 | timeout = "soon"
        |           ^^^^^^
    /repo/cachelens.toml:13:1: unknown key `keep` in [retention]
     13 | keep = 3
        | ^^^^
        = the keys are grace, settle, zone, max_delete, rule, budget
    "#);
}

#[test]
fn points_at_sources_without_showing_credentials() {
    let text = "sources = [\n  3,\n  'type=s3,region=r',\n  'type=s3,secret_acces_key=hunter2,\"',\n  'https://u:hunter2@h/x',\n  'größe=x',\n]";
    let shown = problems(text);
    assert!(!shown.contains("hunter2"), "{shown}");
    assert_snapshot!(shown, @r#"
    /repo/cachelens.toml:2:3: expected a string
     2 |   3,
       |   ^
    /repo/cachelens.toml:3:3: a source of type s3 needs `bucket`
     3 |   'type=s3,region=r',
       |   ^^^^^^^^^^^^^^^^^^
       = write s3://BUCKET or type=s3,bucket=BUCKET; AWS_BUCKET is read by the BuildKit daemon alone
    /repo/cachelens.toml:4:3: attribute 3 holds a stray or unclosed `"`
     4 |   'type=s3,secret_acces_key=***
       |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       = quote an attribute that holds a comma or a quote as a whole: type=local,"src=a,b"
    /repo/cachelens.toml:5:3: `https://` names no kind of source
     5 |   'https://***@h/x',
       |   ^^^^^^^^^^^^^^^^^^
       = name a directory (./cache), an image (ghcr.io/acme/app:buildcache), s3://bucket/prefix, gha:owner/repo, demo or a `type=…` string
    /repo/cachelens.toml:6:3: the attributes come without `type=`
     6 |   'größe=x',
       |   ^^^^^^^^^
       = begin with type=local, type=registry, type=s3 or type=gha; a directory reads ./a=b
    "#);
}

#[test]
fn points_at_broken_syntax() {
    assert_snapshot!(problems("sources = [\n  'a'\n"), @r"
    /repo/cachelens.toml:2:6: unclosed array, expected `]`
     2 |   'a'
       |      ^
    ");
    assert_snapshot!(problems("ui = 3\nsources = 'x'"), @r"
    /repo/cachelens.toml:1:6: expected a table
     1 | ui = 3
       |      ^
    /repo/cachelens.toml:2:11: expected an array of strings
     2 | sources = 'x'
       |           ^^^
    ");
    assert_snapshot!(problems("a = \x1b"), @r"
    /repo/cachelens.toml:1:5: string values must be quoted, expected literal string
     1 | a = ␛
       |     ^
    ");
}

#[test]
fn warns_about_odd_attributes() {
    let loaded = read("sources = ['type=s3,bucket=b,regoin=r']").unwrap();
    assert_snapshot!(loaded.warnings[0], @r"
    /repo/cachelens.toml:1:12: a cache of type s3 has no attribute `regoin`; did you mean `region`?
     1 | sources = ['type=s3,bucket=b,regoin=r']
       |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^
    ");
}

#[test]
fn an_invalid_environment_variable_is_an_error_with_its_name() {
    let error =
        environment(&|name| (name == "CACHELENS_TIMEOUT").then(|| "0s".to_owned())).unwrap_err();
    assert_snapshot!(error, @"in the environment variable CACHELENS_TIMEOUT: a timeout of zero would let nothing happen");
}

#[test]
fn finds_the_nearest_file_up_to_the_root_of_the_repository() {
    let root = tempfile::tempdir().unwrap();
    let [user, repository, deep] = ["user", "repo", "repo/a/b"].map(|name| root.path().join(name));
    fs::create_dir_all(user.join("cachelens")).unwrap();
    fs::create_dir_all(&deep).unwrap();
    fs::create_dir(repository.join(".git")).unwrap();
    let write = |path: PathBuf| {
        fs::write(&path, "").unwrap();
        path
    };
    let find = |explicit: Option<&Path>| find_among(explicit, &deep, Some(&user)).unwrap();

    let outside = write(root.path().join(FILE_NAME));
    assert_eq!(
        find(None),
        None,
        "a file above the repository is another user's"
    );
    let of_user = write(user.join("cachelens").join(FILE_NAME));
    assert_eq!(find(None), Some(of_user));
    let of_repository = write(repository.join(FILE_NAME));
    assert_eq!(find(None), Some(of_repository));
    let nearest = write(repository.join("a").join(FILE_NAME));
    assert_eq!(find(None), Some(nearest));
    assert_eq!(find(Some(&outside)), Some(outside.clone()));
    let missing = find_among(Some(Path::new("no.toml")), &deep, None).unwrap_err();
    assert!(matches!(missing, ConfigError::NotFound { path } if path == deep.join("no.toml")));
}

#[test]
fn directories_are_relative_to_the_file() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join(FILE_NAME);
    fs::create_dir_all(root.path().join("ghcr.io/x")).unwrap();
    fs::write(&path, "sources = ['ghcr.io/x', 'ghcr.io/y', '../z']").unwrap();
    let sources = load(&path).unwrap().layer.sources.unwrap();
    let shown: Vec<String> = sources
        .iter()
        .map(|source| source.value.to_string())
        .collect();
    let base = root.path().display();
    assert_eq!(
        shown,
        [
            format!("{base}/ghcr.io/x"),
            "ghcr.io/y".to_owned(),
            format!("{base}/../z")
        ]
    );
    assert!(matches!(load(root.path()), Err(ConfigError::Read { .. })));
}

proptest! {
    #[test]
    fn reading_never_panics(text in "([a-z\"'=\\[\\]{}#.,:/\\\\0-9@ \t\r\n\u{e9}\u{1F600}\u{1b}]|sources|ui|scan|theme|key=|type=s3){0,40}") {
        if let Err(error) = read(&text) {
            prop_assert!(!error.to_string().contains('\x1b'));
        }
    }
}
