use super::super::tests::{file, folder, link};
use super::*;

fn files() -> ContextFiles {
    ContextFiles::of_context(vec![
        folder("scripts"),
        file("scripts/a.sh", "a"),
        file("scripts/b.sh", "b"),
        file("scripts/skip.txt", "s"),
        folder("docs"),
        file("docs/draft.tmp", "d"),
        file("docs/index.md", "i"),
        folder("docs/sub"),
        file("docs/sub/x.md", "x"),
        link("alias", "docs"),
        link("away", "/alias/../scripts/a.sh"),
        link("dangling", "nowhere"),
        link("loop1", "loop2"),
        link("loop2", "loop1"),
    ])
}

fn at(path: &str) -> Selector {
    Selector {
        path: path.into(),
        follow_links: true,
        ..Selector::default()
    }
}

fn listed(parts: &[(&str, &str)]) -> Digest {
    let files = files();
    let text: Vec<String> = parts
        .iter()
        .map(|(path, entry)| {
            format!(
                "{path}{}",
                files.entry(entry.as_bytes()).unwrap().digest.unwrap()
            )
        })
        .collect();
    Digest::of(text.concat().as_bytes())
}

#[test]
fn links_are_followed_within_the_root() {
    let files = files();
    let same = |one: &str, other: &str| {
        assert_eq!(
            files.checksum(&at(one)),
            files.checksum(&at(other)),
            "{one}"
        );
    };
    same("/alias", "/docs");
    same("/alias/index.md", "/docs/index.md");
    same("away", "scripts/a.sh");
    same("/alias/sub/../../../docs/", "/docs");
    same("nowhere/../docs", "/docs");
    let unfollowed = Selector {
        follow_links: false,
        ..at("/alias")
    };
    assert_eq!(
        files.checksum(&unfollowed).unwrap(),
        files.entry(b"alias").unwrap().digest.unwrap()
    );
    assert_eq!(
        files.checksum(&at("/dangling")),
        Err(SelectError::NotFound("/dangling".into()))
    );
    assert_eq!(
        files.checksum(&at("/loop1")),
        Err(SelectError::TooManyLinks("/loop1".into()))
    );
    assert_eq!(
        files.checksum(&at("/docs/none")),
        Err(SelectError::NotFound("/docs/none".into()))
    );
}

#[test]
fn patterns_list_the_matching_files() {
    let files = files();
    let wildcard = |path: &str| Selector {
        wildcard: true,
        ..at(path)
    };
    let digest = |path: &str| files.checksum(&wildcard(path)).unwrap();
    assert_eq!(
        digest("/scripts/*.sh"),
        listed(&[("\0a.sh", "scripts/a.sh"), ("\0b.sh", "scripts/b.sh")])
    );
    assert_eq!(
        digest("/s*/a.sh"),
        files.entry(b"scripts/a.sh").unwrap().digest.unwrap()
    );
    assert_eq!(
        digest("/s*/a.s[h]"),
        listed(&[("\0scripts\0a.sh", "scripts/a.sh")])
    );
    assert_eq!(digest("/none*"), Digest::of(b""));
    assert_eq!(digest("/none/*"), Digest::of(b""));
    assert_eq!(
        digest("/alias/s*"),
        listed(&[("\0sub", "docs/sub"), ("\0sub\0x.md", "docs/sub/x.md")])
    );
    assert_eq!(
        files.checksum(&wildcard("/dang*")),
        Err(SelectError::NotFound("/dangling".into()))
    );
    assert_eq!(
        files.checksum(&wildcard("/[")),
        Err(SelectError::Pattern("/[".into()))
    );
    let names = |path: &str| -> Vec<String> {
        let selected = files.selected(&wildcard(path)).unwrap();
        selected
            .iter()
            .map(|entry| String::from_utf8_lossy(&entry.path).into_owned())
            .collect()
    };
    assert_eq!(
        names("/al*"),
        [
            "docs",
            "docs/draft.tmp",
            "docs/index.md",
            "docs/sub",
            "docs/sub/x.md"
        ]
    );
}

#[test]
fn excludes_apply_and_folders_are_included_with_their_files() {
    let files = files();
    let without = |path: &str, pattern: &str| {
        files
            .checksum(&Selector {
                exclude: vec![pattern.into()],
                ..at(path)
            })
            .unwrap()
    };
    let docs = [
        ("\0", "docs"),
        ("\0index.md", "docs/index.md"),
        ("\0sub", "docs/sub"),
    ];
    assert_eq!(
        without("/docs", "*.tmp"),
        listed(&[&docs[..], &[("\0sub\0x.md", "docs/sub/x.md")]].concat())
    );
    assert_eq!(without("/docs", "sub"), {
        listed(&[
            ("\0", "docs"),
            ("\0draft.tmp", "docs/draft.tmp"),
            ("\0index.md", "docs/index.md"),
        ])
    });
    let parents = Selector {
        include: vec!["docs/sub/*.md".into()],
        ..at("/")
    };
    let expected = [
        ("\0docs", "docs"),
        ("\0docs\0sub", "docs/sub"),
        ("\0docs\0sub\0x.md", "docs/sub/x.md"),
    ];
    assert_eq!(files.checksum(&parents).unwrap(), listed(&expected));
}
