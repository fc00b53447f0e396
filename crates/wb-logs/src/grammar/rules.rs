//! [`RULES`]: which words say that what happened, and the words that deny it. Data, no code.

use wb_core::EventKind as K;

/// A row of the grammar. Alternatives are separated by `|`; a phrase is words separated by a space.
pub(super) struct Rule {
    pub(super) kind: K,
    /// 0 alarms, 1 what only fits in its context, 2 verbs that report a deed, 3 nouns and imperatives.
    pub(super) rank: u8,
    pub(super) verbs: &'static str,
    /// One of these words, or `@` facts, must be in the record. Empty: no condition.
    pub(super) with: &'static str,
    /// None of these words may be in the clause.
    pub(super) unless: &'static str,
}

const fn rule(
    kind: K,
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

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    // Alarms.
    rule(K::Alert, 0,
        "alert|alerts|alarm|alarms|paged",
        "",
        "rule|rules|enabled|configured|silenced|resolved|cleared|closed|acknowledged|test|drill|false|manager|channel|webhook|threshold"),
    rule(K::Alert, 0,
        "anomaly|anomalies|anomalous|suspicious|malicious|intrusion|exfiltration|beaconing|compromise|compromised|malware|\
        unusual|unlisted destination|unlisted host|unknown destination|policy violation|egress violation|ioc match|tampered|\
        tampering|hash mismatch|checksum mismatch|digest mismatch|sha256 mismatch|integrity violation|unexpected outbound|\
        unexpected egress|unexpected connection|unexpected destination|not in allowlist|not on allowlist|\
        outside its egress list|not allowlisted|backdoor|command and control|c2",
        "",
        "rule|rules|feed|enabled|configured|resolved|cleared|closed|dismissed|false|benign|scan|scanner|detector|detection"),
    rule(K::Alert, 0,
        "beacon like|beacon pattern|beacon detected|beacon traffic|beaconing pattern", "", ""),
    rule(K::Alert, 0,
        "traffic|beacon|beacons|outbound|egress", "ids|edr|ips|nids|siem|soc|xdr",
        "resolved|closed|dismissed|false|benign|normal"),
    rule(K::Alert, 0,
        "anomaly detected|malware detected|tampering detected|suspicious|malicious",
        "",
        ""),
    rule(K::Alert, 0,
        "detected|flagged|triggered",
        "traffic|connection|connections|egress|outbound|beacon|malware|intrusion|exfil|destination|anomaly|ids|edr|siem|soc",
        "reload|build|pipeline|deploy|deployment|sync|closed|false|dismissed"),
    rule(K::Alert, 0,
        "unauthorised|unauthorized",
        "change|modification|model|file|deployment",
        "401|http"),
    // What only fits in its context.
    rule(K::Health, 1,
        "health check|health probe|healthcheck|healthz|heartbeat|liveness|readiness|readiness probe|liveness probe|self test|smoke test passed|\
        no issues|all checks passed|all good|is healthy|status ok|nothing to do|nothing to deploy|up to date",
        "",
        "failed|failing|unhealthy|failure|error|unreachable|degraded"),
    rule(K::Ticket, 1,
        "created|opened|raised|assigned|escalated|closed|resolved|acknowledged|declared|filed|updated|linked",
        "incident|ticket|case|@incident",
        ""),
    rule(K::Ticket, 1, "incident|ticket", "@incident", ""),
    rule(K::Access, 1,
        "accepted publickey|accepted password|accepted keyboard|session opened|session closed|logged in|logged out|login|\
        logon|authenticated|authentication|signed in|sign in|failed password|invalid user|assumed role|assume role|\
        console login|privilege escalation|new session|sudo|publickey|token issued|mfa",
        "",
        ""),
    rule(K::Rollback, 1,
        "rolled back|rollback|rolling back|reverted|reverting|roll back",
        "",
        "transaction|transactions|database|sql|commit|package"),
    rule(K::Block, 1,
        "blocked|dropped|denied|rejected|blackholed|prevented|isolated|cut off|blocking|dropping",
        "@net|connection|connections|traffic|egress|outbound|packet|packets|destination|flow|flows|host network|network",
        "candidate|approval|merge|change|request|deploy|deployment"),
    rule(K::Exec, 1,
        "execve|executed command|command executed|spawned|spawned process|process started|ran command|process exec|\
        process executed|subprocess|fork exec|proctitle",
        "",
        ""),
    rule(K::Dns, 1,
        "query|queried|lookup|resolving|resolved|reply|response",
        "dns|named|dnsmasq|unbound|resolver|coredns|nslookup",
        "incident|ticket|case|alert"),
    // Deeds.
    rule(K::Request, 2,
        "requested|requests|requesting|request submitted|request opened|request created|change request|proposed|\
        asked|transition request created",
        "model|change|deploy|deployment|release|update|rollout|promotion|version|candidate|replacement|upgrade|rollback|\
        reload|artifact|transition|@file|@change|@model",
        "http"),
    rule(K::Request, 2,
        "requested by|change requested|change opened|change created", "", "http"),
    rule(K::Approve, 2,
        "approved|signed off|approval granted|approval recorded|lgtm|approved by|accepted change|change accepted",
        "",
        ""),
    rule(K::Approve, 2,
        "authorised|authorized|granted|accepted",
        "change|deploy|deployment|release|promotion|@change",
        "password|publickey|key|connection"),
    rule(K::Download, 2,
        "downloaded|downloading|pulled|pulling|fetched|fetching|retrieved|retrieving|cloned|cloning|copied|copying|\
        mirrored|mirroring|synced from|imported from|importing|snapshot download",
        "model|models|artifact|weights|checkpoint|version|candidate|image|repo|repository|registry|snapshot|hub|bundle|@file|@uri|@model",
        ""),
    rule(K::Download, 2,
        "pull complete|pull completed|download complete|download completed|fetch complete|sync completed|download finished", "", ""),
    rule(K::Verify, 2,
        "verified|validated|checksum ok|signature valid|hash ok|integrity ok|integrity check passed|digest matches|\
        checksum matches|hash matches|sha256 matches|verification passed|verification succeeded|attested|recorded digest|\
        checksum recorded|hash recorded|digest recorded|signed|fingerprinted|hashed",
        "sha256|sha|hash|checksum|digest|signature|integrity|artifact|model|provenance|weights|@file|@digest",
        ""),
    rule(K::Register, 2,
        "registered|registering|uploaded|uploading|published|publishing|pushed|pushing|imported|ingested|submitted|\
        added|stored|saved|put object|putobject|create model|create model package|create model version|createmodel|received|\
        model version created|model created|built|packaged|logged model",
        MODEL,
        "incident|ticket|metrics|logs|cache|route|signal|sighup|sigterm|request"),
    rule(K::Register, 2,
        "created",
        MODEL,
        "incident|ticket|change|request|session|user|endpoint|pod|container|job"),
    rule(K::Stage, 2,
        "transitioned|staged|staging|promoted|promoting|demoted|archived|stage changed|stage change|stage set|moved to|\
        transition stage|transitioned stage|version transitioned|tagged|alias set|set alias|marked as|nominated|selected",
        "model|version|candidate|artifact|stage|staging|production|canary|archived|champion|challenger|@file|@model",
        "incident|ticket|git"),
    rule(K::Deploy, 2,
        "deployed|deploying|rolled out|rolling out|went live|go live|shipped|deployment finished|deployment complete|\
        deployment completed|deployment succeeded|deployment successful|deployment done|deploy finished|deploy complete|\
        deploy completed|deploy succeeded|deploy done|deploy successful|rollout complete|rollout completed|rollout finished|\
        rollout succeeded|rollout done|release complete|release completed|release finished|update endpoint|updateendpoint|\
        create endpoint|endpoint updated|deploy model|deploymodel|service ready|deployment ready|endpoint ready|model ready|\
        traffic shifted|traffic switched|cut over|cutover|scaling replica set|scalingreplicaset|sync succeeded|\
        successfully rolled out|activated|now live|is live|put into production|set live",
        "",
        "firewall|rule|rules|rule set|policy|dashboard|config map"),
    rule(K::Deploy, 2,
        "released|now serving|serving model|serving version|switched to",
        MODEL,
        "lock|memory|lease|metrics|slot|buffer|resources"),
    rule(K::Load, 2,
        "loaded|loading|reloaded|reloading|reload triggered|reload complete|reload completed|successfully loaded|\
        starting to load|deserialized|deserialised|deserializing|warmed up|initialized from|initialised from|restored from|mapped|\
        reload requested|hot reload|hot reloaded|unpickled",
        "model|models|weights|checkpoint|servable|artifact|pipeline|engine|adapter|worker|workers|tokenizer|@file|@model",
        "config|configuration|plugin|plugins|rules|dashboard|module|library"),
    rule(K::Load, 2, "serving", "@file|@model", "metrics"),
    rule(K::Restart, 2, "reloading|reloaded", "@unit", ""),
    rule(K::Change, 2,
        "changed|modified|replaced|overwritten|overwrote|swapped|edited|altered|rewritten|patched|updated|written|renamed|\
        detected modification|modification detected|detected change|change detected|mtime|moved|truncated|deleted|removed|touched|chmod|chown|attrib|close write|moved_to",
        "model|models|artifact|weights|checkpoint|config|configuration|file|files|hash|digest|checksum|permissions|requirements|\
        mtime|inode|path|policy|@file|@model",
        "incident|ticket|status"),
    rule(K::Restart, 2,
        "restarted|restarting|rebooted|rebooting|respawned|relaunched|restart completed|recycled",
        "",
        ""),
    rule(K::Restart, 2,
        "started|starting|booted|started server|stopped|stopping|came up",
        "service|unit|server|worker|workers|daemon|container|pod|systemd|gunicorn|uvicorn|vllm|triton|@unit|engine|application",
        "session|sessions"),
    rule(K::Connect, 2,
        "connected|connecting|connection|connect|session established|conn|established|outbound|egress|contacted|\
        beacon|dialing|dialed|posting|calling",
        "@net",
        "policy|rule|rules|allowlist|list"),
    // Nouns and imperatives.
    rule(K::Rollback, 3,
        "revert|restore|restored",
        "model|deployment|release|version|production|baseline",
        ""),
    rule(K::Deploy, 3,
        "deploy|deployment|deployments|rollout|rollouts|release|releases|roll out|redeploy",
        "",
        "note|notes|key|window|freeze|strategy|script|group"),
    rule(K::Load, 3,
        "load|reload|open",
        "model|weights|checkpoint|servable|@file|@model",
        "balancer|average|config|test|cpu"),
    rule(K::Download, 3, "download|pull|fetch|clone|wget|gsutil", MODEL, ""),
    rule(K::Register, 3, "upload|publish|register|push", MODEL, ""),
    rule(K::Stage, 3, "promote|transition|promotion", MODEL, ""),
    rule(K::Approve, 3, "approval|approve|approves", "", ""),
    rule(K::Request, 3, "request", "change|deployment|release|promotion|rollout|@change", "http"),
    rule(K::Verify, 3,
        "verify|verifying|verification|validation|checksum|sha256|checksums",
        "@digest|@file",
        ""),
    rule(K::Change, 3,
        "update|updates|replace|replacement|change|changes|modification|write|install|swap",
        "model|models|weights|file|artifact|@file",
        ""),
    rule(K::Restart, 3, "restart|reboot", "", "policy|required|count"),
];

/// Words before a verb that say there was none of it.
pub(super) const ABSENT_BEFORE: &[&str] =
    &["no", "zero", "0", "nothing", "without", "never", "neither", "nor"];

/// Words anywhere in a clause that say there was none of it.
pub(super) const ABSENT_CLAUSE: &[&str] = &["none", "nil", "unchanged"];

/// Words before a verb that say it did not come to be.
pub(super) const DENY_BEFORE: &[&str] = &[
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
pub(super) const DENY_CLAUSE: &[&str] =
    &["skipped", "failed", "cancelled", "canceled", "aborted", "disabled", "dry", "unsuccessful"];

/// Words right before a verb that put it in the future or make it a purpose.
pub(super) const FUTURE_BEFORE: &[&str] = &[
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
pub(super) const FUTURE_CLAUSE: &[&str] =
    &["pending", "awaiting", "scheduled", "planned", "queued", "upcoming", "tomorrow"];
