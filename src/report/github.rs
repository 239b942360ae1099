//! Annotations of GitHub Actions: workflow commands, one per line, which GitHub shows in the log,
//! in the summary of a run, and next to the lines of a file.

use std::fmt::Write as _;

use super::{Issue, IssueLevel};
use crate::text::escape::visible;
use crate::text::secrets::mask;

/// Returns the annotations of issues.
pub fn of_issues(issues: &[Issue]) -> Vec<Annotation> {
    issues.iter().map(of_issue).collect()
}

fn of_issue(issue: &Issue) -> Annotation {
    let level = match issue.level {
        IssueLevel::Error => AnnotationLevel::Error,
        IssueLevel::Warning => AnnotationLevel::Warning,
        IssueLevel::Info => AnnotationLevel::Notice,
    };
    let place = issue.place.as_ref();
    Annotation {
        level,
        file: place.map(|place| place.file.clone()),
        line: place.map(|place| place.line),
        title: issue.code.to_owned(),
        message: match place {
            Some(_) => issue.text(),
            None => format!("{}: {}", issue.subject, issue.text()),
        },
    }
}

/// The severity of an annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnnotationLevel {
    /// The run should fail.
    Error,
    /// A person should look at it.
    Warning,
    /// A person may want to know it.
    Notice,
}

/// A message and its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    pub level: AnnotationLevel,
    /// The file, relative to the repository.
    pub file: Option<String>,
    /// The line, counted from 1.
    pub line: Option<u32>,
    /// A short title above the message.
    pub title: String,
    /// The message; it may have several lines.
    pub message: String,
}

/// Formats annotations, one per line.
pub fn render(annotations: &[Annotation]) -> String {
    let mut text = String::new();
    for annotation in annotations {
        let level = match annotation.level {
            AnnotationLevel::Error => "error",
            AnnotationLevel::Warning => "warning",
            AnnotationLevel::Notice => "notice",
        };
        let mut properties = Vec::new();
        if let Some(file) = &annotation.file {
            properties.push(format!("file={}", property(file)));
        }
        if let Some(line) = annotation.line {
            properties.push(format!("line={line}"));
        }
        properties.push(format!("title={}", property(&annotation.title)));
        let _ = writeln!(
            text,
            "::{level} {}::{}",
            properties.join(","),
            message(&annotation.message)
        );
    }
    text
}

/// Escapes a message and keeps its line breaks.
fn message(text: &str) -> String {
    let lines: Vec<String> = mask(text)
        .lines()
        .map(|line| visible(line).replace('%', "%25"))
        .collect();
    lines.join("%0A")
}

/// Escapes the value of a property.
fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::issue::IssuePlace;

    #[test]
    fn characters_that_end_a_command_are_escaped() {
        let annotation = Annotation {
            level: AnnotationLevel::Warning,
            file: Some("a,b:c".into()),
            line: Some(7),
            title: "100%\n::error::".into(),
            message: "first\nsecond\r\u{1b}[0m".into(),
        };
        let text = render(&[annotation]);
        assert_eq!(text.lines().count(), 1);
        assert_eq!(
            text,
            "::warning file=a%2Cb%3Ac,line=7,title=100%25%0A%3A%3Aerror%3A%3A::first%0Asecond␍␛[0m\n"
        );
    }

    #[test]
    fn text_from_a_store_starts_no_command_of_its_own() {
        let issue = Issue {
            level: IssueLevel::Error,
            code: "blob-missing",
            meaning: "".into(),
            message: "100% of a\n::add-mask::x\r is gone".to_owned(),
            hint: Some("do:\nit".to_owned()),
            subject: "./c#a\n::error::b".to_owned(),
            place: None,
        };
        let text = render(&of_issues(std::slice::from_ref(&issue)));
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(
            text.starts_with("::error title=blob-missing::./c#a"),
            "{text}"
        );
        assert!(text.contains("100%25 of a"), "{text}");
        let placed = Issue {
            place: Some(IssuePlace {
                file: "a:b,c\n.yml".to_owned(),
                line: 7,
            }),
            ..issue
        };
        let text = render(&of_issues(&[placed]));
        assert!(text.starts_with("::error file=a%3Ab%2Cc"), "{text}");
        assert!(text.contains(".yml,line=7,title=blob-missing::"), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}
