//! Every export of every case, against the program or schema that its receivers check it with.

use crate::cases;
use serde_json::Value;
use wb_core::{ArtifactPath, Case, Licence, LicenceStanding};
use wb_report::export::{EXPORTS, Source, named};
use wb_testkit::{Run, Scratch, oracle};

fn all() -> [(&'static str, Case); 4] {
    [
        ("compromise", cases::compromise()),
        ("clean", cases::clean()),
        ("empty", cases::empty()),
        ("hostile", cases::hostile()),
    ]
}

fn export(case: &Case, name: &str) -> String {
    let tool = cases::tool();
    let source = Source { case, tool: &tool, rules: &[] };
    (named(name).expect("it is in the list").write)(&source)
}

/// Every case in one format, as one JSON list of strings.
fn every(name: &str) -> String {
    let texts: Vec<String> = all().iter().map(|(_, case)| export(case, name)).collect();
    serde_json::to_string(&texts).expect("strings are JSON")
}

#[test]
fn same_case_same_bytes_and_no_escape_sequences() {
    for (title, case) in all() {
        for format in EXPORTS {
            let text = export(&case, format.name);
            assert_eq!(text, export(&case, format.name), "{title} as {}", format.name);
            let stray = text.chars().find(|character| {
                !matches!(character, '\n' | '\r' | '\t')
                    && wb_report::escape::is_hostile(*character)
            });
            assert_eq!(stray, None, "{title} as {}", format.name);
        }
    }
}

#[test]
fn stix_is_accepted_by_the_validator_of_oasis() {
    oracle::accepts(
        &["stix2validator"],
        "
import json, sys
from stix2validator import validate_string, ValidationOptions
for document in json.load(sys.stdin):
    # Its warnings are preferences, the first that ids be random; errors are what the standard demands.
    for error in validate_string(document, ValidationOptions(version='2.1')).errors: print(str(error)[:400])
",
        &every("stix"),
    );
}

#[test]
fn a_stix_bundle_tells_the_whole_attack() {
    let bundle: Value = serde_json::from_str(&export(&cases::compromise(), "stix")).expect("JSON");
    let objects = bundle["objects"].as_array().expect("a list");
    let of = |kind: &'static str| objects.iter().filter(move |object| object["type"] == kind);
    for kind in [
        "identity",
        "report",
        "malware",
        "file",
        "attack-pattern",
        "indicator",
        "infrastructure",
        "observed-data",
        "network-traffic",
        "sighting",
        "course-of-action",
        "relationship",
        "note",
    ] {
        assert!(of(kind).count() > 0, "no {kind}");
    }
    let patterns: Vec<&str> = of("indicator").filter_map(|it| it["pattern"].as_str()).collect();
    assert!(patterns.contains(&"[domain-name:value = 'metrics-relay.example']"), "{patterns:?}");
    // The registry is ordinary traffic: nobody may be told to block it.
    assert!(!bundle.to_string().contains("registry.internal.example"));
    // References lead to objects of the bundle.
    for object in objects {
        for (key, value) in object.as_object().expect("an object") {
            let one = value.as_str().filter(|_| key.ends_with("_ref")).into_iter();
            let many = value.as_array().filter(|_| key.ends_with("_refs")).into_iter().flatten();
            for id in one.chain(many.filter_map(Value::as_str)) {
                assert!(objects.iter().any(|other| other["id"] == id), "{key} {id} leads nowhere");
            }
        }
    }
}

#[test]
fn misp_takes_the_event() {
    oracle::accepts(
        &["pymisp", "jsonschema"],
        "
import json, sys, pathlib, pymisp
from jsonschema import Draft4Validator
data = pathlib.Path(pymisp.__file__).parent / 'data'
types = json.loads((data / 'describeTypes.json').read_text())['result']['category_type_mappings']
schema = json.loads((data / 'schema-lax.json').read_text())
for document in json.load(sys.stdin):
    for error in Draft4Validator(schema).iter_errors(json.loads(document)):
        print('/'.join(map(str, error.absolute_path)), error.message[:300])
    event = pymisp.MISPEvent()
    event.load(document)
    for attribute in event.attributes + [a for o in event.objects for a in o.attributes]:
        if attribute.type not in types[attribute.category]:
            print(attribute.category, attribute.type)
    for item in event.objects:
        template = json.loads((data / 'misp-objects/objects' / item.name / 'definition.json').read_text())
        if (item.template_uuid, str(item.template_version)) != (template['uuid'], str(template['version'])):
            print(item.name, 'is made from another template')
        if not any(item.get_attributes_by_relation(name) for name in template['requiredOneOf']):
            print(item.name, 'lacks what its template requires')
        for attribute in item.attributes:
            known = template['attributes'].get(attribute.object_relation)
            if known is None or known['misp-attribute'] != attribute.type:
                print(item.name, attribute.object_relation, attribute.type)
",
        &every("misp"),
    );
}

/// Prints what is wrong with bills of materials.
const CYCLONEDX: &str = "
import json, sys
from cyclonedx.validation.json import JsonStrictValidator
from cyclonedx.schema import SchemaVersion
for document in json.load(sys.stdin):
    for version in (SchemaVersion.V1_6, SchemaVersion.V1_7):
        text = document.replace('\"specVersion\": \"1.6\"', f'\"specVersion\": \"{version.to_version()}\"')
        error = JsonStrictValidator(version).validate_str(text)
        if error: print(version, str(error)[:500])
";

#[test]
fn cyclonedx_follows_its_schema() {
    oracle::accepts(&["cyclonedx", "jsonschema"], CYCLONEDX, &every("cyclonedx"));
}

#[test]
fn a_bill_lists_models_packages_and_what_is_wrong_with_them() {
    let bill: Value =
        serde_json::from_str(&export(&cases::compromise(), "cyclonedx")).expect("JSON");
    let components = bill["components"].as_array().expect("a list");
    let live = components
        .iter()
        .find(|component| component["bom-ref"] == "models/live/triage.pt")
        .expect("the model");
    assert_eq!(live["type"], "machine-learning-model");
    assert_eq!(live["components"][0]["name"], "data.pkl");
    let first = &bill["vulnerabilities"][0];
    assert_eq!(first["analysis"]["state"], "exploitable");
    assert_eq!(first["affects"][0]["ref"], "models/live/triage.pt!/triage/data.pkl");
}

#[test]
fn a_bill_names_the_licences_that_models_state() {
    let mut case = cases::compromise();
    let path = ArtifactPath::from("models/live/triage.pt");
    let stated = |spdx: Option<&str>| Licence {
        written: "as written".to_owned(),
        spdx: spdx.map(str::to_owned),
        standing: LicenceStanding::Unknown,
        restricts: String::new(),
        place: "license".to_owned(),
        span: None,
    };
    let dossier = case.dossiers.entry(path.clone()).or_default();
    dossier.licences = vec![stated(Some("MIT")), stated(None)];
    let several = export(&case, "cyclonedx");
    case.dossiers.get_mut(&path).expect("it is there").licences = vec![stated(Some("MIT OR Zlib"))];
    let joined = export(&case, "cyclonedx");
    let licences = |text: &str| {
        let bill: Value = serde_json::from_str(text).expect("JSON");
        let components = bill["components"].as_array().expect("a list").clone();
        let one =
            components.into_iter().find(|one| one["bom-ref"] == path.as_str()).expect("the model");
        one["licenses"].clone()
    };
    assert_eq!(licences(&several)[0]["license"]["id"], "MIT");
    assert_eq!(licences(&several)[1]["license"]["name"], "as written");
    assert_eq!(licences(&joined)[0]["expression"], "MIT OR Zlib");
    let documents = serde_json::to_string(&[several, joined]).expect("strings are JSON");
    oracle::accepts(&["cyclonedx", "jsonschema"], CYCLONEDX, &documents);
}

/// The properties of a layer as the Navigator's description of file format 4.5 gives them.
const LAYER: &str = r#"{
  "type": "object", "additionalProperties": false, "required": ["name", "domain", "versions"],
  "properties": {
    "name": {"type": "string"}, "description": {"type": "string"}, "sorting": {"enum": [0, 1, 2, 3]},
    "domain": {"enum": ["enterprise-attack", "atlas-atlas"]},
    "versions": {"type": "object", "additionalProperties": false, "required": ["navigator", "layer"],
      "properties": {"attack": {"type": "string"}, "navigator": {"type": "string"}, "layer": {"const": "4.5"}}},
    "layout": {"type": "object", "additionalProperties": false, "properties": {
      "layout": {"enum": ["side", "flat", "mini"]}, "showID": {"type": "boolean"},
      "showName": {"type": "boolean"}, "expandedSubtechniques": {"enum": ["none", "all", "annotated"]}}},
    "techniques": {"type": "array", "items": {
      "type": "object", "additionalProperties": false, "required": ["techniqueID"],
      "properties": {
        "techniqueID": {"type": "string", "pattern": "^(AML\\.)?T[0-9]{4}(\\.[0-9]{3})?$"},
        "score": {"type": "number", "minimum": 0, "maximum": 100}, "comment": {"type": "string"},
        "enabled": {"type": "boolean"}, "showSubtechniques": {"type": "boolean"},
        "links": {"type": "array", "items": {"type": "object", "required": ["label", "url"],
          "properties": {"url": {"type": "string", "pattern": "^https://"}}}}}}},
    "gradient": {"type": "object", "additionalProperties": false, "required": ["colors", "minValue", "maxValue"],
      "properties": {"colors": {"type": "array", "minItems": 2, "items": {"pattern": "^#[0-9a-f]{6}$"}},
        "minValue": {"type": "number"}, "maxValue": {"type": "number"}}},
    "metadata": {"type": "array", "items": {"type": "object", "required": ["name", "value"],
      "properties": {"name": {"type": "string"}, "value": {"type": "string"}}}}}}"#;

