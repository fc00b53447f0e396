//! Tests that keep their value, as 3.12 on compiles them: [`join`].
//!
//! `COPY 1`, a jump and `POP_TOP` stand for the older jump that keeps the value where it goes and drops it
//! otherwise. Where the jump goes to the `POP_TOP` of another such test, its value is dropped there, too.

use super::normal::Ins;
use std::collections::BTreeSet;

/// How often tests are looked at again that another one disturbs; hostile code disturbs one at a time.
const ROUNDS: usize = 20;

/// Where the three instructions of a test stand.
#[derive(Clone, Copy, Debug)]
struct Kept {
    copy: usize,
    jump: usize,
    pop: usize,
}

impl Kept {
    /// Whether a jump to `target` gets to the `POP_TOP` and to nothing before it.
    fn drops(&self, target: usize) -> bool {
        self.jump < target && target <= self.pop
    }

    /// Whether a jump to `target` gets between the instructions.
    fn holds(&self, target: usize) -> bool {
        self.copy < target && target <= self.pop
    }
}

/// Makes one instruction of each test that keeps its value.
pub(super) fn join(list: &mut [Ins]) {
    let mut found: Vec<Kept> = (0..list.len()).filter_map(|at| kept(list, at)).collect();
    for round in 0.. {
        if round == ROUNDS {
            return;
        }
        let jumps: BTreeSet<usize> = found.iter().map(|one| one.jump).collect();
        let disturbed: Vec<usize> = list
            .iter()
            .enumerate()
            .filter_map(|(from, ins)| Some((from, ins.target?)))
            .filter_map(|(from, target)| {
                let one = holder(&found, target)?;
                let fits = jumps.contains(&from) && one.drops(target);
                (!fits).then_some(one.copy)
            })
            .collect();
        if disturbed.is_empty() {
            break;
        }
        found.retain(|one| !disturbed.contains(&one.copy));
    }
    for one in &found {
        let target = list.get(one.jump).and_then(|ins| ins.target);
        let dropped = target.and_then(|target| holder(&found, target));
        let offset = list.get(one.copy).map_or(0, |ins| ins.offset);
        let name = list.get(one.jump).map_or("", |ins| ins.name);
        let keeps = if name == "IF_FALSE" { "IF_FALSE_OR_POP" } else { "IF_TRUE_OR_POP" };
        let name = if dropped.is_some() { name } else { keeps };
        for (index, name) in [(one.copy, "NOP"), (one.jump, name), (one.pop, "NOP")] {
            if let Some(ins) = list.get_mut(index) {
                ins.name = name;
                ins.offset = ins.offset.max(offset);
            }
        }
    }
}

/// The test that stands at `at`.
fn kept(list: &[Ins], at: usize) -> Option<Kept> {
    let behind = |at: usize| {
        let at = at.checked_add(1)?;
        list.get(at..)?.iter().position(|ins| ins.name != "NOP")?.checked_add(at)
    };
    let copies = list.get(at).is_some_and(|ins| (ins.name, ins.arg) == ("COPY", 1));
    let jump = if copies { behind(at)? } else { return None };
    let tests = matches!(list.get(jump)?.name, "IF_FALSE" | "IF_TRUE");
    let pop = behind(jump).filter(|_| tests)?;
    (list.get(pop)?.name == "POP_TOP").then_some(Kept { copy: at, jump, pop })
}

/// The test, of these in order, whose instructions `target` stands between.
fn holder(found: &[Kept], target: usize) -> Option<Kept> {
    let behind = found.partition_point(|one| one.copy < target);
    found.get(behind.checked_sub(1)?).copied().filter(|one| one.holds(target))
}
