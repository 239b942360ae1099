//! `cat`: a file of a layer, or the layer as it is stored, on standard output.

use std::io::{self, IsTerminal as _, Read, Write as _};
use std::path::PathBuf;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::open::{self, Scanned};
use super::{CliSession, files};
use crate::backend::ReadError;
use crate::backend::layer_content::{self, LayerFile, ReadTo};
use crate::error::{Exit, Failure};
use crate::format::digest::Digest;
use crate::format::layer::{TarEntry, TarEntryKind};
use crate::source::SourceText;
use crate::text::escape::visible;
use crate::text::nearest::nearest;

/// The longest text that is printed on a terminal.
const MOST_ON_TERMINAL: usize = 1 << 20;

#[derive(Debug, Args)]
pub(super) struct CatArguments {
    /// The ref that has the layer, such as ./cache#main; with a digest the source is enough.
    #[arg(value_name = "SOURCE#REF")]
    source: SourceText,
    /// The layer, as for `files`: its digest, the first digits of it, or a step of the ref.
    #[arg(value_name = "DIGEST|STEP")]
    layer: String,
    /// The file, as `files` lists it. Without it, the layer is printed as it is stored.
    #[arg(value_name = "PATH")]
    path: Option<String>,
    /// Print binary data on a terminal, too.
    #[arg(long)]
    force: bool,
    /// Name the steps from evidence of the build that wrote the ref.
    #[arg(long, value_name = "EVIDENCE")]
    provenance: Vec<PathBuf>,
}

/// How the printing ended.
enum Printed {
    /// Everything was printed, or the reader of the pipe has seen enough.
    All,
    /// It is not for a terminal.
    Binary,
    /// It is too long for a terminal.
    Long,
}

pub(super) async fn run(
    session: &CliSession<'_>,
    arguments: CatArguments,
) -> Result<Exit, Failure> {
    if session.output.json {
        let failure = Failure::message(Exit::Usage, "`cat` prints bytes, not JSON");
        return Err(failure.hint("`cachelens files --json` lists the files of a layer"));
    }
    let source = open::parse(session, &arguments.source)?;
    let (mut scanned, failures) = open::scan_all(session, vec![source]).await?;
    let Some(scanned) = scanned.pop() else {
        return Ok(open::conclude(session, 0, &failures));
    };
    let found = files::find(session, &scanned, &arguments.layer, &arguments.provenance).await?;
    let guards = io::stdout().is_terminal() && !arguments.force;
    session.output.end_progress();
    let printed = match &arguments.path {
        Some(path) => file(session, &scanned, found.digest, path, guards).await?,
        None if guards => Printed::Binary,
        None => layer(session, &scanned, found.digest).await?,
    };
    let (what, message) = match printed {
        Printed::All => return Ok(open::conclude(session, 1, &failures)),
        Printed::Binary => ("binary data", "is not printed on a terminal"),
        Printed::Long => ("more than 1 MiB", "is too long for a terminal"),
    };
    let name = arguments.path.as_deref().unwrap_or("the layer");
    let failure = Failure::message(Exit::Usage, format!("{}: {what} {message}", visible(name)));
    Err(failure.hint("redirect it, as in `> FILE` or `| less`, or add --force"))
}

/// Prints a file. The whole layer is read and compared with its digest before anything is printed.
async fn file(
    session: &CliSession<'_>,
    scanned: &Scanned,
    layer: Digest,
    path: &str,
    guards: bool,
) -> Result<Printed, Failure> {
    let failed = |why: String| {
        let shown = scanned.opened.shown();
        Failure::message(Exit::Failed, format!("{shown}: {layer}: {why}"))
    };
    let (entries, end) = files::read(session, scanned, layer).await;
    end.map_err(failed)?;
    let file = the_file(&entries, layer, path)?;
    let cancel = session.cancel.child_token();
    let reader = &*scanned.opened.reader;
    let taken = layer_content::read(reader, file, ReadTo::End, cancel.clone(), move |content| {
        if guards {
            on_terminal(content)
        } else {
            copy(content, &cancel)
        }
    });
    taken.await.map_err(failed)
}

/// Finds a file among the entries of a layer. The last entry of a path counts, as when a layer is
/// unpacked.
fn the_file(entries: &[TarEntry], layer: Digest, path: &str) -> Result<LayerFile, Failure> {
    let wanted = path.trim_start_matches("./").trim_matches('/');
    let found = (0u64..)
        .zip(entries)
        .filter(|(_, entry)| entry.path == wanted)
        .last();
    let shown = visible(path).into_owned();
    let failure = |why: String| Failure::message(Exit::Failed, format!("{shown} {why}"));
    let Some((number, entry)) = found else {
        let near = nearest(wanted, entries.iter().map(|entry| entry.path.as_str()));
        let hint = match near {
            Some(near) => format!("did you mean `{}`?", visible(near)),
            None => "`cachelens files` with the same arguments lists its files".to_owned(),
        };
        return Err(failure("is not in the layer".to_owned()).hint(hint));
    };
    match &entry.kind {
        TarEntryKind::File => Ok(LayerFile {
            layer,
            number,
            link: None,
        }),
        TarEntryKind::Hardlink { target } => Ok(LayerFile {
            layer,
            number,
            link: Some(target.clone()),
        }),
        TarEntryKind::Symlink { target } => Err(failure(format!(
            "is a symbolic link to {}",
            visible(target)
        ))),
        TarEntryKind::Whiteout | TarEntryKind::Opaque => {
            Err(failure("is deleted by the layer".to_owned()))
        }
        TarEntryKind::Directory => Err(failure("is a directory".to_owned()).hint(format!(
            "`cachelens files … --filter 'path~{shown}'` lists it"
        ))),
        kind => Err(failure(format!("is no regular file: {}", kind.word()))),
    }
}

