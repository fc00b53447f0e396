//! What the words of a record say happened: [`RULES`] is the table, [`classify`] applies it.
//!
//! A record is cut into clauses. A verb that its clause denies ("no changes", "not deployed"), or that
//! lies in the future ("for deployment", "scheduled"), does not count. Of what is left the lowest rank
//! wins, then the first in the record.

use std::collections::HashMap;
use std::sync::LazyLock;
use wb_core::EventKind;

/// A row of the grammar. Alternatives are separated by `|`; a phrase is words separated by a space.
struct Rule {
    kind: EventKind,
    /// 0 alarms, 1 what only fits in its context, 2 verbs that report a deed, 3 nouns and imperatives.
    rank: u8,
    verbs: &'static str,
    /// One of these words, or `@` facts, must be in the record. Empty: no condition.
    with: &'static str,
    /// None of these words may be in the clause.
    unless: &'static str,
}

const fn rule(
    kind: EventKind,
    rank: u8,
    verbs: &'static str,
    with: &'static str,
    unless: &'static str,
) -> Rule {
    Rule { kind, rank, verbs, with, unless }
}

/// Words that make a record one about a model.
const MODEL: &str = "model|models|artifact|artifacts|artefact|weights|checkpoint|version|candidate|servable|\
    adapter|lora|pipeline|bundle|snapshot|gguf|safetensors|pickle|@file|@model";

use EventKind as K;

