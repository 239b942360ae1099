use super::*;

const PAGE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix/><KeyCount>3</KeyCount><MaxKeys>2</MaxKeys>
<IsTruncated>true</IsTruncated><Contents><Key>a&amp;b</Key><ETag>&#34;x&#34;</ETag><Size>1</Size></Contents>
<Contents><Key>b</Key><Size>0</Size><Owner><ID>x</ID></Owner></Contents><CommonPrefixes><Prefix>c/</Prefix></CommonPrefixes>
<NextContinuationToken>c/</NextContinuationToken></ListBucketResult>
"#;

fn why(body: &str) -> Incomplete {
    check(body.as_bytes(), None).unwrap_err()
}

#[test]
fn whole_answers_pass() {
    let last = PAGE
        .replace("<IsTruncated>true", "<IsTruncated>false")
        .replace("<NextContinuationToken>c/</NextContinuationToken>", "");
    let empty = "<ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>0</KeyCount></ListBucketResult>";
    let of_keys = PAGE.replace("<KeyCount>3", "<KeyCount>2");
    let uncounted = PAGE.replace("<KeyCount>3</KeyCount>", "");
    let prefixed =
        "<s:ListBucketResult xmlns:s='x'><s:IsTruncated>false</s:IsTruncated></s:ListBucketResult>";
    let seaweedfs = "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextUploadIdMarker>u</NextUploadIdMarker>\
                     <Upload><Key>k</Key><UploadId>u</UploadId></Upload></ListMultipartUploadsResult>";
    let others = "<!-- x --><VersioningConfiguration/>";
    for whole in [
        PAGE, &last, empty, &of_keys, &uncounted, prefixed, seaweedfs, others,
    ] {
        assert_eq!(
            check(whole.as_bytes(), Some(whole.len() as u64)),
            Ok(()),
            "{whole}"
        );
    }
}

#[test]
fn no_part_of_an_answer_passes() {
    let whole = PAGE.trim_end();
    for end in 1..whole.len() {
        let cut = &whole.as_bytes()[..end];
        assert!(
            check(cut, Some(end as u64)).is_err(),
            "{}",
            String::from_utf8_lossy(cut)
        );
    }
    let end = PAGE.find("<Contents>").unwrap();
    assert_eq!(
        why(&PAGE[..end]),
        Incomplete::Cut("ListBucketResult".to_owned())
    );
    assert_eq!(
        why(&PAGE[..end + 3]),
        Incomplete::Cut("ListBucketResult".to_owned())
    );
    assert_eq!(
        why(&PAGE[..end + 12]),
        Incomplete::Cut("Contents".to_owned())
    );
    let announced = PAGE.len() as u64 + 1;
    let length = Incomplete::Length {
        announced,
        received: PAGE.len() as u64,
    };
    assert_eq!(check(PAGE.as_bytes(), Some(announced)), Err(length));
}

#[test]
fn answers_without_required_fields_are_errors() {
    let without = |element: &str| PAGE.replace(element, "");
    assert_eq!(
        why(&without("<IsTruncated>true</IsTruncated>")),
        Incomplete::Missing("IsTruncated")
    );
    assert_eq!(
        why(&PAGE.replace("<IsTruncated>true", "<IsTruncated>maybe")),
        Incomplete::Value("IsTruncated")
    );
    assert_eq!(
        why(&without(
            "<NextContinuationToken>c/</NextContinuationToken>"
        )),
        Incomplete::Missing("NextContinuationToken")
    );
    assert_eq!(
        why(&PAGE.replace(">c/</NextContinuationToken>", "></NextContinuationToken>")),
        Incomplete::Missing("NextContinuationToken")
    );
    let one_less =
        without("<Contents><Key>b</Key><Size>0</Size><Owner><ID>x</ID></Owner></Contents>");
    assert_eq!(why(&one_less), Incomplete::Count { said: 3, found: 2 });
    assert_eq!(why(&without("<Key>b</Key>")), Incomplete::Entry("Key"));
    assert_eq!(why(&without("<Size>1</Size>")), Incomplete::Entry("Size"));
    for broken in ["<a></b>", "<a/><b/>", "<a/>x", "x", "</a>"] {
        assert!(matches!(why(broken), Incomplete::Malformed(_)), "{broken}");
    }
}

fn followed(pages: &[&str]) -> Result<(), Incomplete> {
    let mut trail = Trail::default();
    pages
        .iter()
        .try_for_each(|keys| trail.keys(keys.split_whitespace()))
}

#[test]
fn keys_ascend_within_pages_and_across_them() {
    for ordered in [
        &["a b c"][..],
        &["a b", "", "c", "c/d é"],
        &["", ""],
        &["B a"],
    ] {
        assert_eq!(followed(ordered), Ok(()), "{ordered:?}");
    }
    // The second is the order of dictionaries, the third that of a tree of folders.
    for unordered in [
        &["b a"][..],
        &["a B"],
        &["a/b a-b"],
        &["a a"],
        &["a c", "b d"],
        &["a b", "b c"],
        &["a b", "a b"],
    ] {
        assert_eq!(
            followed(unordered),
            Err(Incomplete::Unordered),
            "{unordered:?}"
        );
    }
}

#[test]
fn pages_without_keys_end() {
    let mut pages = vec![""; MOST_EMPTY_PAGES];
    assert_eq!(followed(&pages), Ok(()));
    pages.push("a");
    pages.extend(vec![""; MOST_EMPTY_PAGES]);
    assert_eq!(followed(&pages), Ok(()));
    pages.push("");
    assert_eq!(followed(&pages), Err(Incomplete::NothingNew));
}

#[test]
fn endless_pages_are_given_up() {
    let mut trail = Trail::default();
    for _ in 0..MOST_PAGES {
        assert_eq!(trail.page(true), Ok(()));
    }
    assert_eq!(trail.page(true), Err(Incomplete::Endless));
    let mut markers = Markers::default();
    assert_eq!(markers.pass("a"), Ok(()));
    assert_eq!(markers.pass("a"), Err(Incomplete::NothingNew));
}
