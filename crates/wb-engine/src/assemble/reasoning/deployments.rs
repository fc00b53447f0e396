//! Deployments side by side: what is on record about each, and what is not though it should be.
//!
//! A deployment that says less than earlier ones of the same model is the trace of a change that went round
//! the process. What is not on record may still have happened: rows speak of the supplied evidence.

use crate::assemble::lifecycle::{Deployment, Lifecycle};
use std::collections::BTreeMap;
use wb_core::{Attribute, DeploymentRow, Said};

/// One row for each deployment and change, in time order. `introducing` is the one that brought the
/// compromise in.
pub fn rows(lifecycle: &Lifecycle<'_>, introducing: Option<&Deployment<'_>>) -> Vec<DeploymentRow> {
    let mut rows: Vec<DeploymentRow> = Vec::new();
    let mut earlier: Vec<&Deployment<'_>> = Vec::new();
    for deployment in &lifecycle.deployments {
        let introduced = introducing.is_some_and(|it| std::ptr::eq(it, deployment));
        let (Some(kind), Some(began), Some(first)) =
            (kind_of(deployment, introduced), deployment.began(), deployment.events.first())
        else {
            continue;
        };
        let said = said(deployment);
        let lacks = Attribute::ALL
            .into_iter()
            .filter(|attribute| !said.contains_key(attribute))
            .filter(|attribute| {
                (!matches!(kind, LOAD | FETCH) || introduced)
                    && (attribute.is_expected()
                        || last_with(*attribute, deployment, &earlier).is_some())
            })
            .collect();
        rows.push(DeploymentRow {
            began,
            record: first.record.clone(),
            kind,
            files: deployment.files().into_iter().map(str::to_owned).collect(),
            said,
            lacks,
            introduced,
        });
        if deployment.serves() {
            earlier.push(deployment);
        }
    }
    rows
}

/// The last of `earlier` that may be of the same model and says something about `attribute`.
fn last_with<'a, 'b>(
    attribute: Attribute,
    deployment: &Deployment<'_>,
    earlier: &[&'a Deployment<'b>],
) -> Option<&'a Deployment<'b>> {
    let had = |other: &&&Deployment<'_>| {
        other.said(attribute).is_some() && other.may_be_of_model_in(deployment)
    };
    earlier.iter().rev().find(had).copied()
}

const LOAD: &str = "load";
const FETCH: &str = "fetch";

/// What a group of records is: a load by itself orders and changes nothing. `None` when it is neither, such
/// as a line that only names a source.
fn kind_of(deployment: &Deployment<'_>, introduced: bool) -> Option<&'static str> {
    if deployment.is_ordered() {
        Some("deployment")
    } else if deployment.is_change() {
        Some("change")
    } else if deployment.serves() || introduced {
        Some(LOAD)
    } else if deployment.fetches() {
        Some(FETCH)
    } else {
        None
    }
}

fn said(deployment: &Deployment<'_>) -> BTreeMap<Attribute, Said> {
    let values = Attribute::ALL.into_iter().filter_map(|attribute| {
        let (value, event) = deployment.said(attribute)?;
        Some((attribute, Said { value, record: event.record.clone() }))
    });
    values.collect()
}