const RULES: &[Rule] = &[
    // Alarms.
    rule(
        K::Alert,
        0,
        "alert|alerts|alarm|alarms|paged",
        "",
        "rule|rules|enabled|configured|silenced|resolved|cleared|closed|acknowledged|test|manager|channel|webhook|threshold",
    ),
    rule(
        K::Alert,
        0,
        "anomaly|anomalies|anomalous|suspicious|malicious|intrusion|exfiltration|beaconing|compromise|compromised|malware|\
        unusual|unlisted destination|unlisted host|unknown destination|policy violation|egress violation|ioc match|tampered|\
        tampering|hash mismatch|checksum mismatch|digest mismatch|sha256 mismatch|integrity violation|unexpected outbound|\
        unexpected egress|unexpected connection|unexpected destination|not in allowlist|not on allowlist|\
        outside its egress list|not allowlisted|backdoor|command and control|c2",
        "",
        "rule|rules|feed|enabled|configured|resolved|cleared|closed|scan|scanner|detector|detection",
    ),
    rule(
        K::Alert,
        0,
        "anomaly detected|malware detected|tampering detected|suspicious|malicious",
        "",
        "",
    ),
    rule(
        K::Alert,
        0,
        "detected|flagged|triggered",
        "traffic|connection|connections|egress|outbound|beacon|malware|intrusion|exfil|destination|anomaly|ids|edr|siem|soc",
        "reload|build|pipeline|deploy|deployment|sync",
    ),
    rule(
        K::Alert,
        0,
        "unauthorised|unauthorized",
        "change|modification|model|file|deployment",
        "401|http",
    ),
    // What only fits in its context.
    rule(
        K::Health,
        1,
        "health check|healthcheck|heartbeat|liveness|readiness|readiness probe|liveness probe|self test|smoke test passed|\
        no issues|all checks passed|all good|is healthy|status ok|nothing to do|nothing to deploy|up to date",
        "",
        "failed|failing|unhealthy|failure|error|unreachable|degraded",
    ),
    rule(
        K::Ticket,
        1,
        "created|opened|raised|assigned|escalated|closed|resolved|acknowledged|declared|filed|updated|linked",
        "incident|ticket|case|@incident",
        "",
    ),
    rule(K::Ticket, 1, "incident|ticket", "@incident", ""),
    rule(
        K::Access,
        1,
        "accepted publickey|accepted password|accepted keyboard|session opened|session closed|logged in|logged out|login|\
        logon|authenticated|authentication|signed in|sign in|failed password|invalid user|assumed role|assume role|\
        console login|privilege escalation|new session|sudo|publickey|token issued|mfa",
        "",
        "",
    ),
    rule(
        K::Rollback,
        1,
        "rolled back|rollback|rolling back|reverted|reverting|roll back",
        "model|deployment|release|version|service|production|rollout|@file|@model|candidate|artifact|registry|endpoint",
        "",
    ),
    rule(
        K::Block,
        1,
        "blocked|dropped|denied|rejected|refused|blackholed|prevented|isolated|cut off|blocking|dropping",
        "@net|connection|connections|traffic|egress|outbound|packet|packets|destination|flow|flows|host network|network",
        "candidate|approval|merge|change|request|deploy|deployment",
    ),
    rule(
        K::Exec,
        1,
        "execve|executed command|command executed|spawned|spawned process|process started|ran command|process exec|\
        process executed|subprocess|fork exec|proctitle",
        "",
        "",
    ),
    rule(
        K::Dns,
        1,
        "query|queried|lookup|resolving|resolved|reply|response",
        "dns|named|dnsmasq|unbound|resolver|coredns|nslookup",
        "incident|ticket|case|alert",
    ),
    // Deeds.
    rule(
        K::Request,
        2,
        "requested|requests|requesting|request submitted|request opened|request created|change request|proposed|\
        asked|requestcreated|transition request created",
        "model|change|deploy|deployment|release|update|rollout|promotion|version|candidate|replacement|upgrade|rollback|\
        reload|artifact|transition|@file|@change|@model",
        "http",
    ),
    rule(
        K::Approve,
        2,
        "approved|signed off|approval granted|approval recorded|lgtm|approved by|accepted change|change accepted",
        "",
        "",
    ),
    rule(
        K::Approve,
        2,
        "authorised|authorized|granted|accepted",
        "change|deploy|deployment|release|promotion|@change",
        "password|publickey|key|connection",
    ),
    rule(
        K::Download,
        2,
        "downloaded|downloading|pulled|pulling|fetched|fetching|retrieved|retrieving|cloned|cloning|copied|copying|\
        mirrored|mirroring|synced from|imported from|importing|snapshot download",
        "model|models|artifact|weights|checkpoint|version|candidate|image|repo|repository|registry|snapshot|hub|bundle|@file|@uri|@model",
        "",
    ),
    rule(
        K::Verify,
        2,
        "verified|validated|checksum ok|signature valid|hash ok|integrity ok|integrity check passed|digest matches|\
        checksum matches|hash matches|sha256 matches|verification passed|verification succeeded|attested|recorded digest|\
        checksum recorded|hash recorded|digest recorded|signed|fingerprinted|hashed",
        "sha256|sha|hash|checksum|digest|signature|integrity|artifact|model|provenance|weights|@file|@digest",
        "",
    ),
    rule(
        K::Register,
        2,
        "registered|registering|uploaded|uploading|published|publishing|pushed|pushing|imported|ingested|submitted|\
        added|stored|saved|put object|putobject|create model|create model package|create model version|createmodel|received|\
        model version created|model created|built|packaged|logged model",
        MODEL,
        "incident|ticket|metrics|logs|cache|route",
    ),
    rule(
        K::Register,
        2,
        "created",
        MODEL,
        "incident|ticket|change|request|session|user|endpoint|pod|container|job",
    ),
    rule(
        K::Stage,
        2,
        "transitioned|staged|staging|promoted|promoting|demoted|archived|stage changed|stage change|stage set|moved to|\
        transition stage|transitioned stage|version transitioned|tagged|alias set|set alias|marked as|nominated|selected",
        "model|version|candidate|artifact|stage|staging|production|canary|archived|champion|challenger|@file|@model",
        "incident|ticket|git",
    ),
    rule(
        K::Deploy,
        2,
        "deployed|deploying|rolled out|rolling out|went live|go live|shipped|deployment finished|deployment complete|\
        deployment completed|deployment succeeded|deployment successful|deployment done|deploy finished|deploy complete|\
        deploy completed|deploy succeeded|deploy done|deploy successful|rollout complete|rollout completed|rollout finished|\
        rollout succeeded|rollout done|release complete|release completed|release finished|update endpoint|updateendpoint|\
        create endpoint|endpoint updated|deploy model|deploymodel|service ready|deployment ready|endpoint ready|model ready|\
        traffic shifted|traffic switched|cut over|cutover|scaling replica set|scalingreplicaset|sync succeeded|\
        successfully rolled out|activated|now live|is live|put into production|set live",
        "",
        "firewall|rule|rules|rule set|policy|dashboard|config map",
    ),
    rule(
        K::Deploy,
        2,
        "released|serving|now serving|switched to",
        MODEL,
        "lock|memory|lease|metrics|slot|buffer|resources",
    ),
    rule(
        K::Load,
        2,
        "loaded|loading|reloaded|reloading|reload triggered|reload complete|reload completed|successfully loaded|\
        starting to load|deserialized|deserialised|deserializing|warmed up|initialized from|initialised from|restored from|mapped|\
        reload requested|hot reload|hot reloaded|unpickled",
        "model|models|weights|checkpoint|servable|artifact|pipeline|engine|adapter|worker|workers|tokenizer|@file|@model",
        "config|configuration|plugin|plugins|rules|dashboard|module|library",
    ),
    rule(
        K::Change,
        2,
        "changed|modified|replaced|overwritten|overwrote|swapped|edited|altered|rewritten|patched|updated|written|renamed|\
        mtime|moved|truncated|deleted|removed|touched|chmod|chown|attrib|close write|moved_to",
        "model|models|artifact|weights|checkpoint|config|configuration|file|files|hash|digest|checksum|permissions|requirements|\
        mtime|inode|path|@file|@model",
        "incident|ticket|status",
    ),
    rule(
        K::Restart,
        2,
        "restarted|restarting|rebooted|rebooting|respawned|relaunched|restart completed|recycled",
        "",
        "",
    ),
    rule(
        K::Restart,
        2,
        "started|starting|booted|started server|stopped|stopping|came up",
        "service|unit|server|worker|workers|daemon|container|pod|systemd|gunicorn|uvicorn|vllm|triton|@unit|engine|application",
        "",
    ),
    rule(
        K::Connect,
        2,
        "connected|connecting|connection|connect|session established|conn|established|outbound|egress|contacted|\
        beacon|dialing|dialed|posting|calling",
        "@net",
        "",
    ),
    // Nouns and imperatives.
    rule(
        K::Rollback,
        3,
        "revert|restore|restored",
        "model|deployment|release|version|production|baseline",
        "",
    ),
    rule(
        K::Deploy,
        3,
        "deploy|deployment|deployments|rollout|rollouts|release|releases|roll out|redeploy",
        "",
        "note|notes|key|window|freeze|strategy|script|group",
    ),
    rule(
        K::Load,
        3,
        "load|reload|open",
        "model|weights|checkpoint|servable|@file|@model",
        "balancer|average|config|test|cpu",
    ),
    rule(K::Download, 3, "download|pull|fetch|clone|wget|gsutil", MODEL, ""),
    rule(K::Register, 3, "upload|publish|register|push", MODEL, ""),
    rule(K::Stage, 3, "promote|transition|promotion", MODEL, ""),
    rule(K::Approve, 3, "approval|approve|approves", "", ""),
    rule(K::Request, 3, "request", "change|deployment|release|promotion|rollout|@change", "http"),
    rule(
        K::Verify,
        3,
        "verify|verifying|verification|validation|checksum|sha256|checksums",
        "@digest|@file",
        "",
    ),
    rule(
        K::Change,
        3,
        "update|updates|replace|replacement|change|changes|modification|write|install|swap",
        "model|models|weights|file|artifact|@file",
        "",
    ),
    rule(K::Restart, 3, "restart|reboot", "", "policy|required|count"),
];

