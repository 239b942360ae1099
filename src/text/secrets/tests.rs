use super::*;

#[test]
fn only_values_that_look_secret_are_hidden() {
    let cases = [
        ("go build -race ./api", "go build -race ./api"),
        ("NPM_TOKEN=abc npm ci", "NPM_TOKEN=(hidden) npm ci"),
        (
            "export A=1 DB_PASSWORD='x y'",
            "export A=1 DB_PASSWORD=(hidden)",
        ),
        ("A_TOKEN=\"x y\" make", "A_TOKEN=(hidden) make"),
        (
            "curl https://h/x?a=1&token=abc",
            "curl https://h/x?a=1&token=(hidden)",
        ),
        (
            "login --password hunter2 --user me",
            "login --password (hidden) --user me",
        ),
        ("login --password=hunter2", "login --password=(hidden)"),
        (
            r#"curl -H "Authorization: Bearer abc" http://h"#,
            r#"curl -H "Authorization: Bearer (hidden) http://h"#,
        ),
        (
            "git clone https://me:pat@github.com/a/b",
            "git clone https://(hidden)@github.com/a/b",
        ),
        (r#"  "apiKey": "abc","#, r#"  "apiKey": (hidden)"#),
        ("password = hunter2", "password = (hidden)"),
        ("secret: x", "secret: (hidden)"),
        ("echo the secret of it", "echo the secret of it"),
        ("COPY --chown=app:app a b", "COPY --chown=app:app a b"),
        (
            "RUN --mount=type=secret,id=token --network=none make",
            "RUN --mount=type=secret,id=token --network=none make",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(mask(text), expected);
    }
}

#[test]
fn files_that_hold_secrets_are_recognized() {
    for secret in [
        ".env",
        "a/.env.production",
        "id_rsa",
        "tls/server.key",
        "db-password.txt",
        ".npmrc",
    ] {
        assert!(is_secret_file(secret), "{secret}");
    }
    for other in ["main.go", "package.json", "keys.rs", "identity.ts"] {
        assert!(!is_secret_file(other), "{other}");
    }
}

#[test]
fn secrets_are_known_by_their_shape() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl";
    let long = "0123456789abcdefghijABCDEFGHIJ012345";
    for secret in [
        format!("ghp_{long}"),
        format!("gho_{long}"),
        format!("github_pat_11AAAA_{long}"),
        format!("glpat-{long}"),
        format!("npm_{long}"),
        "AKIAIOSFODNN7EXAMPLE".to_owned(),
        jwt.to_owned(),
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----".to_owned(),
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl".to_owned(),
    ] {
        for text in [
            secret.clone(),
            format!("curl -u me:{secret} x"),
            format!("A={secret}"),
        ] {
            let masked = mask(&text);
            assert!(
                !masked.contains(&secret[secret.len() - 4..]),
                "{text}: {masked}"
            );
            assert!(masked.contains(HIDDEN), "{text}: {masked}");
        }
    }
    for other in [
        "ghp_",
        "AKIAHERE",
        "eyJ.a.b",
        "npm_config_cache",
        "sha256:abcdef",
        "glpat",
    ] {
        assert_eq!(mask_values(other), other);
    }
    assert_eq!(mask("//r/:_auth=bWU6cGF0 x"), "//r/:_auth=(hidden) x");
    assert_eq!(
        mask_values(r#"{"name":"-----BEGIN PRIVATE KEY-----\\nMII","x":1}"#),
        r#"{"name":"(hidden)","x":1}"#
    );
}

#[test]
fn credentials_in_sources_are_hidden_in_every_form() {
    let cases = [
        ("./cache", "./cache"),
        ("type=s3,bucket=b,region=r", "type=s3,bucket=b,region=r"),
        (
            "type=s3,bucket=b,secret_access_key=TOP,session_token=ALSO,region=r",
            "type=s3,bucket=b,secret_access_key=***,session_token=***,region=r",
        ),
        (
            "s3://b/p?region=r&secret_access_key=TOP&use_path_style=true#main",
            "s3://b/p?region=r&secret_access_key=***&use_path_style=true#main",
        ),
        ("type=gha,TOKEN=TOP", "type=gha,TOKEN=***"),
        (
            "s3://b?secret%5Faccess_key=T%20P&region=r",
            "s3://b?secret%5Faccess_key=***",
        ),
        ("s3://b?session_token%3DTOP", "s3://b?session_token%3D***"),
        (
            "type=s3,\"secret_access_key=a,TOP\",x=y",
            "type=s3,\"secret_access_key=***",
        ),
        (
            "type=s3,secret_access_key = TOP",
            "type=s3,secret_access_key = ***",
        ),
        ("https://me:TOP@host/x", "https://***@host/x"),
        (
            "type=s3,endpoint_url=http://a:TOP@h,bucket=b",
            "type=s3,endpoint_url=http://***@h,bucket=b",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(mask_source(text), expected, "{text}");
        assert!(!mask_line(text).contains("TOP"), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn hiding_secrets_never_panics_and_keeps_other_text(text in "[ a-cé=:@/\\-\"\n]{0,40}") {
        let masked = mask(&text);
        proptest::prop_assert!(text.to_lowercase().contains("bearer") || masked.contains(HIDDEN) || masked == text);
        let _ = (mask_source(&text), mask_line(&text));
    }
}
