//! The files of a layer: a tree with sums, of a ref's step and of a blob that no ref reaches.

use std::fs;

use cachelens::backend::memory::MemoryCache;
use serde_json::json;
use tempfile::TempDir;

use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, local, memory};

const SMALL: (u16, u16) = (60, 16);
const USUAL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (120, 40);
const HUGE: (u16, u16) = (200, 60);

/// The kind of an archive entry.
#[derive(Clone, Copy)]
enum What {
    File(usize),
    Bytes(&'static [u8]),
    Link(&'static str),
    Hard(&'static str),
}

use What::{Bytes, File, Hard, Link};

/// Possible results of `npm ci`, with deletions.
const NPM: [(&str, What); 11] = [
    ("app/node_modules/esbuild/bin/esbuild", File(98_000)),
    ("app/node_modules/esbuild/package.json", File(120)),
    ("app/node_modules/lodash/lodash.js", File(54_000)),
    ("app/node_modules/lodash/lodash.min.js", File(7_000)),
    (
        "app/node_modules/@swc/core-linux-x64-gnu/a-name-that-is-longer-than-its-column.node",
        File(12_000),
    ),
    (
        "app/node_modules/.bin/esbuild",
        Link("../esbuild/bin/esbuild"),
    ),
    ("app/package.json", File(300)),
    ("root/.npm/_cacache/index-v5/0a/bb", File(2_900)),
    ("etc/.wh.hostname", File(0)),
    ("var/cache/.wh..wh..opq", File(0)),
    ("var/cache/new", File(10)),
];

/// Packs files into an archive; those with a size contain that many `x`.
fn archive<'a>(files: impl IntoIterator<Item = (&'a str, What)>) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, what) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_mtime(1_795_000_000);
        match what {
            File(size) => {
                header.set_size(size as u64);
                builder
                    .append_data(&mut header, path, vec![b'x'; size].as_slice())
                    .unwrap();
            }
            Bytes(bytes) => {
                header.set_size(bytes.len() as u64);
                builder.append_data(&mut header, path, bytes).unwrap();
            }
            Link(target) | Hard(target) => {
                header.set_size(0);
                header.set_entry_type(match what {
                    Hard(_) => tar::EntryType::Link,
                    _ => tar::EntryType::Symlink,
                });
                builder.append_link(&mut header, path, target).unwrap();
            }
        }
    }
    builder.into_inner().unwrap()
}

/// Opens the only blob of a store, which no ref reaches.
fn orphan(blob: Vec<u8>, size: (u16, u16)) -> Journey {
    let mut cache = MemoryCache::default();
    cache.add_blob(blob, None);
    let index = json!({"schemaVersion": 2, "manifests": []});
    cache.set_index(index.to_string().as_bytes()).unwrap();
    let mut journey = Journey::new(vec![memory("made", cache)], size);
    journey.press("b enter");
    journey
}

fn npm(size: (u16, u16)) -> Journey {
    orphan(archive(NPM), size)
}