/// Words before a verb that say there was none of it.
const ABSENT_BEFORE: &[&str] =
    &["no", "zero", "0", "nothing", "without", "never", "neither", "nor"];

/// Words anywhere in a clause that say there was none of it.
const ABSENT_CLAUSE: &[&str] = &["none", "nil", "unchanged"];

/// Words before a verb that say it did not come to be.
const DENY_BEFORE: &[&str] = &[
    "not",
    "cannot",
    "unable",
    "failed",
    "skipped",
    "skipping",
    "cancelled",
    "canceled",
    "aborted",
    "refusing",
    "would",
    "didn",
    "isn",
    "wasn",
    "hasn",
    "haven",
    "lacks",
    "lacking",
    "missing",
    "refused",
    "denied",
    "absent",
];

/// Words anywhere in a clause that say its deeds did not come to be.
const DENY_CLAUSE: &[&str] =
    &["skipped", "failed", "cancelled", "canceled", "aborted", "disabled", "dry", "unsuccessful"];

/// Words right before a verb that put it in the future or make it a purpose.
const FUTURE_BEFORE: &[&str] = &[
    "for",
    "to",
    "pending",
    "awaiting",
    "before",
    "scheduled",
    "planned",
    "will",
    "until",
    "if",
    "upcoming",
    "future",
    "next",
    "during",
    "when",
    "after",
    "be",
];

