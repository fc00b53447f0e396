//! Python pickles as files: `.pkl`, `.joblib`, `.dill`, and PyTorch files without a zip around them.

use crate::{Family, Reader, Request};
use wb_code::pickle::{self, Detail};
use wb_core::{Budget, Bytes, Content, Strength, Trigger};

pub(crate) const FORMAT: Reader = Reader {
    title: "Python pickle: pickle, joblib, dill, cloudpickle",
    endings: &[".pkl", ".pickle", ".joblib", ".dill", ".p", ".sav"],
    family: Family::Model,
    refines: &[],
    identify,
    parse,
    named: None,
};

fn identify(input: Bytes<'_>) -> Option<Strength> {
    pickle::is_pickle(input).then_some(Strength::Strong)
}

fn parse(input: Bytes<'_>, _request: &Request<'_>, budget: &mut Budget) -> Content {
    let lifted = pickle::lift(input, Trigger::Load, Detail::Effects, budget);
    Content {
        programs: lifted.programs,
        texts: lifted.texts,
        oddities: lifted.oddities,
        gaps: lifted.gaps,
        ..Content::default()
    }
}
