use super::*;
use crate::inventory::{Inventory, ScanProgress};
use crate::tui::effect::JobId;
use crate::tui::evidence::NamedEvidence;
use crate::tui::pruning::Deleting;
use crate::tui::world::SourceFacts;

#[test]
fn a_source_that_is_still_read_is_not_shown_as_empty() {
    let info = SourceFacts {
        label: "store".into(),
        kind: crate::source::StoreKind::Local,
        fault: None,
        is_search: false,
        select: None,
        deleting: Deleting::Allowed,
        evidence_of_refs: std::collections::BTreeMap::new(),
        is_copy: false,
        evidence: NamedEvidence::default(),
        is_waiting: false,
    };
    let found = |progress| {
        ScannedInventory::new(
            Inventory {
                progress,
                ..Inventory::default()
            },
            Timestamp::UNIX_EPOCH,
        )
    };
    let drawn = |scan, found| {
        let rows = SourceRows::new(
            [(
                SourceId(0),
                &SourceState {
                    info: info.clone(),
                    scan,
                    found,
                    since: Timestamp::UNIX_EPOCH,
                    policy_changed: false,
                    is_closed: false,
                },
            )]
            .into_iter(),
        );
        let text = |cell: Cell| cell.0.into_iter().map(|piece| piece.0).collect::<String>();
        let mut cells: Vec<String> = rows
            .cells(0, Timestamp::UNIX_EPOCH)
            .into_iter()
            .map(text)
            .collect();
        cells.truncate(7);
        (cells.split_off(2).join(" "), text(rows.below(0, 80)))
    };
    let running = || Scan::Running(JobId(1));
    assert_eq!(drawn(running(), None), ("… … … … …".into(), String::new()));
    assert_eq!(
        drawn(running(), Some(found(ScanProgress::Listing))),
        ("… … … … …".into(), "…".into())
    );
    assert_eq!(
        drawn(Scan::Done, Some(found(ScanProgress::Complete))),
        ("0 0 B – – –".into(), "nothing is stored".into())
    );
}