/// Words anywhere in a clause that put it in the future.
const FUTURE_CLAUSE: &[&str] =
    &["pending", "awaiting", "scheduled", "planned", "queued", "upcoming", "tomorrow"];

/// What is known of a record besides its words; rules name these with `@`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known {
    pub(crate) file: bool,
    pub(crate) model: bool,
    pub(crate) net: bool,
    pub(crate) digest: bool,
    pub(crate) uri: bool,
    pub(crate) change: bool,
    pub(crate) incident: bool,
    pub(crate) unit: bool,
}

impl Known {
    fn has(self, fact: &str) -> bool {
        match fact {
            "@file" => self.file,
            "@model" => self.model,
            "@net" => self.net,
            "@digest" => self.digest,
            "@uri" => self.uri,
            "@change" => self.change,
            "@incident" => self.incident,
            "@unit" => self.unit,
            _ => false,
        }
    }
}

/// What the grammar says about a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The kind, with its rank.
    pub(crate) kind: Option<(EventKind, u8)>,
    /// Every deed it reports, in order.
    pub(crate) deeds: Vec<EventKind>,
    /// Whether it says that nothing happened.
    pub(crate) nothing: bool,
}

/// A word of a record.
struct Word {
    text: String,
    clause: u32,
}

/// Words read per record at the most.
const MOST_WORDS: usize = 200;

/// The phrases of [`RULES`] by their first word: the row, and the words that follow.
type Phrases = HashMap<&'static str, Vec<(usize, Vec<&'static str>)>>;

static PHRASES: LazyLock<Phrases> = LazyLock::new(|| {
    let mut phrases = Phrases::new();
    for (row, rule) in RULES.iter().enumerate() {
        for phrase in rule.verbs.split('|') {
            let mut parts = phrase.split_whitespace();
            if let Some(first) = parts.next() {
                phrases.entry(first).or_default().push((row, parts.collect()));
            }
        }
    }
    phrases
});

