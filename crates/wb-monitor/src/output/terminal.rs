//! Alerts for people at a terminal. Everything from the host is hostile text; who prints escapes it.

use crate::alert::{Alert, State};

/// An alert as lines: what, who, why, what to do.
pub fn lines(alert: &Alert) -> Vec<String> {
    let when = alert.time.strftime("%Y-%m-%d %H:%M:%S.%3fZ");
    let service =
        if alert.service.is_empty() { String::new() } else { format!("{}: ", alert.service) };
    let refused = if alert.refused { "  [blocked]" } else { "" };
    if alert.state == State::Resolved {
        return vec![format!(
            "{}  resolved  {service}{}  ({} in all, {})",
            alert.last.strftime("%Y-%m-%d %H:%M:%S.%3fZ"),
            alert.headline,
            alert.count,
            alert.id
        )];
    }
    let again = if alert.count > 1 { format!("  ({} times)", alert.count) } else { String::new() };
    let mut lines = vec![format!(
        "{when}  {:<8}  {service}{}{refused}{again}",
        alert.severity.name(),
        alert.headline
    )];
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            lines.push(format!("    {name:<8} {value}"));
        }
    };
    let pid = alert.pid.map(|pid| format!("pid {pid}: ")).unwrap_or_default();
    add("process", &alert.chain);
    add(
        "command",
        &alert.command.as_deref().map(|command| format!("{pid}{command}")).unwrap_or_default(),
    );
    if let Some(model) = &alert.model {
        let verdict = model.verdict.as_deref().unwrap_or("not scanned yet");
        add("model", &format!("{}: {verdict}", model.path));
        add("sha256", model.sha256.as_deref().unwrap_or("not computed yet"));
    }
    for because in &alert.because {
        add("because", because);
    }
    add("rule", &format!("{} ({})", alert.rule, alert.id));
    add("next", &alert.next);
    lines
}
