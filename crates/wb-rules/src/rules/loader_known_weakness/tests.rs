use super::*;
use crate::examine::{Examined, judge};
use wb_core::{Artifact, Content, Origin};

fn recorded(format: &'static str, path: &str, version: &str) -> Examined {
    let artifact =
        Artifact { path: "model".into(), origin: Origin::File, size: 9, sha256: None, format: Some(format), claims: Vec::new() };
    let field = Field { path: path.to_owned(), value: version.to_owned(), span: None };
    judge(&artifact, &Content { fields: vec![field], ..Content::default() }, Vec::new())
}

#[test]
fn versions_are_ordered_as_they_were_released() {
    let ordered = ["0", "0.24.dev0", "0.24", "2.9", "2.13.0", "3.0.0a1", "3.0.0rc3", "3.0.0", "3.11.3"];
    let versions = ordered.map(|text| read(text).expect(text));
    assert!(versions.windows(2).all(|pair| pair[0] < pair[1]), "{versions:?}");
    assert_eq!(read("2.1.0+cu118"), read("2.1"));
    assert_eq!(read("2.1.0.post1"), read("2.1.0"));
    assert_eq!((read("main"), read("")), (None, None));
}

#[test]
fn every_row_has_a_range_and_a_place_where_its_package_is_recorded() {
    for row in &table().weakness {
        assert!(read(&row.first) < read(&row.fixed), "{row:?}");
        assert!(row.cve.starts_with("CVE-") && !row._source.is_empty(), "{row:?}");
        assert!(table().recorded.iter().any(|one| one.package == row.package), "{row:?}");
    }
}

#[test]
fn an_old_version_is_told_with_the_one_that_is_safe_and_makes_nothing_suspicious() {
    let old = recorded("keras", "metadata.keras_version", "3.5.0");
    let [finding] = old.findings.as_slice() else { panic!("{:?}", old.findings) };
    assert_eq!((finding.rule, finding.severity, old.verdict), ("loader-known-weakness", Severity::Info, Verdict::Clean));
    assert!(finding.headline.contains("`keras` 3.5.0") && finding.headline.ends_with("3.14.1 is the first without that"));
    assert!(finding.headline.contains("CVE-2025-1550") && !finding.headline.contains("CVE-2025-9905"));
    let h5 = recorded("keras-h5", "keras_version", "3.11.2");
    assert!(h5.findings[0].headline.contains("CVE-2025-9905"));
    let graph = recorded("saved-model", "meta_graphs[0].meta_info_def.tensorflow_version", "2.6.1");
    assert!(graph.findings[0].headline.ends_with("2.6.3 is the first without that"));
}

#[test]
fn versions_that_are_safe_or_say_nothing_are_ordinary() {
    for (format, path, version) in [
        ("keras", "metadata.keras_version", "3.14.1"),
        ("keras-h5", "keras_version", "2.15.0"),
        ("json", "transformers_version", "5.3.0"),
        ("json", "transformers_version", "4.45.2"),
        ("json", "version", "4.1.0"),
        ("json", "keras_version", "3.5.0"),
        ("saved-model", "meta_graphs[0].meta_info_def.tensorflow_version", "2.15.0"),
        ("skops", "_skops_version", "0.12.0"),
        ("yaml", "mlflow_version", "unknown"),
    ] {
        assert!(recorded(format, path, version).findings.is_empty(), "{format} {path} {version}");
    }
}
