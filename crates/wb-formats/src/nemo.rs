//! NeMo models (`.nemo`): a tar archive, often compressed with gzip, with a configuration that is instantiated and
//! a checkpoint of PyTorch.
//!
//! Source: `SaveRestoreConnector` in `nemo/core/connectors/save_restore_connector.py` of `NVIDIA/NeMo`.

use crate::{Family, Reader, Request, tar};
use wb_core::{Budget, Bytes, Content, Strength};

pub(crate) const FORMAT: Reader = Reader {
    title: "NeMo model",
    endings: &[".nemo"],
    family: Family::Model,
    refines: &["tar"],
    identify,
    parse,
    named: None,
};

/// The member that `restore_from` reads first; every target in it is imported and called (CVE-2025-23304).
const CONFIG: &str = "model_config.yaml";

fn identify(input: Bytes<'_>) -> Option<Strength> {
    (tar::FORMAT.identify)(input)?;
    let is_config = |name: &str| name.strip_prefix("./").unwrap_or(name) == CONFIG;
    tar::any_name(input, is_config).then_some(Strength::Strong)
}

/// Members are read as what they are: configurations, checkpoints, tokenizers.
fn parse(input: Bytes<'_>, request: &Request<'_>, budget: &mut Budget) -> Content {
    tar::parse(input, request, budget)
}

#[cfg(test)]
mod tests {
    use crate::testing::{children, claims, oddities, parse, survive};
    use wb_core::{OpKind, Program};

    /// Written by `tests/data/make_nemo.py`, laid out as `SaveRestoreConnector` lays it out.
    const REAL: &[u8] = include_bytes!("../tests/data/model.nemo");

    fn calls(program: &Program) -> Vec<String> {
        let import = |kind: &OpKind| match kind {
            OpKind::Import { module, name } => Some(format!("{module}.{name}")),
            _ => None,
        };
        program.ops.iter().filter_map(|op| import(&op.kind)).collect()
    }

    #[test]
    fn an_archive_with_the_configuration_is_a_model() {
        assert!(claims(REAL).starts_with("nemo "));
        let content = parse("nemo", REAL);
        assert_eq!(oddities(&content), Vec::<String>::new());
        let names: Vec<&str> = children(REAL, &content).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["./model_config.yaml", "./model_weights.ckpt", "./tokenizer.model"]);
    }

    #[test]
    fn a_configuration_of_another_name_makes_no_model() {
        let mut other = REAL.to_vec();
        let at = other.windows(12).position(|at| at == b"model_config").expect("the name");
        // Two letters change places, which the checksum of the header does not tell.
        other.swap(at, at + 1);
        assert!(claims(&other).starts_with("tar"));
    }

    #[test]
    fn targets_are_found_in_lists_of_lists() {
        let text = b"sets:\n- - - _target_: os.system\n      _args_: [id]\nplain:\n  _target_: torch.nn.Linear\n  inner: [[{_target_: os.popen}]]\n";
        let content = parse("yaml", text);
        let all: Vec<String> = content.programs.iter().flat_map(calls).collect();
        assert_eq!(all, ["os.system", "torch.nn.Linear", "os.popen"]);
        assert_eq!(content.programs[0].place, "sets[0][0][0]");
    }

    #[test]
    fn damage_is_survived() {
        survive("nemo", &REAL[..1536]);
    }
}
