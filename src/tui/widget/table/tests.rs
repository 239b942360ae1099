use super::*;

fn column(min: u16, max: u16, rank: u8) -> Column {
    Column {
        title: "",
        align: Align::Left,
        min,
        max,
        rank,
        sort: Sortable::No,
    }
}

#[test]
fn columns_are_hidden_by_rank() {
    let columns = [
        column(10, 20, 0),
        column(5, 5, 1),
        column(5, 5, 3),
        column(8, 40, 2),
    ];
    let cases = [
        (100, vec![Some(20), Some(5), Some(5), Some(40)]),
        (50, vec![Some(18), Some(5), Some(5), Some(16)]),
        (34, vec![Some(10), Some(5), Some(5), Some(8)]),
        (33, vec![Some(13), Some(5), None, Some(11)]),
        (20, vec![Some(13), Some(5), None, None]),
        (12, vec![Some(12), None, None, None]),
        (4, vec![Some(10), None, None, None]),
    ];
    for (room, expected) in cases {
        assert_eq!(
            widths(&columns, &[0; 4], &[false; 4], 0, room),
            expected,
            "{room}"
        );
    }
}

#[test]
fn identity_columns_are_hidden_last_and_constant_columns_first() {
    let columns = [
        column(10, 60, 0),
        column(8, 8, 1),
        column(8, 8, 3),
        column(8, 8, 4),
    ];
    let cases = [
        // All columns fit, even if the name needs little space.
        (10, [false; 4], 60, 0, [Some(30), Some(8), Some(8), Some(8)]),
        // A long name replaces the least important column, up to half of the space.
        (40, [false; 4], 50, 0, [Some(30), Some(8), Some(8), None]),
        (
            40,
            [false, true, true, false],
            50,
            0,
            [Some(30), Some(8), None, Some(8)],
        ),
        // Where rows look the same in half of it, more columns go.
        (40, [false; 4], 60, 40, [Some(40), Some(8), Some(8), None]),
        (40, [false; 4], 50, 35, [Some(40), Some(8), None, None]),
        // Important columns stay, however long the name is.
        (60, [true; 4], 34, 0, [Some(24), Some(8), None, None]),
        (60, [true; 4], 34, 60, [Some(24), Some(8), None, None]),
    ];
    for (need, alike, room, identity, expected) in cases {
        assert_eq!(
            widths(&columns, &[need, 8, 8, 8], &alike, identity, room),
            expected,
            "{need} {alike:?} {room}"
        );
    }
}

#[test]
fn a_path_has_half_of_the_room_before_others_have_more() {
    let path = Column {
        align: Align::Path,
        ..column(14, 60, 0)
    };
    let columns = [path, column(8, 8, 1), column(9, 40, 2)];
    for (needs, identity, room, expected) in [
        ([40, 8, 30], 0, 80, [40, 8, 28]),
        ([70, 8, 30], 0, 80, [50, 8, 18]),
        ([70, 8, 30], 55, 80, [57, 8, 11]),
        ([20, 8, 30], 0, 80, [29, 8, 39]),
        ([40, 8, 30], 0, 40, [19, 8, 9]),
    ] {
        let widths = widths(&columns, &needs, &[false; 3], identity, room);
        assert_eq!(widths, expected.map(Some), "{needs:?} {room}");
    }
}

#[test]
fn cut_columns_get_free_room_first() {
    let columns = [column(10, 60, 0), column(5, 5, 1), column(8, 40, 2)];
    let cases = [
        ([50, 5, 8], 70, [52, 5, 9]),
        ([50, 5, 8], 40, [23, 5, 8]),
        ([50, 5, 40], 40, [17, 5, 14]),
        ([10, 5, 40], 60, [11, 5, 40]),
    ];
    for (needs, room, expected) in cases {
        assert_eq!(
            widths(&columns, &needs, &[false; 3], 0, room),
            expected.map(Some),
            "{needs:?} {room}"
        );
    }
}
