use super::super::root;
use super::*;
use crate::format::lenient;
use crate::format::provenance::Dependency;

fn sha(digits: &str) -> Digest {
    format!("sha256:{digits:0>64}").parse().unwrap()
}

fn keys_of(op: &str) -> StepKeys {
    let mut build = Build::default();
    build.dependencies.push(Dependency {
        uri: "https://github.com/a/b.git#main".into(),
        digests: [("sha1".to_owned(), "1".repeat(40))].into(),
    });
    keys(
        &build,
        &lenient::parse(op.as_bytes()).unwrap(),
        platform::parse("linux/arm64").as_ref(),
    )
}

#[test]
fn images_agree_with_buildkit() {
    let arm = image(&sha("1"), &platform::parse("linux/arm64").unwrap(), None);
    assert_eq!(
        arm.hex(),
        "dcf741a8add3eef33c42e7b99aad9b3a09a3f8ede44ddd37b6d9a591bb3bc7a6"
    );
    assert_eq!(
        root(&arm, 0).hex(),
        "a07679234e780fd3f7a8d398e8d6d2e5c0ea7f30ac55744ee8f05dce23aa355c"
    );
    let real = sha("fe42d8feb746b4775a42adf318a2e11640a7e071d0617d7d1911df9e16e5eec3");
    let amd = image(&real, &platform::parse("linux/amd64").unwrap(), None);
    assert_eq!(
        amd.hex(),
        "3eea0dca9c668c732bbf35a8972a47063663eae4890a4499a31e0975c74d4c7a"
    );
    assert_eq!(
        root(&amd, 0).hex(),
        "4c9908a81da46170e5e5f42cf0c182e2006aa185ac1d84f1fe4e0ec2f0b02582"
    );
    assert_eq!(
        image(&sha("1"), &platform::parse("linux/arm64").unwrap(), Some(0)),
        digest(
            &Digest::of(
                format!(
                    r#"{{"Digest":"{}","OS":"linux","Arch":"arm64","Limit":0}}"#,
                    sha("1")
                )
                .as_bytes()
            )
            .to_string()
        )
    );
}

#[test]
fn chains_of_layers_agree_with_buildkit() {
    let a = sha(&"a".repeat(64));
    let chain = image_chain(&[a]).unwrap();
    assert_eq!(
        chain.hex(),
        "30e7d741b2534815eb20a4e228dfbb5615f85a088a70d3243d574d8d10573207"
    );
    assert_eq!(
        root(&chain, 0).hex(),
        "2d4b9031bad155439f20cd27e85cf1662f68a98319e66b9dc428d6184a6dde73"
    );
    let two = Digest::of(format!("{a} {a}").as_bytes());
    assert_eq!(image_chain(&[a, a]), Some(digest(&two.to_string())));
    assert_eq!(image_chain(&[]), None);
}

#[test]
fn repositories_agree_with_buildkit() {
    let key = git(&"1".repeat(40), "", false, "");
    assert_eq!(
        key.hex(),
        "5eaa1d4e60ec152bdc626c9f8b003aed50b03000036b8f7962f1086d805c79f8"
    );
    assert_eq!(
        root(&key, 0).hex(),
        "ededba896161ac39003519a6fa6fde4795b8cbb997674cdf948954c63fce6d34"
    );
    assert_eq!(
        git("c", "sub", true, "commit"),
        digest("c:sub(skip-submodules)(mtime=commit)")
    );
    assert_eq!(git("c", "", false, "checkout"), digest("c"));
}

#[test]
fn downloads_agree_with_buildkit() {
    let checksum = format!("sha256:{}", "b".repeat(64));
    let plain = PinnedDownload {
        filename: "x",
        perm: 0,
        uid: 0,
        gid: 0,
        checksum: &checksum,
        auth_header_secret: "",
    };
    assert_eq!(
        plain.digest().hex(),
        "b32c3c41f4ce59c8d2d5fc93dcc977772bae5c0b774ca220bfe9292b042008c9"
    );
    let pinned = keys_of(&format!(
        r#"{{"identifier":"https://h/x","attrs":{{"http.filename":"x","http.checksum":"{checksum}","http.perm":"0644"}}}}"#
    ));
    assert_eq!(
        pinned.digests,
        [PinnedDownload {
            perm: 0o644,
            ..plain
        }
        .digest()]
    );
    assert!(pinned.complete);
    let dated = keys_of(r#"{"identifier":"https://h/x","attrs":{"http.filename":"x"}}"#);
    assert!(dated.digests.is_empty() && !dated.complete);
}

#[test]
fn a_download_is_identified_by_its_checksum() {
    let mut build = Build::default();
    let digests = [("sha256".to_owned(), "a".repeat(64))].into();
    build.dependencies.push(Dependency {
        uri: "http://h/x".into(),
        digests,
    });
    let of = |op: &str| downloaded(&build, &lenient::parse(op.as_bytes()).unwrap());
    let pinned = format!(
        r#"{{"identifier":"https://h/y","attrs":{{"http.checksum":"{}"}}}}"#,
        sha("b")
    );
    assert_eq!(of(&pinned), Some(sha("b")));
    assert_eq!(
        of(r#"{"identifier":"http://h/x"}"#),
        Some(sha(&"a".repeat(64)))
    );
    assert_eq!(of(r#"{"identifier":"http://h/z"}"#), None);
    assert_eq!(of(r#"{"identifier":"git://h/x"}"#), None);
}

#[test]
fn unknown_sources_have_no_key_and_a_reason() {
    let cases = [
        (r#"{"identifier":"local://context"}"#, 0, true),
        (r#"{"identifier":"docker-image://a:latest"}"#, 0, false),
        (
            &format!(r#"{{"identifier":"docker-image://a:latest@{}"}}"#, sha("1")),
            1,
            false,
        ),
        (
            &format!(r#"{{"identifier":"docker-image+blob://a@{}"}}"#, sha("1")),
            0,
            false,
        ),
        (
            r#"{"identifier":"git://github.com/a/b.git#main"}"#,
            1,
            false,
        ),
        (
            r#"{"identifier":"git://github.com/a/b.git#other"}"#,
            0,
            false,
        ),
        (
            &format!(
                r#"{{"identifier":"git://github.com/a/b.git#{}:dir"}}"#,
                "2".repeat(40)
            ),
            1,
            true,
        ),
        (
            &format!(
                r#"{{"identifier":"git://a#{}","attrs":{{"git.keepgitdir":"true"}}}}"#,
                "2".repeat(40)
            ),
            0,
            false,
        ),
        (r#"{"identifier":"nonsense"}"#, 0, false),
    ];
    for (op, known, complete) in cases {
        let keys = keys_of(op);
        assert_eq!(
            (keys.digests.len(), keys.complete),
            (known, complete),
            "{op}"
        );
    }
}
