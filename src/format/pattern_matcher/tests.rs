use super::*;

fn matched(patterns: &[&str], path: &str) -> bool {
    PatternMatcher::new(patterns)
        .unwrap()
        .matches(path.as_bytes(), None)
        .0
}

#[test]
fn matches_as_moby_does() {
    // From `patternmatcher_test.go`.
    let cases = [
        ("**", "file", true),
        ("**", "file/", true),
        ("**/", "file", true),
        ("**", "/", true),
        ("**", "dir/file", true),
        ("**/", "dir/file", true),
        ("**/**", "dir/file", true),
        ("dir/**", "dir/file", true),
        ("dir/**", "dir/dir2/file", true),
        ("**/dir", "dir", true),
        ("**/dir", "dir/file", true),
        ("**/dir2/*", "dir/dir2/file", true),
        ("**/dir2/**", "dir/dir2/dir2/file", true),
        ("**file", "file", true),
        ("**file", "dir/file", true),
        ("**/file", "dir/dir/file", true),
        ("**/file*", "dir/dir/file.txt", true),
        ("**/file*txt", "dir/dir/file.txt", true),
        ("**/file*.txt*", "dir/dir/file.txt", true),
        ("**/**/*.txt", "dir/dir/file.txt", true),
        ("**/**/*.txt2", "dir/dir/file.txt", false),
        ("**/*.txt", "file.txt", true),
        ("a**/*.txt", "a/file.txt", true),
        ("a**/*.txt", "a/dir/dir/file.txt", true),
        ("a/*.txt", "a/dir/file.txt", false),
        ("a/*.txt**", "a/file.txt", true),
        ("a[b-d]e", "ae", false),
        ("a[b-d]e", "ace", true),
        ("a[^b-d]e", "aze", true),
        (".*", ".foo", true),
        (".*", "foo", false),
        ("abc.def", "abcZdef", false),
        ("abc?def", "abcZdef", true),
        ("a\\\\", "a\\", true),
        ("a\\*b", "a*b", true),
        ("**/foo/bar", "foo/bar", true),
        ("**/foo/bar", "dir/dir2/foo/bar", true),
        ("abc/**", "abc", false),
        ("abc/**", "abc/def/ghi", true),
        ("**/.foo", "bar.foo", false),
        ("a(b)c/def", "a(b)c/def", true),
        ("a(b)c/def", "a(b)c/xyz", false),
        ("a.|)$(}+{bc", "a.|)$(}+{bc", true),
        (
            "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl",
            "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl",
            true,
        ),
        (
            "dist/*.whl",
            "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl",
            true,
        ),
        ("a\\?b", "a?b", true),
        ("[a&&b]", "&", true),
        ("x[é-ü]", "xö", true),
    ];
    for (pattern, path, expected) in cases {
        assert_eq!(matched(&[pattern], path), expected, "{pattern} {path}");
    }
}

#[test]
fn the_last_match_decides_and_folders_count() {
    let cases: [(&[&str], &str, bool); 12] = [
        (&["!fileutils.go", "*.go"], "fileutils.go", true),
        (&["*", "!fileutils.go"], "fileutils.go", false),
        (&["*", "!fileutils.go"], "dir/fileutils.go", true),
        (&["docs", "!docs/README.md"], "docs/README.md", false),
        (&["docs", "!docs/README.md"], "docs/a", true),
        (&["docs", "!docs"], "docs/README.md", false),
        (&["*", "!cmd/**"], "cmd/a/b", false),
        (&["**", "!**/*.md"], "a/b.md", false),
        (&["a/*", "!a/b", "a/b/c"], "a/b/c", true),
        (&["a/*", "!a/b", "a/b/c"], "a/b/d", false),
        (&["", "  ", "x "], "x", true),
        (&["./a/../b/"], "b/c", true),
    ];
    for (patterns, path, expected) in cases {
        assert_eq!(matched(patterns, path), expected, "{patterns:?} {path}");
        // Walking down from the first folder gives the same.
        let matcher = PatternMatcher::new(patterns).unwrap();
        let mut info = None;
        let mut last = false;
        for end in path
            .char_indices()
            .filter(|(_, c)| *c == '/')
            .map(|(at, _)| at)
            .chain([path.len()])
        {
            let (found, next) = matcher.matches(&path.as_bytes()[..end], info.as_ref());
            (last, info) = (found, Some(next));
        }
        assert_eq!(last, expected, "{patterns:?} {path}, walked");
    }
}

#[test]
fn invalid_input_is_an_error_with_a_reason() {
    let error = |pattern: &str| PatternMatcher::new(&[pattern]).unwrap_err();
    assert_eq!(error("!"), PatternError::LoneExclamation);
    assert_eq!(error("[-]"), PatternError::Malformed("[-]".into()));
    assert_eq!(error("a[b"), PatternError::Malformed("a[b".into()));
    assert_eq!(error("\\d*"), PatternError::Unsupported("\\d*".into()));
}

proptest::proptest! {
    #[test]
    fn never_panics(patterns in proptest::collection::vec("[!a*?\\[\\]\\\\^/é&.-]{0,10}", 0..4), path in "[a/é.&]{0,8}") {
        if let Ok(matcher) = PatternMatcher::new(&patterns) {
            let _ = matcher.matches(path.as_bytes(), None);
        }
    }
}
