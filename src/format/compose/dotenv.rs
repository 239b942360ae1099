//! Files of variables.

/// Parses a `.env` file. `outer` returns the values of variables that the file refers to and does
/// not set itself.
pub fn parse(text: &str, outer: &dyn Fn(&str) -> Option<String>) -> Vec<(String, String)> {
    let mut variables: Vec<(String, String)> = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for line in text.lines() {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = line.split_once(['=', ':']) else {
            continue;
        };
        let name = name.trim();
        let valid = name
            .chars()
            .all(|c| c == '_' || c == '.' || c == '-' || c.is_ascii_alphanumeric());
        if name.is_empty() || !valid {
            continue;
        }
        let value = value.trim();
        let value = match value.chars().next() {
            Some('\'') => value[1..].split('\'').next().unwrap_or_default().to_owned(),
            Some('"') => expanded(&quoted(&value[1..]), &variables, outer),
            _ => expanded(without_comment(value), &variables, outer),
        };
        variables.retain(|(known, _)| known != name);
        variables.push((name.to_owned(), value));
    }
    variables
}

fn without_comment(value: &str) -> &str {
    let end = value
        .find(" #")
        .or_else(|| value.find("\t#"))
        .unwrap_or(value.len());
    value[..end].trim_end()
}

fn quoted(value: &str) -> String {
    let mut text = String::new();
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => match characters.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some(other) => text.push(other),
                None => {}
            },
            _ => text.push(character),
        }
    }
    text
}

fn expanded(
    value: &str,
    known: &[(String, String)],
    outer: &dyn Fn(&str) -> Option<String>,
) -> String {
    let lookup = |name: &str| {
        let own = known
            .iter()
            .rfind(|(n, _)| n == name)
            .map(|(_, value)| value.clone());
        own.or_else(|| outer(name))
    };
    let text =
        crate::format::located::Located::new(value, crate::format::located::Place::default());
    super::interpolate(&text, &lookup, None).as_str().to_owned()
}
