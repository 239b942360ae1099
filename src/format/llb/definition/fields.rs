//! The known fields of operations, by their numbers in `solver/pb/ops.proto`.

/// A message: its plain fields, and its fields that are messages.
struct MessageFields {
    plain: &'static [u64],
    messages: &'static [(u64, &'static MessageFields)],
}

/// Declares a message.
macro_rules! message {
    ($name:ident { $($plain:literal),* $(; $($field:literal => $inner:ident),*)? }) => {
        static $name: MessageFields = MessageFields { plain: &[$($plain),*], messages: &[$($(($field, &$inner)),*)?] };
    };
}

message!(OP { 11; 1 => INPUT, 2 => EXEC, 3 => SOURCE, 4 => FILE, 5 => BUILD, 6 => MERGE, 7 => DIFF, 10 => PLATFORM });
message!(INPUT { 1, 2 });
message!(PLATFORM { 1, 2, 3, 4, 5 });
message!(EXEC { 3, 4; 1 => META, 2 => MOUNT, 5 => SECRET_ENV, 6 => DEVICE });
message!(META { 1, 2, 3, 4, 5, 7, 10, 11, 12; 6 => HOST, 9 => ULIMIT });
message!(HOST { 1, 2 });
message!(ULIMIT { 1, 2, 3 });
message!(SECRET_ENV { 1, 2, 3 });
message!(DEVICE { 1, 2 });
message!(MOUNT { 1, 2, 3, 4, 5, 6, 23, 24; 19 => TMPFS, 20 => CACHE, 21 => SECRET, 22 => SECRET });
message!(TMPFS { 1 });
message!(CACHE { 1, 2 });
message!(SECRET { 1, 2, 3, 4, 5 });
message!(SOURCE { 1, 2 });
message!(BUILD { 1, 2, 3, 4 });
message!(FILE { ; 2 => ACTION });
message!(ACTION { 1, 2, 3; 4 => COPY, 5 => MAKE_FILE, 6 => MAKE_DIR, 7 => REMOVE, 8 => SYMLINK });
message!(COPY { 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16; 3 => OWNER });
message!(MAKE_FILE { 1, 2, 3, 5; 4 => OWNER });
message!(MAKE_DIR { 1, 2, 3, 5; 4 => OWNER });
message!(REMOVE { 1, 2, 3 });
message!(SYMLINK { 1, 2, 4; 3 => OWNER });
message!(OWNER { ; 1 => USER, 2 => USER });
message!(USER { 2; 1 => NAMED_USER });
message!(NAMED_USER { 1, 2 });
message!(MERGE { ; 1 => PLACE });
message!(DIFF { ; 1 => PLACE, 2 => PLACE });
message!(PLACE { 1 });

/// Returns whether an operation holds only known fields.
pub(super) fn are_known(op: &[u8]) -> bool {
    let mut rest = vec![(&OP, op)];
    while let Some((message, mut bytes)) = rest.pop() {
        while !bytes.is_empty() {
            let Some((number, content)) = field(&mut bytes) else {
                return false;
            };
            match message.messages.iter().find(|(known, _)| *known == number) {
                Some((_, inner)) => match content {
                    Some(content) => rest.push((inner, content)),
                    None => return false,
                },
                None if message.plain.contains(&number) => {}
                None => return false,
            }
        }
    }
    true
}

/// Reads a field: its number, and its content if it has a length.
fn field<'a>(bytes: &mut &'a [u8]) -> Option<(u64, Option<&'a [u8]>)> {
    let tag = number(bytes)?;
    let mut take = |length: usize| {
        let (content, after) = bytes.split_at_checked(length)?;
        *bytes = after;
        Some(content)
    };
    let content = match tag & 7 {
        0 => {
            number(bytes)?;
            None
        }
        1 => {
            take(8)?;
            None
        }
        2 => {
            let length = usize::try_from(number(bytes)?).ok()?;
            let (content, after) = bytes.split_at_checked(length)?;
            *bytes = after;
            Some(content)
        }
        5 => {
            take(4)?;
            None
        }
        _ => return None,
    };
    Some((tag >> 3, content))
}

fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = bytes.split_first()?;
        *bytes = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}
