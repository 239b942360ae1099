use proptest::prelude::*;

use super::*;

/// A row with a value for every field, or with none.
#[derive(Default)]
struct Row {
    texts: Vec<(FilterTextField, &'static str)>,
    numbers: Vec<(NumberField, u64)>,
    created: Option<Timestamp>,
    digest: Option<Digest>,
    tagged: Option<bool>,
}

impl FilterSubject for Row {
    fn any_text(&self, field: FilterTextField, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
        let mut texts = self.texts.iter().filter(|(of, _)| *of == field).peekable();
        texts.peek()?;
        Some(texts.any(|(_, text)| test(text)))
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        self.numbers
            .iter()
            .find(|(of, _)| *of == field)
            .map(|(_, number)| *number)
    }

    fn created(&self) -> Option<Timestamp> {
        self.created
    }

    fn digest(&self) -> Option<Digest> {
        self.digest
    }

    fn tagged(&self) -> Option<bool> {
        self.tagged
    }
}

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// The blob `hello\n`, of two gibibytes, 40 days old, shared by two refs.
fn blob() -> Row {
    Row {
        texts: vec![
            (FilterTextField::Name, "ghcr.io/acme/App:pr-12"),
            (FilterTextField::Ref, "main"),
            (FilterTextField::Ref, "pr-12"),
            (FilterTextField::Step, "[deps 4/4] RUN npm ci"),
            (FilterTextField::State, "orphan"),
            (FilterTextField::Kind, "blob"),
            (FilterTextField::Platform, "linux/amd64"),
        ],
        numbers: vec![
            (NumberField::Size, 2 << 30),
            (NumberField::Refs, 2),
            (NumberField::Layers, 0),
        ],
        created: Some("2026-10-12T12:00:00Z".parse().unwrap()),
        digest: Some(Digest::of(b"hello\n")),
        tagged: Some(false),
    }
}

fn matches(filter: &str, row: &Row) -> bool {
    Filter::parse(filter)
        .unwrap_or_else(|error| panic!("{}\n{error}", error.pointed_out(filter)))
        .matches(row, now())
}

#[test]
fn each_term_matches_its_rows() {
    let cases = [
        ("", true),
        ("size>1G", true),
        ("size>2GiB", false),
        ("size>=2GiB size<=2GiB size=2147483648 size:2GiB", true),
        ("!size>1G", false),
        ("age>30d", true),
        ("age>40d", false),
        ("age>=40d age<=40d", true),
        (r#"age<"5w 6d""#, true),
        ("!age>60d", true),
        ("layers=0 refs>1 refs<3", true),
        ("ref~^pr-", true),
        ("ref~^pr$", false),
        ("ref=main ref=pr-12", true),
        ("ref:MAIN", true),
        ("ref:mai", false),
        ("ref:m*n", true),
        ("ref:pr-??", true),
        ("ref:pr-?", false),
        ("!ref:main", false),
        ("!ref:release", true),
        ("step~npm", true),
        (r#"step~"run npm""#, true),
        (r"step~\bci$", true),
        ("state:orphan", true),
        ("STATE=Orphan", true),
        ("orphan", true),
        ("live", false),
        ("!live !missing", true),
        ("shared", true),
        ("!shared", false),
        ("!tagged", true),
        ("kind:blob platform:linux/*", true),
        ("digest:5891b5", true),
        ("digest:sha256:5891B", true),
        (
            "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
            true,
        ),
        (
            "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be030",
            false,
        ),
        ("sha512:5891", false),
        ("!digest:00", true),
        ("app", true),
        ("APP", true),
        ("*acme*", true),
        ("acme*", false),
        (r#""app:pr""#, true),
        (r#""app*""#, false),
        ("a+b", false),
        (r#"!"orphan" orphan"#, true),
        ("  app\t size>1k ", true),
        ("app live", false),
    ];
    for (filter, expected) in cases {
        assert_eq!(matches(filter, &blob()), expected, "{filter}");
    }
}

#[test]
fn a_row_without_a_value_matches_no_term_about_it() {
    for term in [
        "size>0",
        "exclusive<1",
        "age<1d",
        "age>1d",
        "name~.",
        "main",
        "orphan",
        "state:live",
        "shared",
        "tagged",
        "digest:5",
        "refs=0",
        "step~npm",
    ] {
        assert!(!matches(term, &Row::default()), "{term}");
        assert!(!matches(&format!("!{term}"), &Row::default()), "!{term}");
    }
}

#[test]
fn an_invalid_filter_is_an_error_with_its_position() {
    let cases = [
        (
            "size>1Q",
            "size>1Q\n     ^^",
            "`1Q` is not a size; write it as 500MB, 1.5GiB or a number of bytes",
        ),
        (
            "live sze>1G",
            "live sze>1G\n     ^^^",
            "there is no field `sze` (did you mean `size`?); in quotes it is looked for in names",
        ),
        (
            "x http://a",
            "x http://a\n  ^^^^",
            "there is no field `http`; in quotes it is looked for in names",
        ),
        (
            ">=1",
            ">=1\n^^",
            "the operator needs a field in front of it; text in quotes is searched in names",
        ),
        (
            "size~1",
            "size~1\n    ^",
            "`size` takes `>`, `>=`, `<`, `<=`, `=` or `:`",
        ),
        (
            "age=1d",
            "age=1d\n   ^",
            "`age` takes `>`, `>=`, `<` or `<=`",
        ),
        ("ref>a", "ref>a\n   ^", "`ref` takes `=`, `:` or `~`"),
        ("state~a", "state~a\n     ^", "`state` takes `=` or `:`"),
        (
            "state:orphn",
            "state:orphn\n      ^^^^^",
            "there is no state `orphn` (did you mean `orphan`?)",
        ),
        (
            "age>soon",
            "age>soon\n    ^^^^",
            "`soon` is not a duration; write it as 30d, 48h or 2w 3h",
        ),
        ("refs>-1", "refs>-1\n     ^^", "`-1` is not a whole number"),
        (
            "!ref~(",
            "!ref~(\n     ^",
            "`(` is not a regular expression that can be used",
        ),
        (
            "digest:xyz",
            "digest:xyz\n       ^^^",
            "`xyz` is not how a digest begins",
        ),
        (
            "size> live",
            "size> live\n^^^^^",
            "a value follows the operator",
        ),
        (
            "a ! b",
            "a ! b\n  ^",
            "`!` must be directly in front of the term that it negates",
        ),
        (
            "!!live",
            "!!live\n^",
            "`!` must be directly in front of the term that it negates",
        ),
        (
            "é \"b",
            "é \"b\n  ^^",
            "a quote ends with `\"` and a blank; a quote inside is written twice",
        ),
        (
            "\x1b size>x",
            "␛ size>x\n       ^",
            "`x` is not a size; write it as 500MB, 1.5GiB or a number of bytes",
        ),
    ];
    for (filter, pointed_out, message) in cases {
        let error = Filter::parse(filter).unwrap_err();
        assert_eq!(error.pointed_out(filter), pointed_out);
        assert_eq!(error.to_string(), message, "{filter}");
    }
    assert_eq!(
        Filter::parse(&"a".repeat(2000)).unwrap_err().problem,
        FilterProblem::TooLong
    );
    let greedy = Filter::parse(r"name~\w{900}{900}").unwrap_err();
    assert!(matches!(greedy.problem, FilterProblem::WrongPattern(_)));
}

#[test]
fn a_filter_is_printed_as_it_was_written() {
    for quoted in ["step~'a (b|c)'", "step~\"a (b|c)\""] {
        let filter = Filter::parse(quoted).unwrap();
        assert_eq!(filter.to_string(), quoted);
    }
    // A word may begin with an apostrophe.
    assert!(Filter::parse("'tis").is_ok());
    let filter = Filter::parse("  size>1G   !ref~\"^a \"\"b\"\t\"two words\" ").unwrap();
    assert_eq!(filter.to_string(), r#"size>1G !ref~"^a ""b" "two words""#);
    assert_eq!(Filter::parse(&filter.to_string()), Ok(filter));
}

/// Text that is often a valid filter.
fn filters() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "size", "age", "ref", "step", "state", "digest", "sha256", "refs", "live", "orphan", ">", ">=", "<", "=",
            ":", "~", "!", "\"", "\"\"", " ", "  ", "1G", "30d", "2w 3h", "^pr-", "*", "main", "abc", "(", "ß", "Σ",
        ]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_is_a_filter_or_an_error_with_a_position(text in prop_oneof![filters(), any::<String>()]) {
        match Filter::parse(&text) {
            Ok(filter) => {
                filter.matches(&blob(), now());
                prop_assert_eq!(Filter::parse(&filter.to_string()), Ok(filter));
            }
            Err(error) => {
                prop_assert!(text.get(error.span.clone()).is_some_and(|fault| !fault.is_empty()), "{:?}", error);
                error.pointed_out(&text);
                let _ = error.to_string();
            }
        }
    }

    #[test]
    fn a_term_and_its_opposite_divide_the_rows_that_know(text in filters(), size in any::<u64>()) {
        let row = Row { numbers: vec![(NumberField::Size, size)], ..blob() };
        let (Ok(term), Ok(opposite)) = (Filter::parse(&text), Filter::parse(&format!("!{}", text.trim_start()))) else {
            return Ok(());
        };
        if term.terms.len() == 1 && !term.terms[0].negated {
            let known = term.terms[0].test.holds(&row, now()).is_some();
            prop_assert_eq!(term.matches(&row, now()) != opposite.matches(&row, now()), known);
        }
    }
}
