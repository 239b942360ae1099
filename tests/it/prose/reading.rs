//! The readers of words, on texts whose words are known.

use super::read::{doc_words, help_texts, message_words, sentence_lengths};
use super::{GROUPS, banned_words, count};
use crate::structure::read::comments_and_literals;

#[test]
fn counts_words_of_doc_comments_only() {
    let source = r#"
//! What it does. "Anew", it's said.
/// Tells `what` is left,
///
/// ```
/// let what = told();
/// ```
/// and WHAT remains.
// what
fn what() {} //// what
let url = "/// what";
"#;
    let words = doc_words(source);
    let expected = [
        "what", "it", "does", "anew", "it's", "said", "tells", "is", "left", "and", "what",
        "remains",
    ];
    assert_eq!(words, expected);
    let counts = GROUPS.map(|group| count(&words, &group));
    assert_eq!(counts, [1, 2, 0, 1]);
}

#[test]
fn reads_words_of_comments_and_messages_only() {
    let source = r#"
/// What is told.
fn told() {
    // Nobody is told.
    let told = format!("{told} went \"anew\", {}", r"a way back", 'a');
}
"#;
    let texts = comments_and_literals(source);
    let words: Vec<String> = texts.into_iter().map(message_words).collect();
    assert_eq!(
        words,
        [" nobody is told ", " went anew ", " r a way back ", " a "]
    );
}

#[test]
fn finds_banned_words_as_whole_words() {
    let found = |text| banned_words(text).collect::<Vec<_>>();
    assert_eq!(
        found("Nobody takes back what was told."),
        ["told", "nobody", "takes back"]
    );
    assert_eq!(found("keys = { text = \"told\" }"), ["told"]);
    assert_eq!(found("a telltale, a toolbar"), [""; 0]);
}

#[test]
fn reads_the_help_of_argument_structs_only() {
    let source = r"
/// No help.
#[derive(Debug, Clone)]
struct Plain {
    /// No help, either.
    field: bool,
}

/// Shows a cache.
#[derive(Debug, clap::Args)]
struct ShowArguments {
    /// The cache
    /// to show.
    #[arg(long)]
    cache: String,
    // No help.
    /// Show less.
    less: bool,
}
";
    assert_eq!(
        help_texts(source),
        ["Shows a cache.", "The cache to show.", "Show less."]
    );
}

#[test]
fn counts_words_of_sentences_without_code_and_tables() {
    let text = "# A heading. It counts not.\n\nOne two `three`. Four\nfive?\n\n- six: seven\n- eight – nine\n\n\
        ```console\n$ code. code.\n```\n| table. | table |\n![image](image.svg)\n\n**Ten.** v1.2 it.\n";
    assert_eq!(sentence_lengths(text), [3, 2, 2, 2, 1, 2]);
}
