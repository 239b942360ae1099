//! The program as a whole.

use crate::support::command::Sandbox;

#[test]
fn helps_without_complaint() {
    let run = Sandbox::new().run(&["--help"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{}", run.stdout);
}
