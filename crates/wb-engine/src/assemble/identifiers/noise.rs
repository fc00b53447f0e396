//! How often chance is taken for an identifier: cases of ordinary logs and benign models, made up from a
//! fixed seed, half a million tokens in all. Small cases are the harder ones, since there a stray piece has
//! only one partner. What is measured is printed with `--nocapture`.

use super::assemble;
use crate::assemble::fragments::{Atom, fragments};
use wb_core::Confidence;

/// Cases, and lines of each.
const CASES: u64 = 100;
const LINES: u64 = 640;

/// A stream of numbers that is the same in every run (Knuth's MMIX constants).
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below.max(1)
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        let at = usize::try_from(self.next(all.len() as u64)).unwrap_or(0);
        all.get(at).copied().unwrap_or_default()
    }

    fn hex(&mut self, digits: usize) -> String {
        (0..digits)
            .map(|_| char::from(self.of(&["0", "3", "7", "9", "a", "c", "e", "f"]).as_bytes()[0]))
            .collect()
    }

    fn uuid(&mut self) -> String {
        [8, 4, 4, 4, 12].map(|digits| self.hex(digits)).join("-")
    }
}

const WORDS: &[&str] = &[
    "scheduler",
    "worker",
    "replica",
    "gradient",
    "tokenizer",
    "batch",
    "request",
    "cache",
    "shard",
    "checkpoint",
    "queue",
    "router",
    "endpoint",
    "latency",
    "timeout",
    "retry",
    "memory",
    "volume",
];

/// Lines as services, kernels, proxies, pipelines and tracebacks write them, with the brackets, counters
/// and identifiers that these have.
fn line(random: &mut Random) -> String {
    let (n, m) = (random.next(5_000), random.next(60));
    let (one, two) = (random.of(WORDS), random.of(WORDS));
    match random.next(24) {
        0 => format!(
            "2026-05-{:02} 08:{m:02}:12 INFO {one}: handled {n} requests in {m} ms for {two}",
            m % 28 + 1
        ),
        1 => format!(
            "{{\"level\":\"info\",\"{one}\":{{\"id\":{n},\"state\":\"{two}\"}},\"ms\":{m}}}"
        ),
        2 => format!("level=warn msg=\"{one} slow\" took={m}ms count={n}}}"),
        3 => format!("Downloading shards: {}/{} [00:{m:02}<00:01, {n} it/s]", m % 5 + 1, 5),
        4 => format!("Loading checkpoint shard {} of {}: {one}", m % 4 + 1, 4),
        5 => format!("step {m}/60 loss=0.{n} {one}={two}"),
        6 => format!("10.1.{m}.7 - - \"GET /v1/{one}/{n} HTTP/1.1\" 200 {n} \"-\" \"curl/8.5\""),
        7 => format!("trace_id={} span={} {one} {two}", random.uuid(), random.hex(16)),
        8 => format!("pulled image registry.example/{one}@sha256:{}", random.hex(64)),
        9 => format!("File \"/srv/{one}.py\", line {m}, in {two} raise ValueError(f\"bad {{{one}"),
        10 => format!("pod {one}-{}-{} restarted {m} times", random.hex(9), random.hex(5)),
        11 => format!("ForEach-Object{{..{one}"),
        12 => format!("Set-Cookie{{{}-{}", random.hex(3).to_uppercase(), two),
        13 => format!("{one}: part {} uploaded, etag \"{}\"", m % 9 + 1, random.hex(32)),
        14 => format!("nginx: location ~ ^/{one}/(.*)$ {{ proxy_pass http://{two}; }}"),
        15 => format!("template {{{{ {one}.name }}}} rendered for {two} in {m} us"),
        16 => format!("config ${{HOME}}/{one} expanded, {n} keys}}"),
        17 => format!("(EngineCore_{m} pid={n}) INFO loading weights took {m}.{n} seconds"),
        18 => format!("kernel: IN= OUT=eth0 SRC=10.0.0.{m} DST=10.0.1.{m} LEN=60 SPT={n} DPT=443"),
        19 => format!("session {} closed by {two} after {m} s", random.uuid()),
        20 => format!("[{m}/60] Compiling {one} v0.{m}.{n}"),
        21 => format!("epoch {}/{}: {one} accuracy 0.{n}", m % 10 + 1, 10),
        22 => format!("etcd: {one}{{shard=\"{m}\",{two}=\"{n}\"}} {n}"),
        _ => format!("{one} {two} {n}}}"),
    }
}

/// Strings as benign models hold them: names of layers and tensors, settings, templates.
fn of_model(random: &mut Random) -> (Option<String>, String) {
    let (n, word) = (random.next(48), random.of(WORDS));
    match random.next(8) {
        0 => (None, format!("model.layers.{n}.self_attn.q_proj.weight")),
        1 => (Some("name".into()), format!("{word}_{n}")),
        2 => (Some("format".into()), format!("{{:>{n}}} {word}")),
        3 => (
            Some("chat_template".into()),
            format!("{{% for m in messages %}}{{{{ m['{word}'] }}}}{{% endfor %}}"),
        ),
        4 => (Some("shard".into()), format!("model-{:05}-of-00004.safetensors", n % 4 + 1)),
        5 => (Some("sha256".into()), random.hex(64)),
        6 => (Some("regex".into()), format!("[a-z]{{{n},}}{word}")),
        _ => (Some("doc".into()), format!("part {} of {word}: returns {{{word}", n % 3 + 1)),
    }
}

#[test]
fn chance_joins_nothing_with_confidence() {
    let mut random = Random(0x5eed);
    let (mut tokens, mut pieces, mut joined, mut sure) = (0_usize, 0_usize, 0_usize, Vec::new());
    for case in 0..CASES {
        let mut atoms = Vec::new();
        for number in 0..LINES {
            let (key, text, artifact) = if number % 7 == 0 {
                let (key, text) = of_model(&mut random);
                (key, text, format!("models/{}.safetensors", random.next(4)))
            } else {
                (None, line(&mut random), format!("logs/{}.log", random.next(5)))
            };
            tokens +=
                text.split(|c: char| !c.is_alphanumeric()).filter(|it| !it.is_empty()).count();
            // A model and a log belong to the compromise, as in a real case: the harder half.
            let of_compromise = artifact.ends_with("0.safetensors") || artifact.ends_with("0.log");
            let place = format!("line {number}");
            atoms.push(Atom {
                artifact: artifact.as_str().into(),
                place,
                key,
                text,
                of_compromise,
            });
        }
        pieces += fragments(&atoms).len();
        let found = assemble(&atoms);
        joined += found.len();
        let high = found.into_iter().filter(|found| found.confidence == Confidence::High);
        sure.extend(high.map(|found| format!("case {case}: {} ({})", found.value, found.join)));
    }
    println!("{tokens} tokens, {pieces} pieces, {joined} joins, {} of high confidence", sure.len());
    assert!(tokens >= 500_000, "{tokens} tokens");
    assert!(sure.is_empty(), "{sure:#?}");
}
