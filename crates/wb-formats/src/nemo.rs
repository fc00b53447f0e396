//! NeMo models (`.nemo`): a tar archive, often compressed with gzip, with a configuration that is instantiated and
//! a checkpoint of PyTorch.
//!
//! Source: `SaveRestoreConnector` in `nemo/core/connectors/save_restore_connector.py` of `NVIDIA/NeMo`.

use crate::spanned_json::Json;
use crate::{Family, Reader, Request, tar, target, yaml};
use wb_core::{Budget, Bytes, Child, ChildData, Content, Span, Strength};

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
    tar::any_name(input, is_config).then_some(Strength::Strong)
}

/// Members are read as what they are: configurations, checkpoints, tokenizers.
fn parse(input: Bytes<'_>, request: &Request<'_>, budget: &mut Budget) -> Content {
    let mut content = tar::parse(input, request, budget);
    let configs: Vec<Span> = content.children.iter().filter(|child| is_config(&child.name)).filter_map(span).collect();
    for config in configs.into_iter().filter_map(|span| input.at_span(span)) {
        for document in yaml::documents(config, budget) {
            legacy(&document, "", &mut content);
        }
    }
    content
}

fn is_config(name: &str) -> bool {
    name.strip_prefix("./").unwrap_or(name) == CONFIG
}

fn span(child: &Child) -> Option<Span> {
    match child.data {
        ChildData::Span(span) => Some(span),
        ChildData::Owned(_) => None,
    }
}

/// What `Serialization.from_config_dict` imports and calls besides `_target_`, which any YAML is searched for: the
/// `target` of the whole configuration, and `cls` or `target` beside `params`. The reader bounds how deeply values nest.
fn legacy(json: &Json, path: &str, content: &mut Content) {
    const MOST: usize = 1_000;
    let whole = path.is_empty();
    let named = ["target", "cls"].iter().find_map(|key| Some((*key, json.get(key)?)));
    if let Some((key, target)) = named
        && (whole || json.get("params").is_some())
        && json.get("_target_").is_none()
        && let Some((module, name)) = target.text().and_then(|text| text.trim().rsplit_once('.'))
        && content.programs.len() < MOST
    {
        let place = if whole { format!("{CONFIG} {key}") } else { format!("{CONFIG} {path}.{key}") };
        content.programs.push(target::call_of(module, name, &place, target.span));
    }
    for (key, value) in json.entries() {
        legacy(value, &if whole { key.clone() } else { format!("{path}.{key}") }, content);
    }
    for (index, item) in json.items().iter().enumerate() {
        legacy(item, &format!("{path}[{index}]"), content);
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{children, claims, oddities, parse, python, survive};
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

    /// A model with that configuration, as Python writes it.
    fn model(config: &str) -> Option<Vec<u8>> {
        python(&format!(
            "import io,tarfile as t;b=io.BytesIO();f=t.open(fileobj=b,mode='w');i=t.TarInfo('model_config.yaml')\n\
             d={config:?}.encode();i.size=len(d);f.addfile(i,io.BytesIO(d));f.close();print(b.getvalue().hex())"
        ))
    }

    #[test]
    fn older_ways_to_name_a_class_are_calls_too() {
        let config = "target: os.system\nencoder:\n  cls: subprocess.Popen\n  params: {args: id}\nother:\n  target: os.popen\n";
        let Some(bytes) = model(config) else { return };
        let content = parse("nemo", &bytes);
        let all: Vec<String> = content.programs.iter().flat_map(calls).collect();
        assert_eq!(all, ["os.system", "subprocess.Popen"]);
        let places: Vec<&str> = content.programs.iter().map(|program| program.place.as_str()).collect();
        assert_eq!(places, ["model_config.yaml target", "model_config.yaml encoder.cls"]);
        let span = content.programs[0].span;
        assert_eq!(&bytes[span.start as usize..span.end() as usize], b"os.system");
        let real = parse("nemo", REAL);
        let all: Vec<String> = real.programs.iter().flat_map(calls).collect();
        assert_eq!(all, ["nemo.collections.asr.models.ctc_models.EncDecCTCModel"]);
    }

    #[test]
    fn damage_is_survived() {
        survive("nemo", &REAL[..1536]);
    }
}
