//! `config path`, `config check` and `config print`.

use crate::support::command::Sandbox;

#[test]
fn config_shows_its_path_its_values_and_its_errors() {
    let sandbox = Sandbox::new();
    let here = sandbox.path("").to_str().unwrap().to_owned();
    let without = sandbox.run("config path").to_string();
    insta::assert_snapshot!(without.replace(&here, "~/"), @r"
    error: there is no configuration file; the defaults are in effect
      hint: write cachelens.toml here, or in ~/.config/cachelens
    exit 1
    ");
    insta::assert_snapshot!(sandbox.run("config check"), @r"
    there is no configuration file; the defaults are in effect
    exit 0
    ");
    assert_eq!(
        sandbox.run("config check --json").code,
        sandbox.run("config check").code
    );
    assert_eq!(
        sandbox.run("config path --json").json()["path"],
        serde_json::Value::Null
    );

    let home = std::fs::canonicalize(sandbox.path("")).unwrap();
    let run = |arguments: &[&str]| {
        sandbox
            .run(arguments)
            .to_string()
            .replace(home.to_str().unwrap(), "~")
    };
    let write = |text: &str| std::fs::write(sandbox.path("cachelens.toml"), text).unwrap();
    write("sources = [\"./a\", \"demo\"]\n[scan]\nconcurency = 3\n");
    insta::assert_snapshot!(run(&["config", "check"]), @r"
    error: ~/cachelens.toml:3:1: unknown key `concurency` in [scan]
     3 | concurency = 3
       | ^^^^^^^^^^
       = did you mean `concurrency`?
    exit 2
    ");
    write("sources = [\"./a\", \"demo\"]\n[scan]\nconcurrency = 3\n");
    insta::assert_snapshot!(run(&["config", "check"]), @r"
    ~/cachelens.toml is right
    exit 0
    ");
    insta::assert_snapshot!(run(&["config", "print", "--timeout", "90s", "--quiet"]), @r#"
    sources = [
        "~/a",  # ./cachelens.toml:1
        "demo",  # ./cachelens.toml:1
    ]

    [ui]
    theme = "auto"  # default
    mouse = true  # default

    [scan]
    concurrency = 3  # ./cachelens.toml:3
    timeout = "1m 30s"  # --timeout

    [state]
    keep = true  # default

    [retention]
    grace = "2d"  # default
    settle = "30s"  # default
    zone = "UTC"  # default
    exit 0
    "#);
    let path = home.join("cachelens.toml");
    assert_eq!(
        sandbox.run("config path").stdout,
        format!("{}\n", path.display())
    );

    write("sources = 3\n");
    insta::assert_snapshot!(run(&["ls"]), @r"
    error: ~/cachelens.toml:1:11: expected an array of strings
     1 | sources = 3
       |           ^
    exit 2
    ");
    insta::assert_snapshot!(run(&["ls", "--config", "nowhere.toml"]), @r"
    error: there is no configuration file `~/nowhere.toml`
    exit 2
    ");
}