#[test]
fn layers_follow_the_description_of_their_format() {
    let list = format!(r#"{{"type": "array", "items": {LAYER}}}"#);
    for name in ["attack-layer", "atlas-layer"] {
        let layers: Vec<String> = all().iter().map(|(_, case)| export(case, name)).collect();
        oracle::validate(&list, &format!("[{}]", layers.join(",")), None);
    }
    let layer: Value =
        serde_json::from_str(&export(&cases::compromise(), "atlas-layer")).expect("JSON");
    assert_eq!(layer["techniques"][0]["techniqueID"], "AML.T0011.000");
    assert_eq!(layer["techniques"][0]["score"], 100);
}

#[test]
fn policies_follow_the_schemas_of_kubernetes_and_cilium() {
    let policies = [
        ("network-policy", include_str!("../data/networkpolicy-v1.json")),
        ("cilium-policy", include_str!("../data/ciliumnetworkpolicy-v2.json")),
    ];
    for (name, schema) in policies {
        oracle::accepts(
            &["yaml", "jsonschema"],
            "
import ipaddress, json, sys, yaml
from jsonschema import FormatChecker
from jsonschema.validators import validator_for
schema, documents = json.load(sys.stdin)
checker = FormatChecker()
checker.checks('cidr', raises=ValueError)(lambda text: ipaddress.ip_network(text) is not None)
for document in documents:
    for policy in yaml.safe_load_all(document):
        for error in validator_for(schema)(schema, format_checker=checker).iter_errors(policy):
            print('/'.join(map(str, error.absolute_path)), error.message[:300])
        for rule in policy['spec'].get('egress', []):
            for peer in rule['to']:
                block = peer['ipBlock']
                for hole in block.get('except', []):
                    if not ipaddress.ip_network(hole).subnet_of(ipaddress.ip_network(block['cidr'])):
                        print(hole, 'is not in', block['cidr'])
",
            &format!("[{schema},{}]", every(name)),
        );
    }
    let cilium = export(&cases::compromise(), "cilium-policy");
    assert!(cilium.contains("- \"203.0.113.44/32\""), "{cilium}");
}

#[test]
fn rules_for_nftables_name_the_destinations_and_nothing_else() {
    let rules = export(&cases::compromise(), "nftables");
    assert!(rules.contains("elements = { 203.0.113.44 }"), "{rules}");
    assert!(rules.contains("#   metrics-relay.example"));
    assert!(!rules.contains("10.20.0."), "hosts of the house are not cut off: {rules}");
    let hostile = export(&cases::hostile(), "nftables");
    let commands = hostile.lines().filter(|line| !line.starts_with('#'));
    assert!(!commands.into_iter().any(|line| line.contains("calc")));
}

#[test]
fn a_quarantine_finds_copies_by_their_bytes_whatever_their_names() {
    if cfg!(not(unix)) {
        return;
    }
    let mut case = cases::compromise();
    let bytes = b"the bytes of the model".to_vec();
    let live = case.artifacts.iter_mut().find(|it| it.path.as_str() == "models/live/triage.pt");
    let live = live.expect("it is in the case");
    live.size = bytes.len() as u64;
    live.sha256 = Some(wb_core::Sha256(sha256(&bytes)));
    let scratch = Scratch::new()
        .with("host/a b'; echo owned #.bin", &bytes)
        .with("host/deep/copy", &bytes)
        .with("host/deep/same length", b"other bytes, same size")
        .with("quarantine.sh", export(&case, "quarantine").as_bytes());
    let run = |arguments: &[&str]| {
        let script = Run::of("sh").args(["quarantine.sh"]).args(arguments);
        script.inside(scratch.folder()).end()
    };
    let listed = run(&["host"]);
    listed.code(1).prints("host/deep/copy");
    assert_eq!(listed.out.lines().count(), 2, "{}", listed.out);
    run(&["host", "locked"]).code(1);
    run(&["host"]).code(0).quiet();
    assert!(scratch.folder().join("host/deep/same length").exists());
    run(&["nowhere"]).code(2);
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).into()
}