/// Prints a layer as it is stored. Its digest is compared at the end.
async fn layer(
    session: &CliSession<'_>,
    scanned: &Scanned,
    digest: Digest,
) -> Result<Printed, Failure> {
    let shown = scanned.opened.shown();
    let failed = |why: String| Failure::message(Exit::Failed, format!("{shown}: {digest}: {why}"));
    let opened = scanned.opened.reader.open_blob(digest).await;
    let mut blob = opened.map_err(|error| match error {
        ReadError::Absent => failed("the blob is not stored".to_owned()),
        error => failed(error.to_string()),
    })?;
    let cancel = session.cancel.child_token();
    let work = tokio::task::spawn_blocking(move || copy(&mut blob, &cancel));
    let copied = work.await.map_err(|error| failed(error.to_string()))?;
    copied.map_err(|error| {
        if error.kind() == io::ErrorKind::InvalidData {
            let why = "the content does not match its digest; do not use the output";
            failed(why.to_owned())
        } else {
            failed(error.to_string())
        }
    })
}

/// Copies everything to standard output.
fn copy(content: &mut (impl Read + ?Sized), cancel: &CancellationToken) -> io::Result<Printed> {
    let mut stdout = io::stdout().lock();
    let mut buffer = vec![0; 1 << 16];
    loop {
        if cancel.is_cancelled() {
            return Err(io::Error::other("interrupted"));
        }
        let count = match content.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        match stdout.write_all(&buffer[..count]) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Printed::All),
            written => written?,
        }
    }
    match stdout.flush() {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Printed::All),
        flushed => flushed.map(|()| Printed::All),
    }
}

/// Prints a text on a terminal, and nothing else.
fn on_terminal(content: &mut dyn Read) -> io::Result<Printed> {
    let mut bytes = Vec::new();
    content
        .take(MOST_ON_TERMINAL as u64 + 1)
        .read_to_end(&mut bytes)?;
    if !is_text(&bytes) {
        return Ok(Printed::Binary);
    }
    if bytes.len() > MOST_ON_TERMINAL {
        return Ok(Printed::Long);
    }
    let mut stdout = io::stdout().lock();
    stdout.write_all(&bytes)?;
    stdout.flush().map(|()| Printed::All)
}

/// Returns whether bytes are text that does nothing to a terminal. A character at the end may be
/// cut.
fn is_text(bytes: &[u8]) -> bool {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            return is_text(&bytes[..error.valid_up_to()]);
        }
        Err(_) => return false,
    };
    let lines = text.split(['\n', '\t']);
    lines
        .map(|line| line.strip_suffix('\r').unwrap_or(line))
        .all(|line| visible(line) == line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_for_a_terminal_has_no_control_characters() {
        assert!(is_text("a\tb\r\nü\n".as_bytes()) && is_text(b""));
        for binary in ["a\u{1b}[2J", "a\0b", "a\u{202e}b"] {
            assert!(!is_text(binary.as_bytes()), "{binary:?}");
        }
        assert!(!is_text(b"\xff\xfe"));
        // The last character is cut.
        assert!(is_text(&"ü".as_bytes()[..1]));
    }

    #[test]
    fn the_last_entry_of_a_path_counts() {
        let entry = |path: &str, kind| TarEntry {
            path: path.to_owned(),
            kind,
            size: 0,
            mode: 0,
            uid: 0,
            gid: 0,
            modified: None,
        };
        let link = TarEntryKind::Hardlink {
            target: "a".to_owned(),
        };
        let entries = [
            entry("a", TarEntryKind::File),
            entry("dir", TarEntryKind::Directory),
            entry("a", TarEntryKind::File),
            entry("b", link),
        ];
        let layer = Digest::of(b"");
        let number = |path| the_file(&entries, layer, path).map(|file| file.number);
        assert_eq!(number("/a").unwrap(), 2);
        assert_eq!(
            the_file(&entries, layer, "./b").unwrap().link.as_deref(),
            Some("a")
        );
        assert!(number("dir").unwrap_err().message.contains("directory"));
        assert!(
            number("c")
                .unwrap_err()
                .message
                .contains("not in the layer")
        );
    }
}