/// Returns the lines of the screen from the header of the list to its last row.
fn list(journey: &Journey) -> String {
    let screen = journey.screen();
    let lines = screen.lines().skip(3);
    // Details may be on the right.
    let own = |line: &str| line.split('│').next().unwrap_or_default().trim().to_owned();
    let is_row = |line: &&str| !own(line).is_empty() && !line.starts_with('─');
    lines.take_while(is_row).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_orphan_opens_into_a_tree_with_the_largest_first() {
    insta::assert_snapshot!(npm(SMALL).screen(), @r"
     made › blobs › sha256:b044…   9 files · read-only · ? help
    ────────────────────────────────────────────────────────────
       layer sha256:b044e768329b · 179 KiB stored · changes un…
       PATH                                         SIZE▾ SHARE
    ▸  ▸ app/                                    167 KiB  █████▉
       ▸ root/.npm/_cacache/index-v5/0a/         2.8 KiB  ▏
       ▸ var/cache/  − emptied first                10 B  ▏
       ▸ etc/                                        0 B





    ───────────────────────────────────────────────────── 1/4 ──
     170 KiB unpacked · 2 deleted from below
     enter open  V view  x extract  / filter  s sort
    ");
    insta::assert_snapshot!(npm(USUAL).press("l j l").screen(), @r"
     made › blobs › sha256:b044e768329b                9 files · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       layer sha256:b044e768329b · 179 KiB stored · changes unknown: no ref has it
       PATH                                                  SIZE▾ SHARE       FILES
       ▾ app/                                             167 KiB  █████▉          7
    ▸    ▾ node_modules/                                  167 KiB  █████▉          6
           ▸ esbuild/                                    95.8 KiB  ███▍            2
           ▸ lodash/                                     59.6 KiB  ██              2
           ▸ @swc/core-linux-x64-gnu/                    11.7 KiB  ▍               1
           ▸ .bin/                                            0 B                  1
           package.json                                     300 B  ▏               –
       ▸ root/.npm/_cacache/index-v5/0a/                  2.8 KiB  ▏               1
       ▸ var/cache/  − emptied first                         10 B  ▏               1
       ▸ etc/                                                 0 B                − 1

    ────────────────────────────────────────────────────────────────────────────────
       app/node_modules/

       kind       directory
       size       167 KiB (171120 bytes)
       … tab scrolls, i shows all
    ──────────────────────────────────────────────────────────────────────── 2/10 ──
     170 KiB unpacked · 2 deleted from below
     enter open  V view  x extract  / filter  s sort  space mark  i details
    ");
}

#[test]
fn wide_terminals_give_the_path_its_room() {
    insta::assert_snapshot!(list(npm(LARGE).press("l j l j j l")), @r"
       PATH                                                     SIZE▾ SHARE       FILES │ app/node_modules/lodash/
       ▾ app/                                                167 KiB  █████▉          7 │
         ▾ node_modules/                                     167 KiB  █████▉          6 │ kind       directory
           ▸ esbuild/                                       95.8 KiB  ███▍            2 │ size       59.6 KiB (61000 bytes)
    ▸      ▾ lodash/                                        59.6 KiB  ██              2 │ share      34 % of the layer
               lodash.js                                    52.7 KiB  █▊              – │ files      2
               lodash.min.js                                 6.8 KiB  ▏               – │ The layer has files in this
           ▸ @swc/core-linux-x64-gnu/                       11.7 KiB  ▍               1 │ folder and does not describe it.
           ▸ .bin/                                               0 B                  1 │
           package.json                                        300 B  ▏               – │
       ▸ root/.npm/_cacache/index-v5/0a/                     2.8 KiB  ▏               1 │
       ▸ var/cache/  − emptied first                            10 B  ▏               1 │
       ▸ etc/                                                    0 B                − 1 │
    ");
    insta::assert_snapshot!(list(npm(HUGE).press("l j l j j l")), @r"
       PATH                                              SIZE▾ SHARE       FILES  MODE        MODIFIED                OWNER │ app/node_modules/lodash/
       ▾ app/                                         167 KiB  █████▉          7  –           –                           – │
         ▾ node_modules/                              167 KiB  █████▉          6  –           –                           – │ kind       directory
           ▸ esbuild/                                95.8 KiB  ███▍            2  –           –                           – │ size       59.6 KiB (61000 bytes)
    ▸      ▾ lodash/                                 59.6 KiB  ██              2  –           –                           – │ share      34 % of the layer
               lodash.js                             52.7 KiB  █▊              –  -rw-r--r--  2026-11-18 11:06          0:0 │ files      2
               lodash.min.js                          6.8 KiB  ▏               –  -rw-r--r--  2026-11-18 11:06          0:0 │ The layer has files in this folder and does not describe it.
           ▸ @swc/core-linux-x64-gnu/                11.7 KiB  ▍               1  –           –                           – │
           ▸ .bin/                                        0 B                  1  –           –                           – │
           package.json                                 300 B  ▏               –  -rw-r--r--  2026-11-18 11:06          0:0 │
       ▸ root/.npm/_cacache/index-v5/0a/              2.8 KiB  ▏               1  –           –                           – │
       ▸ var/cache/  − emptied first                     10 B  ▏               1  –           –                           – │
       ▸ etc/                                             0 B                − 1  –           –                           – │
    ");
}

#[test]
fn folders_fold_and_unfold() {
    let mut journey = npm(USUAL);
    journey.press("enter j l j y");
    assert_eq!(journey.copied(), Some("app/node_modules/esbuild"));
    journey.press("l j y");
    assert_eq!(journey.copied(), Some("app/node_modules/esbuild/bin"));
    journey.press("l j y");
    assert_eq!(
        journey.copied(),
        Some("app/node_modules/esbuild/bin/esbuild")
    );
    // To the folder of the file, and from a closed folder to its parent.
    journey.press("h y");
    assert_eq!(journey.copied(), Some("app/node_modules/esbuild/bin"));
    journey.press("h h h h y");
    assert_eq!(journey.copied(), Some("app/node_modules"));
    // A closed folder remembers its open subfolders.
    journey.press("h");
    journey.hides("lodash");
    journey.press("l");
    journey.shows("lodash");
}

#[test]
fn a_filter_shows_matching_files_with_their_folders() {
    let mut journey = npm(USUAL);
    journey.press("/");
    insta::assert_snapshot!(journey.line("node_modules"), @r" path~node_modules  path~\.map$  size>1M  age>30d  kind:symlink  or a part of a…");
    journey.press("'path~json$ enter");
    insta::assert_snapshot!(journey.screen(), @r"
     made › blobs › sha256:b044e768329b                9 files · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       layer sha256:b044e768329b · 179 KiB stored · changes unknown: no ref has it
       PATH                                                  SIZE▾ SHARE       FILES
    ▸  ▾ app/                                               420 B  ██████          2
           package.json                                     300 B  ████▎           –
         ▾ node_modules/esbuild/                            120 B  █▋              1
             package.json                                   120 B  █▋              –

    ────────────────────────────────────────────────────────────────────────────────
       app/

       kind       directory
       size       420 B (420 bytes)
       share      100 % of the files that match the filter
       files      2
       The layer has files in this folder and does not describe it.




    ───────────────────────────────────────────────────────────────────────── 1/4 ──
     420 B in 2 of 11 files · filter path~json$
     enter open  V view  x extract  / filter  s sort  space mark  i details
    ");
    // Folders can be folded, and open again with another filter.
    journey.press("h");
    journey.hides("package.json");
    journey.press("/ 'x enter");
    journey.shows("Nothing matches");
    journey.press("esc / 'sise>1 enter");
    insta::assert_snapshot!(journey.line("sise"), @" filter  sise>1");
    insta::assert_snapshot!(journey.line("fields"), @"   in names · fields: path size age kind");
    journey.press("esc /");
    journey.press("'size>50k enter");
    insta::assert_snapshot!(list(&journey), @r"
       PATH                                                  SIZE▾ SHARE       FILES
    ▸  ▾ app/node_modules/                                148 KiB  ██████          2
         ▾ esbuild/bin/                                  95.7 KiB  ███▊            1
             esbuild                                     95.7 KiB  ███▊            –
         ▾ lodash/                                       52.7 KiB  ██▏             1
             lodash.js                                   52.7 KiB  ██▏             –
    ");
    journey.press("esc");
    journey.shows("▸ root/.npm");
}

#[test]
fn sort_orders_apply_within_each_folder() {
    let mut journey = npm(USUAL);
    journey.press("l j l s k enter");
    insta::assert_snapshot!(list(&journey), @r"
       PATH▴                                                 SIZE  SHARE       FILES
       ▾ app/                                             167 KiB  █████▉          7
    ▸    ▾ node_modules/                                  167 KiB  █████▉          6
           ▸ .bin/                                            0 B                  1
           ▸ @swc/core-linux-x64-gnu/                    11.7 KiB  ▍               1
           ▸ esbuild/                                    95.8 KiB  ███▍            2
           ▸ lodash/                                     59.6 KiB  ██              2
           package.json                                     300 B  ▏               –
       ▸ etc/                                                 0 B                − 1
       ▸ root/.npm/_cacache/index-v5/0a/                  2.8 KiB  ▏               1
       ▸ var/cache/  − emptied first                         10 B  ▏               1
    ");
    journey.press("S");
    insta::assert_snapshot!(list(&journey), @r"
       PATH▾                                                 SIZE  SHARE       FILES
       ▸ var/cache/  − emptied first                         10 B  ▏               1
       ▸ root/.npm/_cacache/index-v5/0a/                  2.8 KiB  ▏               1
       ▸ etc/                                                 0 B                − 1
       ▾ app/                                             167 KiB  █████▉          7
           package.json                                     300 B  ▏               –
    ▸    ▾ node_modules/                                  167 KiB  █████▉          6
           ▸ lodash/                                     59.6 KiB  ██              2
           ▸ esbuild/                                    95.8 KiB  ███▍            2
           ▸ @swc/core-linux-x64-gnu/                    11.7 KiB  ▍               1
           ▸ .bin/                                            0 B                  1
    ");
}

#[test]
fn files_of_a_marked_folder_are_counted_once() {
    let mut journey = npm(USUAL);
    journey.press("l space space");
    insta::assert_snapshot!(journey.line("marked"), @" 170 KiB unpacked · 2 deleted from below · ✱ 2 marked, 167 KiB");
}

#[test]
fn a_blob_that_is_no_layer_shows_a_message() {
    let mut journey = orphan(b"{\"layers\": []}".to_vec(), SMALL);
    insta::assert_snapshot!(journey.screen(), @r"
     made › blobs › sha256:1b4f…   0 files · read-only · ? help
    ────────────────────────────────────────────────────────────
       layer sha256:1b4f42ea2721 · ! the blob is no layer: the…
       PATH                                         SIZE▾ SHARE

       ! the blob is no layer: there is no tar archive in it
       No ref uses this blob, so no build needs it.
       V shows how the blob begins





    ────────────────────────────────────────────────────────────
     0 B unpacked
     enter open  V view  x extract  / filter  s sort
    ");
    journey.press("q");
    journey.shows("› blobs");
}

#[test]
fn many_files_are_arranged_while_the_keys_answer() {
    let names: Vec<String> = (0..30_000)
        .map(|number| format!("d{}/f{number}", number % 3))
        .collect();
    let files = names
        .iter()
        .map(|name| (name.as_str(), File(number_of(name))));
    let mut journey = orphan(archive(files), USUAL);
    journey.shows("30,000 files");
    journey.press("enter j j l G y");
    assert_eq!(journey.copied(), Some("d2"));
    journey.press("g l / 'path~29999$ enter");
    insta::assert_snapshot!(list(&journey), @r"
       PATH                                                  SIZE▾ SHARE       FILES
    ▸  ▾ d2/                                                  1 B  ██████          1
           f29999                                             1 B  ██████          –
    ");
    journey.press("esc * g h");
    insta::assert_snapshot!(list(&journey), @r"
       PATH                                                  SIZE▾ SHARE       FILES
    ▸✱ ▸ d0/                                                 10 B  ██         10,000
     ✱ ▸ d1/                                                 10 B  ██         10,000
     ✱ ▸ d2/                                                 10 B  ██         10,000
    ");
}

/// Gives only some files a size, so that the archive stays small.
fn number_of(name: &str) -> usize {
    usize::from(name.ends_with("999"))
}

#[test]
fn paths_that_are_very_deep_are_one_row() {
    let path = "a/".repeat(2_000) + "file";
    let mut journey = orphan(archive([(path.as_str(), File(7))]), SMALL);
    insta::assert_snapshot!(list(&journey), @r"
       PATH                                         SIZE▾ SHARE
    ▸  ▾ …/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a       7 B  ██████
           file                                      7 B  ██████
    ");
    journey.press("h l j y");
    assert_eq!(journey.copied(), Some(path.as_str()));
}

const SCRIPT: &str = "#!/bin/sh\n\tset -e\n\u{1b}[31mecho\u{7} a line that is much longer than the popup is wide, so that it has to be broken somewhere between its words, twice at least\n";

/// A layer with a text, its other name, a program, a link and an empty file.
fn contents(size: (u16, u16)) -> Journey {
    let files = [
        (
            "bin/program",
            Bytes(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0"),
        ),
        ("entry.sh", Bytes(SCRIPT.as_bytes())),
        ("other.sh", Hard("entry.sh")),
        ("run", Link("entry.sh")),
        ("empty", File(0)),
        ("large.txt", File(200_000)),
        (".wh.gone", File(0)),
    ];
    orphan(archive(files), size)
}

#[test]
fn a_preview_shows_text_with_its_control_characters() {
    let mut journey = contents(SMALL);
    journey.press("/ 'entry.sh enter V");
    insta::assert_snapshot!(journey.screen(), @r"
     made › blobs › sha256:e6cd…   6 files · read-only · ? help
    ────────────────────────────────────────────────────────────
       layer sha256:e6cd71c759ef · 201 KiB stored · changes un…
    ╭ entry.sh ────────────────────────────────────────────────╮
    │ #!/bin/sh                                                │
    │     set -e                                               │
    │ ␛[31mecho␇ a line that is much longer than the popup is  │
    │ wide, so that it has to be broken somewhere between its  │
    │ words, twice at least                                    │
    ╰──────────────────────────────────────────────────────────╯
       size       152 B (152 bytes)
       share      100 % of the files that match the filter
       … tab scrolls, i shows all
    ───────────────────────────────────────────────────── 1/1 ──
     152 B in 1 of 7 files · filter entry.sh
     esc close
    ");
    journey.press("esc");
    journey.hides("#!/bin/sh");
    // A hard link has the content of its target.
    let mut journey = contents(USUAL);
    journey.press("/ 'other.sh enter enter");
    insta::assert_snapshot!(journey.screen(), @r"
     made › blobs › sha256:e6cd71c759ef                6 files · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       layer sha256:e6cd71c759ef · 201 KiB stored · changes unknown: no ref has it
       PATH                                                   SIZE▾ MODIFIED
    ▸    other.sh = entry.sh                                     –  2026-11-18 11:06

    ╭ other.sh ────────────────────────────────────────────────────────────────────╮
    │ #!/bin/sh                                                                    │
    │     set -e                                                                   │
    │ ␛[31mecho␇ a line that is much longer than the popup is wide, so that it has │
    │ to be broken somewhere between its words, twice at least                     │
    ╰──────────────────────────────────────────────────────────────────────────────╯
       modified   2026-11-18T11:06:40Z, 4d ago








    ───────────────────────────────────────────────────────────────────────── 1/1 ──
     0 B in 1 of 7 files · filter other.sh
     esc close
    ");
}

#[test]
fn a_preview_marks_binary_content_and_its_end() {
    let mut journey = contents(USUAL);
    journey.press("/ 'program enter j V");
    insta::assert_snapshot!(journey.line("0000"), @"│ 0000  7f 45 4c 46 02 01 01 00 00 00 00 00 00 00 00 00  .ELF............      │");
    journey.shows("This is no text");
    journey.press("esc / ctrl-u 'empty enter V");
    journey.shows("The file is empty");
    journey.press("esc / ctrl-u 'large enter V G");
    journey.shows("large.txt · more above");
    insta::assert_snapshot!(journey.line("There is more"), @"│ There is more: these are the first 64.0 KiB.                                 │");
    for (name, why) in [
        ("run", "a symbolic link to entry.sh has no content"),
        ("gone", "the layer deletes this path"),
    ] {
        journey.press(&format!("esc / ctrl-u 'path~{name}$ enter V"));
        journey.shows(why);
    }
    // The blob itself, if it is not a layer.
    let mut journey = orphan(b"{\"layers\": []}".to_vec(), USUAL);
    journey.press("V");
    journey.shows("{\"layers\": []}");
}

#[test]
fn a_file_is_extracted_to_the_path_that_is_asked_for() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = TempDir::new().unwrap();
    let target = folder.path().join("script");
    let mut journey = contents(USUAL);
    journey.press("/ 'entry.sh enter x enter");
    insta::assert_snapshot!(journey.screen(), @r"
     made › blobs › sha256:e6cd71c759ef                6 files · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       layer sha256:e6cd71c759ef · 201 KiB stored · changes unknown: no ref has it
       PATH                                           SIZE▾ SHARE   MODIFIED
    ▸    entry.sh                                    152 B  ██████  2026-11-18 11:06

    ────────╭ Write the file to ───────────────────────────────────────────╮────────
       entry│ ./                                                           │
            │                                                              │
       kind │ content  entry.sh                                            │
       size │ type a name; the file is yours, with mode 0644               │
       share╰──────────────────────────────────────────────────────────────╯
       mode       -rw-r--r-- 0644
       owner      0:0
       modified   2026-11-18T11:06:40Z, 4d ago






    ───────────────────────────────────────────────────────────────────────── 1/1 ──
     152 B in 1 of 7 files · filter entry.sh
     enter accept  esc cancel
    ");
    journey.press(&format!("ctrl-u '{} enter", target.display()));
    journey.shows("152 B written to");
    assert_eq!(fs::read_to_string(&target).unwrap(), SCRIPT);
    let mode = fs::metadata(&target).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
    // An existing file is replaced only after a question, and then completely.
    fs::write(&target, "mine").unwrap();
    let again = format!("x ctrl-u '{} enter", target.display());
    journey.press(&again);
    journey.shows("Replace it?");
    journey.press("n");
    assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
    journey.press(&again).press("y");
    assert_eq!(fs::read_to_string(&target).unwrap(), SCRIPT);
    // A link counts as an existing file, regardless of its target.
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(folder.path().join("nowhere"), &link).unwrap();
    journey.press(&format!("x ctrl-u '{} enter", link.display()));
    journey.shows("Replace it?");
    journey.press("n");
    let mut names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["link", "script"]);
}

#[test]
fn nothing_is_written_from_a_layer_that_is_damaged() {
    let layout = Fixture::named("shop").layout("local.json");
    let digest = "a1b79a3a68d3";
    let blobs = fs::read_dir(layout.path().join("blobs/sha256")).unwrap();
    let path = blobs
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with(digest)
        })
        .unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].fill(0);
    fs::remove_file(&path).unwrap();
    fs::write(&path, bytes).unwrap();
    let folder = TempDir::new().unwrap();
    let target = folder.path().join("server");
    let mut journey = Journey::new(vec![local("./cache", layout.path())], LARGE);
    journey.press("b / 'digest:a1b79a3a enter enter");
    journey.press(&format!("G x ctrl-u '{} enter", target.display()));
    journey.shows("was not written");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_file_is_extracted_after_its_screen_is_left() {
    let folder = TempDir::new().unwrap();
    let target = folder.path().join("script");
    let mut journey = contents(USUAL);
    let prompt = format!("/ 'entry.sh enter x ctrl-u '{}", target.display());
    journey.press(&prompt).press_at_once("enter q q");
    journey.shows("152 B written to");
    assert_eq!(fs::read_to_string(&target).unwrap(), SCRIPT);
    // The question about an existing file does not need the screen either.
    fs::write(&target, "mine").unwrap();
    let prompt = format!("b enter / 'entry.sh enter x ctrl-u '{}", target.display());
    journey.press(&prompt).press_at_once("enter q q");
    journey.shows("Replace it?");
    journey.press("y");
    assert_eq!(fs::read_to_string(&target).unwrap(), SCRIPT);
}

#[test]
fn an_extraction_that_is_stopped_in_the_list_of_jobs_reports_how_it_ended() {
    let folder = TempDir::new().unwrap();
    let target = folder.path().join("script");
    let mut journey = contents(USUAL);
    let prompt = format!("/ 'entry.sh enter x ctrl-u '{}", target.display());
    journey.press(&prompt).press_at_once("enter q J x");
    // The job may have ended before the key.
    journey.shows(if target.exists() {
        "written to"
    } else {
        "was not written"
    });
    journey.shows("Nothing is at work.");
}
