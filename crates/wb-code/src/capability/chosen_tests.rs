//! One of a few: what a choice that is made at run time may fall on.

use super::tests::check;

#[test]
fn each_address_of_a_list_is_followed_with_its_port() {
    check(
        "import urllib.request as u, threading, random\n\
         hosts = (('c2.example', 8443), ('198.51.100.231', 443))\n\
         def beat():\n    n = 0\n    while 1:\n        host, port = hosts[n > 1]\n        \
         try: u.urlopen('https://%s:%d/v1/push' % (host, port))\n        \
         except Exception: n += 1\n\
         threading.Thread(target=beat).start()",
        &[
            "defer threading.Thread [url: https://c2.example:8443/v1/push] \
             [url: https://198.51.100.231:443/v1/push]",
            "> network urllib.request.urlopen [url: https://c2.example:8443/v1/push] \
             [url: https://198.51.100.231:443/v1/push]",
        ],
    );
    check(
        "import os, random\nos.system(random.choice(['id', 'hostname']))",
        &["run-command os.system [shell: id] [shell: hostname]"],
    );
    check(
        "import os, time\n(os.system, time.sleep)[n]('id')",
        &["run-command os.system [shell: id]"],
    );
}

#[test]
fn a_choice_among_many_or_in_the_depth_is_no_choice() {
    // A table to look things up in, as any program has one.
    let words: Vec<String> = (0..40).map(|one| format!("'https://h{one}.example/'")).collect();
    let source =
        format!("import urllib.request as u\nwords = [{}]\nu.urlopen(words[n])", words.join(","));
    check(&source, &["network urllib.request.urlopen"]);
    // Sixty lists in one another, each twice in the next: as a tree there would be 2^60 of them.
    let deep = "x = (['a', 'b'])[n]\n".to_owned() + &"x = [x, x]\n".repeat(60) + "open(x)";
    check(&deep, &["read-file builtins.open"]);
}
