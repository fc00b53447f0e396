//! Puts rules so that the engine evaluates what the specification says, where the two differ: `base64offset` searches
//! only for what every neighbour of the text leaves as it is, keywords with `all` may stand anywhere in a value, and a
//! `temporal` correlation without a condition wants all its rules.

use data_encoding::BASE64;
use rsigma_parser::{
    ConditionOperator, CorrelationCondition, CorrelationRule, CorrelationType, Detection,
    DetectionItem, Detections, Modifier, SigmaString, SigmaValue,
};

/// Puts the detections of a rule right.
///
/// # Errors
/// What cannot be put right.
pub(crate) fn detections(detections: &mut Detections) -> Result<(), String> {
    detections.named.values_mut().try_for_each(detection)
}

fn detection(of: &mut Detection) -> Result<(), String> {
    match of {
        Detection::AllOf(items) => items.iter_mut().try_for_each(item),
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter_mut().try_for_each(detection),
        Detection::Conditional { named, .. } => named.values_mut().try_for_each(detection),
        Detection::Keywords(_) | Detection::ArrayMatch { .. } => Ok(()),
    }
}

fn item(item: &mut DetectionItem) -> Result<(), String> {
    if item.field.has_modifier(Modifier::Base64Offset) {
        return offsets(item);
    }
    const OWN: [Modifier; 4] =
        [Modifier::Contains, Modifier::StartsWith, Modifier::EndsWith, Modifier::Re];
    if item.field.is_keyword() && !OWN.iter().any(|own| item.field.has_modifier(*own)) {
        item.field.modifiers.push(Modifier::Contains);
    }
    Ok(())
}

/// Writes the values of a `base64offset` as the texts that it stands for.
fn offsets(item: &mut DetectionItem) -> Result<(), String> {
    let has = |modifier| item.field.has_modifier(modifier);
    if has(Modifier::All) && item.values.len() > 1 {
        return Err("`base64offset` together with `all` is not supported".to_owned());
    }
    let mut values = Vec::new();
    for value in &item.values {
        let SigmaValue::String(text) = value else {
            return Err("`base64offset` wants a text".to_owned());
        };
        let text = text.as_plain().ok_or("`base64offset` wants a text without wildcards")?;
        let bytes = if has(Modifier::Wide) {
            wide(&text, u16::to_le_bytes)
        } else if has(Modifier::Utf16be) {
            wide(&text, u16::to_be_bytes)
        } else if has(Modifier::Utf16) {
            [vec![0xff, 0xfe], wide(&text, u16::to_le_bytes)].concat()
        } else {
            text.into_bytes()
        };
        values.extend(stable(&bytes).map(|text| SigmaValue::String(SigmaString::new(&text))));
    }
    item.values = values;
    item.field.modifiers = vec![Modifier::Contains, Modifier::Cased];
    Ok(())
}

fn wide(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

/// The Base64 of `bytes` at each of the three places it can have in a longer text, without the characters that its
/// neighbours decide too.
fn stable(bytes: &[u8]) -> impl Iterator<Item = String> {
    [0_usize, 2, 3].into_iter().enumerate().filter_map(move |(offset, start)| {
        let whole = BASE64.encode(&[vec![0; offset], bytes.to_vec()].concat());
        // A last group of one byte leaves no character that is its own but the first, one of two bytes the second.
        let cut = [0, 3, 2].get((bytes.len() + offset) % 3)?;
        whole.get(start..whole.len().checked_sub(*cut)?).map(str::to_owned)
    })
}

/// Puts a correlation right.
pub(crate) fn correlation(rule: &mut CorrelationRule) {
    use CorrelationType::{Temporal, TemporalOrdered};
    let CorrelationCondition::Threshold { predicates, .. } = &mut rule.condition else { return };
    let unsaid = *predicates == [(ConditionOperator::Gte, 1)];
    if matches!(rule.correlation_type, Temporal | TemporalOrdered) && unsaid {
        *predicates = vec![(ConditionOperator::Gte, rule.rules.len() as u64)];
    }
}

#[cfg(test)]
mod tests {
    use super::stable;
    use data_encoding::BASE64;

    #[test]
    fn a_text_is_found_wherever_it_stands_in_what_is_encoded() {
        for wanted in ["curl", "http:", "http://", "/bin/sh"] {
            let texts: Vec<String> = stable(wanted.as_bytes()).collect();
            for before in ["", "a", "ab", "abc", "abcd"] {
                for after in ["", "x", "xy", "xyz"] {
                    let encoded = BASE64.encode(format!("{before}{wanted}{after}").as_bytes());
                    assert!(
                        texts.iter().any(|text| encoded.contains(text)),
                        "{encoded}: {texts:?}"
                    );
                }
            }
            assert!(!texts.iter().any(|text| BASE64.encode(b"an innocent text").contains(text)));
        }
    }
}
