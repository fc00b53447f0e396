//! What refers to pages: buckets of hash tables, the pages behind those, and the inner pages of trees. A page that is
//! not of the type that it is reached as would be read otherwise by the library.

use super::{Base, page};
use crate::notes::Notes;
use wb_core::{Budget, Bytes, OddityKind};

/// What a bucket or the page before it in a bucket may lead to.
const IN_BUCKET: &[u8] = &[page::HASH, page::HASH_UNSORTED];
/// What the root of a tree and its inner pages may lead to.
const IN_TREE: &[u8] = &[
    page::BTREE_INNER,
    page::NUMBERED_INNER,
    page::BTREE_LEAF,
    page::NUMBERED_LEAF,
    page::DUPLICATES,
];

/// Records pages that are reached as what they are not.
pub(super) fn check(base: Base<'_>, notes: &mut Notes, budget: &mut Budget) {
    for number in 0..base.count() {
        if budget.steps(1).is_err() {
            return notes.gap(None, "the budget of steps ran out");
        }
        let page = base.page(number);
        let place = format!("page {number}");
        let mut wrong = |what: String| {
            notes.odd(OddityKind::Malformed, &place, Some(page.head(26).span()), what.as_str());
            notes.gap(Some(page.span()), what);
        };
        let found = match base.page_type(number) {
            Some(page::HASH_META) => buckets(base, page, budget),
            Some(page::BTREE_META) => leads(base, base.u32(page, 88), IN_TREE).then_some(()).ok_or("the root"),
            Some(page::HASH | page::HASH_UNSORTED) => {
                let next = base.u32(page, 16);
                (next == 0 || leads(base, next, IN_BUCKET)).then_some(()).ok_or("the next page")
            }
            Some(page::BTREE_INNER) => inner(base, page, 4, budget),
            Some(page::NUMBERED_INNER) => inner(base, page, 0, budget),
            _ => Ok(()),
        };
        if let Err(what) = found {
            wrong(format!("{what} is not in the file, or is a page of another type"));
        }
    }
}

/// Whether the page of that number is of one of those types.
fn leads(base: Base<'_>, number: u32, types: &[u8]) -> bool {
    base.page_type(number).is_some_and(|kind| types.contains(&kind))
}

/// Buckets lie in groups that double; the header says how far each group is moved from the number of its buckets.
fn buckets(base: Base<'_>, meta: Bytes<'_>, budget: &mut Budget) -> Result<(), &'static str> {
    let most = base.u32(meta, 72);
    for bucket in 0..=most {
        budget.steps(1).map_err(|_| "a bucket")?;
        // The group of bucket 0 is 0, of bucket 1 is 1, of 2 and 3 is 2.
        let group = u32::BITS.saturating_sub(bucket.leading_zeros());
        let at = usize::try_from(group).ok().and_then(|group| group.checked_mul(4)?.checked_add(96));
        let moved = at.and_then(|at| base.order.u32(meta, at)).ok_or("a bucket")?;
        let number = bucket.checked_add(moved).filter(|number| *number < base.count()).ok_or("a bucket")?;
        // Pages of a group are there before they are used.
        let is_used = base.page_type(number).is_some();
        if is_used && !leads(base, number, IN_BUCKET) {
            return Err("a bucket");
        }
    }
    Ok(())
}

/// The pages below an inner page; `at` is where their numbers stand in an item.
fn inner(base: Base<'_>, page: Bytes<'_>, at: usize, budget: &mut Budget) -> Result<(), &'static str> {
    for index in 0..base.u16(page, 20) {
        budget.steps(1).map_err(|_| "a page below")?;
        let offset = base.overhead.saturating_add(index.saturating_mul(2));
        let item = page.from(base.u16(page, offset));
        if !leads(base, base.u32(item, at), IN_TREE) {
            return Err("a page below");
        }
    }
    Ok(())
}
