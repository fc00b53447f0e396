//! Deterministic damage for tests: parsers have to survive every mutation, quickly.

/// Calls `check` with `count` damaged copies of `whole`: truncations, flipped bits, overwritten and
/// repeated pieces, extreme numbers.
pub(crate) fn of(whole: &[u8], count: u64, mut check: impl FnMut(&[u8])) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below.max(1) as u64).expect("below a usize")
    };
    for _ in 0..count {
        let mut copy = whole.to_vec();
        for _ in 0..=next(3) {
            damage(&mut copy, &mut next);
        }
        check(&copy);
    }
}

fn damage(copy: &mut Vec<u8>, next: &mut impl FnMut(usize) -> usize) {
    if copy.is_empty() {
        return;
    }
    let at = next(copy.len());
    let extreme: &[u8] =
        [&[0xff; 8][..], &[0; 8], &[0x7f; 4], b"\xff\xff\xff\x7f", &[0x80]][next(5)];
    match next(6) {
        0 => copy.truncate(at),
        1 => copy[at] ^= 1 << next(8),
        2 => copy[at] = u8::try_from(next(256)).expect("below 256"),
        3 => {
            for (offset, byte) in extreme.iter().enumerate() {
                if let Some(target) = copy.get_mut(at + offset) {
                    *target = *byte;
                }
            }
        }
        4 => {
            let end = (at + next(64)).min(copy.len());
            let piece = copy[at..end].to_vec();
            copy.splice(at..at, piece);
        }
        _ => {
            let end = (at + next(64)).min(copy.len());
            copy.drain(at..end);
        }
    }
}