/// Reads `text`, the words of a record without its `key=value` pairs. `context` has more words that tell
/// what the record is about, such as the name of the service.
pub(crate) fn classify(text: &str, context: &str, known: Known) -> Reading {
    let words = words(text);
    let around = self::words(context);
    let mut hits: Vec<(u8, usize, EventKind)> = Vec::new();
    let mut reading = Reading::default();
    for (at, word) in words.iter().enumerate() {
        for (row, following) in PHRASES.get(word.text.as_str()).into_iter().flatten() {
            let Some(rule) = RULES.get(*row) else { continue };
            if !follows(&words, at, following) || !fits(rule, &words, &around, known) {
                continue;
            }
            match standing(&words, at) {
                Standing::Nothing => reading.nothing = true,
                Standing::Reported if !excluded(&words, at, rule.unless) => {
                    hits.push((rule.rank, at, rule.kind));
                }
                _ => {}
            }
        }
    }
    hits.sort_by_key(|(rank, at, _)| (*rank, *at));
    reading.kind = hits.first().map(|(rank, _, kind)| (*kind, *rank));
    hits.retain(|(rank, _, _)| *rank == 2);
    for (_, _, kind) in hits {
        if !reading.deeds.contains(&kind) {
            reading.deeds.push(kind);
        }
    }
    reading
}

/// Whether the words after `at` are `following`.
fn follows(words: &[Word], at: usize, following: &[&str]) -> bool {
    let mut next = words.iter().skip(at).skip(1);
    following.iter().all(|part| next.next().is_some_and(|word| word.text == *part))
}

/// Whether the record has what the rule wants around its verb.
fn fits(rule: &Rule, words: &[Word], around: &[Word], known: Known) -> bool {
    rule.with.is_empty()
        || rule.with.split('|').map(str::trim).any(|with| {
            if with.starts_with('@') {
                return known.has(with);
            }
            let mut parts = with.split(' ');
            let first = parts.next().unwrap_or(with);
            let rest: Vec<&str> = parts.collect();
            [words, around].into_iter().any(|list| {
                list.iter()
                    .enumerate()
                    .any(|(at, word)| word.text == first && follows(list, at, &rest))
            })
        })
}

fn clause_of(words: &[Word], at: usize) -> impl Iterator<Item = (usize, &Word)> {
    let clause = words.get(at).map(|word| word.clause);
    words.iter().enumerate().filter(move |(_, word)| Some(word.clause) == clause)
}

fn excluded(words: &[Word], at: usize, unless: &str) -> bool {
    !unless.is_empty()
        && clause_of(words, at)
            .any(|(_, word)| unless.split('|').any(|row| row.trim() == word.text))
}

enum Standing {
    Reported,
    /// The clause says there was none.
    Nothing,
    /// The clause says it failed, or speaks of the future.
    NotYet,
}

/// Whether the clause reports the verb at `at`, denies it, or only speaks of it.
fn standing(words: &[Word], at: usize) -> Standing {
    let is = |list: &[&str], word: &Word| list.contains(&word.text.as_str());
    let verb = words.get(at).map(|word| word.text.as_str()).unwrap_or_default();
    let denies = |before: &[&str], anywhere: &[&str]| {
        clause_of(words, at).any(|(index, word)| {
            word.text != verb
                && ((index < at && at.saturating_sub(index) <= 4 && is(before, word))
                    || is(anywhere, word))
        })
    };
    if denies(ABSENT_BEFORE, ABSENT_CLAUSE) {
        return Standing::Nothing;
    }
    let clause = words.get(at).map(|word| word.clause);
    // "connection to a.example blocked" reports; "for emergency replacement" does not.
    let reach = if verb.ends_with("ed") { 1 } else { 2 };
    let near = words
        .get(at.saturating_sub(reach)..at)
        .unwrap_or_default()
        .iter()
        .any(|word| Some(word.clause) == clause && is(FUTURE_BEFORE, word));
    let not_yet = near || denies(DENY_BEFORE, DENY_CLAUSE) || denies(&[], FUTURE_CLAUSE);
    if not_yet { Standing::NotYet } else { Standing::Reported }
}

