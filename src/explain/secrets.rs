//! What looks like a secret in texts of builds, and is not shown.

/// What a name has in it whose value is not shown.
const WORDS: [&str; 8] = ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "APIKEY", "API_KEY", "PRIVATE"];
/// What stands for a value.
const HIDDEN: &str = "(hidden)";

/// Tells whether the value of a variable with this name is not shown.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase().replace('-', "_");
    WORDS.iter().any(|word| name.contains(word))
        || name.ends_with("_KEY")
        || name == "KEY"
        || name.ends_with("_PAT")
        || name.ends_with("_PASS")
        || name == "AUTHORIZATION"
}

/// Tells whether nothing of a file with this name is shown.
pub fn is_secret_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let starts =
        [".env", ".netrc", "_netrc", ".npmrc", ".pypirc", ".git-credentials", ".htpasswd", "id_", "kubeconfig"];
    let ends = [".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".tfstate", ".tfvars", ".env"];
    starts.iter().any(|start| name.starts_with(start))
        || ends.iter().any(|end| name.ends_with(end))
        || is_secret(&name.replace('.', "_"))
}

/// Replaces what looks like a secret in a command or a line of a file: the value of a name that looks secret, after `=`, `:`
/// or, of an option, a space; the password of a URL; what follows `Bearer` or `Basic`.
pub fn without(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    // Whether a value is to come, and the quote that has to end the one that is being hidden.
    let (mut awaits, mut quote) = (false, None);
    for (word, gap) in words(text) {
        let bare = word.trim_start_matches(['"', '\'', '-']);
        let is_scheme = ["bearer", "basic"].iter().any(|scheme| bare.eq_ignore_ascii_case(scheme));
        if let Some(end) = quote {
            if word.trim_end_matches([',', ';', ')']).ends_with(end) {
                quote = None;
                shown.push_str(gap);
            }
            continue;
        }
        if word.is_empty() || matches!(word, "=" | ":" | "=>" | ":=") || is_scheme {
            shown.push_str(word);
            awaits |= bare.eq_ignore_ascii_case("bearer");
        } else if awaits {
            awaits = false;
            quote = open_quote(word);
            shown.push_str(HIDDEN);
        } else if let Some(at) = secret_name(word) {
            let value = &word[at + 1..];
            shown.push_str(&word[..=at]);
            if value.trim_matches(['"', '\'', '=']).is_empty() && open_quote(value).is_none() {
                awaits = true;
                shown.push_str(value);
            } else {
                quote = open_quote(value);
                shown.push_str(HIDDEN);
            }
        } else {
            // `--password x` and `password = x`; a bare word of prose is none.
            awaits = is_secret(bare.trim_matches(['"', '\''])) && (word.starts_with('-') || text.contains('='));
            shown.push_str(&without_password(word));
        }
        if quote.is_none() {
            shown.push_str(gap);
        }
    }
    shown
}

/// Returns where the name ends that says a value in the word is secret: at a `=` or a `:`.
fn secret_name(word: &str) -> Option<usize> {
    word.match_indices(['=', ':']).map(|(at, _)| at).find(|at| {
        let name = word[..*at].trim_matches(|character: char| !is_of_name(character));
        is_secret(name.rsplit(|character: char| !is_of_name(character)).next().unwrap_or(name))
    })
}

/// Returns the quote that a value begins with and does not end with.
fn open_quote(value: &str) -> Option<char> {
    let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''))?;
    let rest = value[1..].trim_end_matches([',', ';', ')']);
    (!rest.ends_with(quote)).then_some(quote)
}

fn is_of_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-')
}

/// Splits a text into its words, each with the white space behind it.
fn words(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split_inclusive(char::is_whitespace).map(|piece| {
        let word = piece.trim_end_matches(char::is_whitespace);
        (word, &piece[word.len()..])
    })
}

/// Hides `user:password@` of a URL.
fn without_password(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("://") else { return word.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{HIDDEN}@{host}{}", &rest[end..]),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hides_what_looks_secret_and_nothing_else() {
        let cases = [
            ("go build -race ./api", "go build -race ./api"),
            ("NPM_TOKEN=abc npm ci", "NPM_TOKEN=(hidden) npm ci"),
            ("export A=1 DB_PASSWORD='x y'", "export A=1 DB_PASSWORD=(hidden)"),
            ("A_TOKEN=\"x y\" make", "A_TOKEN=(hidden) make"),
            ("curl https://h/x?a=1&token=abc", "curl https://h/x?a=1&token=(hidden)"),
            ("login --password hunter2 --user me", "login --password (hidden) --user me"),
            ("login --password=hunter2", "login --password=(hidden)"),
            (r#"curl -H "Authorization: Bearer abc" http://h"#, r#"curl -H "Authorization: Bearer (hidden) http://h"#),
            ("git clone https://me:pat@github.com/a/b", "git clone https://(hidden)@github.com/a/b"),
            (r#"  "apiKey": "abc","#, r#"  "apiKey": (hidden)"#),
            ("password = hunter2", "password = (hidden)"),
            ("secret: x", "secret: (hidden)"),
            ("echo the secret of it", "echo the secret of it"),
            ("COPY --chown=app:app a b", "COPY --chown=app:app a b"),
        ];
        for (text, expected) in cases {
            assert_eq!(without(text), expected);
        }
    }

    #[test]
    fn knows_files_that_hold_secrets() {
        for secret in [".env", "a/.env.production", "id_rsa", "tls/server.key", "db-password.txt", ".npmrc"] {
            assert!(is_secret_file(secret), "{secret}");
        }
        for other in ["main.go", "package.json", "keys.rs", "identity.ts"] {
            assert!(!is_secret_file(other), "{other}");
        }
    }

    proptest::proptest! {
        #[test]
        fn texts_never_panic_and_keep_what_is_no_secret(text in "[ a-cé=:@/\\-\"\n]{0,40}") {
            proptest::prop_assert!(text.to_lowercase().contains("bearer") || without(&text).contains(HIDDEN) || without(&text) == text);
        }
    }
}
