use super::recipes::{Message, message};
use super::*;

/// Fields as `number=value@start+len`, then oddities.
fn read(bytes: &[u8]) -> Vec<String> {
    let mut budget = Budget::default();
    let mut walk = Walk::new(&mut budget);
    let mut out = Vec::new();
    each(Bytes::new(bytes), "m", &mut walk, |field, _| {
        let value = match field.value {
            Value::Varint(number) => number.to_string(),
            Value::Fixed64 => "L".to_owned(),
            Value::Fixed32(number) => format!("{number}I"),
            Value::Bytes(bytes) => format!("{:?}", text(bytes)),
            Value::Group => "group".to_owned(),
        };
        let again = if field.again { " again" } else { "" };
        out.push(format!(
            "{}={value}@{}+{}{again}",
            field.number, field.span.start, field.span.len
        ));
    });
    out.extend(walk.notes.oddities.iter().map(|odd| format!("{} {}", odd.kind.name(), odd.what)));
    out
}

#[test]
fn every_wire_type_is_read_with_its_bytes() {
    let bytes = [
        &b"\x08\x96\x01"[..],
        b"\x11\x01\0\0\0\0\0\0\0",
        b"\x1a\x02hi",
        b"\x23\x08\x01\x2b\x2c\x24",
        b"\x2d\x02\0\0\0",
        b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    ]
    .concat();
    let expected = [
        "1=150@0+3",
        "2=L@3+9",
        "3=\"hi\"@12+4",
        "4=group@16+6",
        "5=2I@22+5",
        "1=18446744073709551615@27+11 again",
    ];
    assert_eq!(read(&bytes), expected);
}

#[test]
fn what_is_no_field_is_told() {
    for (bytes, expected) in [
        (&b"\x0a\x05hi"[..], "impossible-length a field is said to have 5 bytes"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "impossible-length a field is said"),
        (b"\x08\x80", "truncated ends inside a field"),
        (b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "malformed a number of more than 64"),
        (b"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\0", "malformed a number of more than 64"),
        (b"\0\0", "malformed no field begins with 0x0"),
        (b"\x0f\0", "malformed no field begins with 0xf"),
        (b"\x24", "malformed no field begins with 0x24"),
        (b"\x23\x2c", "malformed no field begins with 0x2c"),
    ] {
        let found = read(bytes);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(expected), "{found:?}");
    }
    assert_eq!(read(&[0x23; 200]), ["malformed groups nest deeper than 100"]);
    assert_eq!(read(b""), [""; 0]);
}

#[test]
fn numbers_written_too_long_are_read_and_told() {
    let expected = ["1=1@0+4", "malformed a number is written longer than it has to be"];
    assert_eq!(read(b"\x08\x81\x80\0"), expected);
    assert_eq!(read(b"\x08\0"), ["1=0@0+2"]);
}

#[test]
fn packed_and_single_numbers_are_the_same() {
    assert_eq!(varints(Value::Varint(7), 9), [7]);
    assert_eq!(varints(Value::Bytes(Bytes::new(b"\x01\x96\x01\x02")), 9), [1, 150, 2]);
    assert_eq!(varints(Value::Bytes(Bytes::new(b"\x01\x02\x03")), 2), [1, 2]);
}

#[test]
fn messages_that_nest_without_end_and_budgets_that_do_end() {
    fn down(bytes: Bytes<'_>, walk: &mut Walk<'_>, reached: &mut u32) {
        each(bytes, "m", walk, |field, walk| {
            *reached += 1;
            if let Some(inner) = field.bytes() {
                down(inner, walk, reached);
            }
        });
    }
    let nested: Message = (0..300).fold(message(), |inner, _| message().child(1, &inner));
    let mut budget = Budget::default();
    let mut walk = Walk::new(&mut budget);
    let mut reached = 0;
    down(Bytes::new(&nested.0), &mut walk, &mut reached);
    assert_eq!((reached, walk.notes.gaps.len()), (100, 1));

    let limits = wb_core::Limits { steps: 3, ..wb_core::Limits::default() };
    let mut budget = Budget::new(limits);
    let mut walk = Walk::new(&mut budget);
    let mut count = 0;
    each(Bytes::new(b"\x08\0\x08\0\x08\0\x08\0"), "m", &mut walk, |_, _| count += 1);
    assert_eq!((count, walk.notes.gaps.len()), (3, 1));
}

#[test]
fn places_stay_short_however_deep_they_are() {
    assert_eq!(below("graph", "node[1]"), "graph.node[1]");
    let deep = (0..1_000).fold(String::new(), |place, _| below(&place, &"é".repeat(1_000)));
    assert!(deep.len() < 600, "{}", deep.len());
}