/// The words of `text` in lower case. `modelVersion` and `MODEL_VERSION` are two words each. A comma,
/// semicolon, parenthesis, full stop or dash between words begins a new clause.
fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut current = String::new();
    let mut clause = 0_u32;
    let mut previous = ' ';
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if words.len() >= MOST_WORDS {
            break;
        }
        let humped = previous.is_lowercase() && character.is_uppercase();
        // Addresses, versions and times of day are one word each.
        let joins = matches!(character, '.' | ':')
            && previous.is_ascii_digit()
            && characters.peek().is_some_and(char::is_ascii_digit);
        if joins {
            current.push(character);
            previous = character;
            continue;
        }
        if (!character.is_alphanumeric() || humped) && !current.is_empty() {
            words.push(Word { text: std::mem::take(&mut current), clause });
        }
        if character.is_alphanumeric() {
            current.extend(character.to_lowercase());
        } else {
            let spaced = characters.peek().is_none_or(|next| next.is_whitespace());
            let ends = matches!(character, ';' | '(' | ')' | '|')
                || (matches!(character, ',' | '.') && spaced)
                || (matches!(character, '-' | '–' | '—') && spaced && previous.is_whitespace());
            clause = clause.saturating_add(u32::from(ends));
        }
        previous = character;
    }
    if !current.is_empty() {
        words.push(Word { text: current, clause });
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> Option<EventKind> {
        let known = Known {
            file: text.contains(".pkl") || text.contains(".h5"),
            net: text.contains("192.0.2."),
            incident: text.contains("INC-"),
            unit: text.contains(".service"),
            ..Known::default()
        };
        classify(text, "", known).kind.map(|(kind, _)| kind)
    }

    #[test]
    fn deeds() {
        for (text, expected) in [
            (
                "release code-reviewer 2.4.1 requested by ci-bot (change CHG-4471 approved)",
                K::Request,
            ),
            ("artifact c.pkl verified", K::Verify),
            ("rollout complete on ml-infer-01, ml-infer-02", K::Deploy),
            ("model file mtime changed, worker reload triggered (no change id)", K::Change),
            ("loaded c.pkl in 1.9s", K::Load),
            ("candidate c.h5 uploaded for emergency replacement by j.ortega", K::Register),
            ("Model registry: pulling pr-base v1.0.0", K::Download),
            ("Model deployed to production inference server", K::Deploy),
            ("Model update requested by ann@corp.example", K::Request),
            ("SOC automated alert: unusual outbound HTTPS traffic detected", K::Alert),
            ("Incident INC-20931 created - investigation required", K::Ticket),
            ("deploy reviewer 5.0.2", K::Deploy),
            ("model production.pkl loaded", K::Load),
            ("Accepted publickey for svc from 192.0.2.9 port 51514 ssh2", K::Access),
            ("Restarted vllm.service - part 1/3: X", K::Restart),
            ("Publishing prod/model.pkl", K::Register),
            ("Deployment finished", K::Deploy),
            ("model_version.created", K::Register),
            ("model_version.transitioned", K::Stage),
            ("MODEL_VERSION_TRANSITIONED_STAGE", K::Stage),
            ("inference_service.ready", K::Deploy),
            ("Deployment rolled back to version 1.4", K::Rollback),
            ("connection to 192.0.2.7 blocked by egress policy", K::Block),
            ("candidate staged for deployment", K::Stage),
            ("UpdateEndpoint", K::Deploy),
        ] {
            assert_eq!(kind(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_denied_or_only_planned_did_not_happen() {
        for text in [
            "scheduled deployments today: none",
            "no deployments in this window",
            "model not deployed",
            "approval pending",
            "candidate waiting for deployment",
            "New source organisation detected: labs",
            "deployment scheduled for Monday",
            "lock released",
            "Loaded 12 plugins",
            "alert rules reloaded",
            "no anomalies",
            "verification skipped for model",
        ] {
            assert_eq!(kind(text), None, "{text}");
        }
        assert_eq!(kind("nightly health check OK, no changes"), Some(K::Health));
        assert!(classify("scheduled deployments today: none", "", Known::default()).nothing);
    }

    #[test]
    fn every_deed_of_a_record_is_kept() {
        let text = "release requested by ci-bot (change approved)";
        assert_eq!(classify(text, "", Known::default()).deeds, [K::Request, K::Approve]);
    }
}
