//! Builtin functions over sequences of known values: `enumerate`, `zip`, `range`, `len`, `itertools.cycle`.

use super::repeat::{MAX_ELEMENTS, elements};
use super::value::Value;
use wb_core::{Collection, Constant};

/// The value of `canonical(arguments)` when it is such a function and its arguments are known.
pub(super) fn function(canonical: &str, arguments: &[Value]) -> Option<Value> {
    let first = arguments.first()?;
    match canonical {
        "builtins.len" => Some(int(i64::try_from(elements(first)?.len()).ok()?)),
        "builtins.range" | "builtins.xrange" => range(arguments),
        "builtins.enumerate" => {
            let start = arguments.get(1).and_then(Value::as_int).unwrap_or(0);
            let numbers = (start..).map(int);
            Some(list(
                numbers.zip(elements(first)?).map(|(number, item)| tuple(vec![number, item])),
            ))
        }
        "builtins.zip" | "itertools.izip" => zip(arguments),
        // As often as anything is iterated here.
        "itertools.cycle" => {
            let items = elements(first).filter(|items| !items.is_empty())?;
            Some(list(items.into_iter().cycle().take(MAX_ELEMENTS)))
        }
        _ => None,
    }
}

fn int(value: i64) -> Value {
    Value::constant(Constant::Int(value))
}

fn tuple(items: Vec<Value>) -> Value {
    Value::collection(Collection::Tuple, items)
}

fn list(items: impl Iterator<Item = Value>) -> Value {
    Value::collection(Collection::List, items.collect())
}

fn range(arguments: &[Value]) -> Option<Value> {
    let bounds: Option<Vec<i64>> = arguments.iter().map(Value::as_int).collect();
    let (start, stop, step) = match *bounds?.as_slice() {
        [stop] => (0, stop, 1),
        [start, stop] => (start, stop, 1),
        [start, stop, step] if step != 0 => (start, stop, step),
        _ => return None,
    };
    let mut numbers = Vec::new();
    let mut at = start;
    while (step > 0 && at < stop) || (step < 0 && at > stop) {
        if numbers.len() >= MAX_ELEMENTS {
            return None;
        }
        numbers.push(int(at));
        at = at.checked_add(step)?;
    }
    Some(list(numbers.into_iter()))
}

fn zip(arguments: &[Value]) -> Option<Value> {
    let columns: Option<Vec<Vec<Value>>> = arguments.iter().map(elements).collect();
    let columns = columns?;
    let rows = columns.iter().map(Vec::len).min()?;
    let row = |index: usize| {
        let items = columns.iter().filter_map(|column| column.get(index).cloned());
        tuple(items.collect())
    };
    Some(list((0..rows).map(row)))
}