#[test]
fn no_cell_of_the_indicators_is_a_formula() {
    oracle::accepts(
        &["csv"],
        "
import csv, io, json, sys
for document in json.load(sys.stdin):
    rows = list(csv.reader(io.StringIO(document, newline='')))
    if {len(row) for row in rows} != {5}: print('rows of different lengths')
    for cell in (cell for row in rows for cell in row):
        if cell.strip()[:1] in '=+-@|%' and cell.strip(): print('formula:', cell[:80])
",
        &every("indicators"),
    );
    let table = export(&cases::compromise(), "indicators");
    assert!(
        table.contains("domain,metrics-relay.example,2026-06-02T16:20:21Z,2026-06-20T02:41:31Z,")
    );
}

#[test]
fn a_ticket_holds_no_markup_of_the_evidence() {
    oracle::accepts(
        &["markdown_it"],
        "
import json, sys
from markdown_it import MarkdownIt
reader = MarkdownIt('commonmark').enable(['table', 'strikethrough'])
for document in json.load(sys.stdin):
    for token in reader.parse(document):
        for part in [token] + (token.children or []):
            if part.type in ('link_open', 'image', 'html_inline', 'html_block', 's_open', 'em_open'):
                print(part.type, part.content[:80], part.attrs)
",
        &every("markdown"),
    );
    let ticket = export(&cases::compromise(), "markdown");
    for expected in [
        "# COMPROMISED \\(confidence high\\)",
        "| introduced | 2026-06-02 16:20:11 UTC | `logs/rollout.log:5` |",
        "nft add rule inet filter output ip daddr 203.0.113.44 drop",
        "REJECT models/staged/triage-next.keras",
    ] {
        assert!(ticket.contains(expected), "`{expected}` is not in:\n{ticket}");
    }
    assert!(!ticket.contains("on metrics-relay.example"), "hosts are defanged in prose");
}
