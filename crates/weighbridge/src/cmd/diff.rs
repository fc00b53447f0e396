//! `weighbridge diff`: two models compared.

use super::{Ended, Outcome};
use crate::cli::{Diff, TableFormat};
use crate::messages;
use crate::progress::Bar;
use crate::terminal::{Terminal, print};
use wb_engine::{Beside, Looked};
use wb_report::{json, text};

/// Compares two models; exit code 1 when they differ.
pub fn run(arguments: &Diff, terminal: Terminal) -> Ended {
    let looked = wb_engine::beside(&arguments.model, &arguments.baseline, &Bar::new())?;
    let found = match looked {
        Looked::Both(found) => found,
        Looked::Nothing(missing) => {
            messages::note(&format!("`{}` is no model that can be read", missing.display()));
            messages::hint("`weighbridge diff MODEL BASELINE` compares two models");
            return Ok(Outcome::NothingToLookAt);
        }
    };
    print(&match arguments.format {
        TableFormat::Text => {
            told(&found, text::Style { width: terminal.width, color: terminal.color })
        }
        TableFormat::Json => {
            let Beside { same_bytes, differences, weights } = &found;
            let diff = wb_report::Diff { same_bytes: *same_bytes, differences, weights };
            json::diff(&diff, &super::tool())
        }
    })?;
    Ok(if found.same_bytes { Outcome::NothingFound } else { Outcome::Findings })
}

/// What differs, as text.
fn told(found: &Beside, style: text::Style) -> String {
    let mut out = match (found.differences.is_empty(), found.same_bytes) {
        (true, true) => return "the files are the same, byte for byte\n".to_owned(),
        (true, false) => {
            "the bytes differ; layers, tensor names and shapes, imported names and metadata do not\n".to_owned()
        }
        _ => text::differences(&found.differences, &style),
    };
    for weights in &found.weights {
        out.push('\n');
        if found.weights.len() > 1 {
            out.push_str(&text::between(weights, &style));
        }
        out.push_str(&text::weights(weights, &style));
    }
    out
}
