//! What a service does at its beginning, when its policy changes, and at its end.

use super::{Said, Watch, enforcement, host_name, modified, pin_name};
use crate::observation::Trouble;
use crate::output::Outputs;
use crate::policy::{Fail, Mode, Policy, read_with_text};
use crate::sensor::{self, kernel};

/// Turns in which everything that finds room in the kernel is read, and more: what goes on cannot keep the watch.
const TURNS: usize = 16;

impl Watch<'_> {
    /// Says which sensors there are, and what they cannot see.
    pub(super) fn announce(&mut self) {
        let policy = self.monitor.policy();
        let names: Vec<&str> =
            policy.services.iter().map(|service| service.name.as_str()).collect();
        let mut notes =
            vec![format!("watching {} in mode {}", names.join(", "), policy.mode.name())];
        let holds = match (policy.mode, policy.fail) {
            (Mode::Enforce, Fail::Closed) => {
                "what is not allowed stays refused when this watch ends; `watch release` undoes that"
            }
            (Mode::Enforce, Fail::Open) if self.table.is_some() => {
                "everything passes when this watch ends, and five seconds after it was killed"
            }
            (Mode::Enforce, Fail::Open) => "everything passes when this watch ends",
            _ => "nothing is refused",
        };
        notes.push(holds.to_owned());
        match &self.programs {
            Some(programs) => {
                notes.push(
                    "sensor t2: every connect and sendmsg, exec, fork and exit, in the kernel"
                        .to_owned(),
                );
                notes.push("cannot see: raw and packet sockets, what was connected before the start, names inside encrypted DNS".to_owned());
                notes.extend(programs.limits.iter().map(|limit| format!("limited: {limit}")));
            }
            None => notes.extend(self.without_programs_notes()),
        }
        if !policy.models.is_empty() {
            let seen = if self.files.attributes() {
                "opened, executed, written and replaced, with their processes"
            } else {
                "opened, written and replaced, without their processes"
            };
            notes.push(format!("models: {seen}; what is moved in place is seen without"));
        }
        notes.extend(self.files.limits.iter().map(|limit| format!("limited: {limit}")));
        notes.extend(by_sni_alone(self.monitor.policy()));
        notes.extend(self.outputs.problems());
        for note in notes {
            (self.say)(Said::Note(note));
        }
    }

    /// What can and cannot be seen without programs in the kernel.
    fn without_programs_notes(&self) -> Vec<String> {
        let tier = if self.files.attributes() { "t1" } else { "t0" };
        let tracks = self.sockets.as_ref().is_some_and(sensor::sockets::Sockets::tracks);
        let (more, datagrams, others) = match tracks {
            true => (
                ", connections that are tracked, when they begin",
                "",
                " unless it passes through this one",
            ),
            false => ("", "datagrams without a connection, ", ""),
        };
        let nothing = if self.table.is_some() { "" } else { "; nothing is refused" };
        let mut notes = vec![
            format!(
                "sensor {tier}: ends of sockets{more}, and processes as the process connector tells them"
            ),
            format!(
                "cannot see: which process had a connection that lasted less than a second (it is told as unattributed), what \
                 a service that is not told by its user did then, {datagrams}traffic of other network namespaces{others}, names{nothing}"
            ),
        ];
        notes.extend(self.table_notes());
        let limits = self.sockets.iter().flat_map(|sockets| &sockets.limits);
        notes.extend(limits.map(|limit| format!("limited: {limit}")));
        notes
    }

    /// Reads the policy again. A broken one changes nothing, and is told.
    pub(super) fn reload(&mut self) {
        self.changed = modified(&self.options.policy);
        let subject = "policy".to_owned();
        match read_with_text(&self.options.policy) {
            Err(what) => self.trouble(Trouble {
                rule: "policy-broken",
                subject,
                what: Some(what),
                ..Trouble::default()
            }),
            Ok((_, text)) if text == self.text => {
                self.trouble(Trouble {
                    rule: "policy-broken",
                    subject,
                    what: None,
                    ..Trouble::default()
                });
            }
            Ok((policy, _)) if policy.services.len() != self.monitor.policy().services.len() => {
                let what = Some(
                    "the policy has other services: restart the watch to put it in force"
                        .to_owned(),
                );
                self.trouble(Trouble {
                    rule: "policy-broken",
                    subject,
                    what,
                    ..Trouble::default()
                });
            }
            Ok((policy, text)) => {
                let places = policy
                    .services
                    .iter()
                    .map(|service| kernel::scope(service).map(|(_, below)| below));
                let scopes = places.collect();
                self.outputs = Outputs::new(&policy, &text, &host_name());
                self.text = text;
                self.monitor.set_policy(policy, scopes);
                self.monitor.tick(sensor::now());
                self.apply();
                self.trouble(Trouble {
                    rule: "policy-broken",
                    subject,
                    what: None,
                    ..Trouble::default()
                });
                (self.say)(Said::Note("the policy was read again".to_owned()));
            }
        }
    }

    /// Puts the lists and the mode of the policy into the kernel.
    fn apply(&mut self) {
        let how = enforcement(self.monitor.policy());
        let services = self.monitor.policy().services.len();
        for service in 0..services {
            let allowed = self.allowed(service);
            if let Some(programs) = &self.programs {
                drop(programs.replace(service, &allowed));
            }
        }
        self.apply_table();
        let name = pin_name(&self.options.policy);
        let Some(programs) = &mut self.programs else { return };
        drop(programs.heartbeat(&vec![how; services]));
        let kept =
            if how.fail_closed { programs.pin(&name).map(drop) } else { programs.unpin(&name) };
        if let Err(error) = kept {
            let what = Some(format!(
                "what the policy says about an end of the watch does not hold: {error}"
            ));
            self.trouble(Trouble {
                rule: "policy-broken",
                subject: "fail".to_owned(),
                what,
                ..Trouble::default()
            });
        }
    }

    /// Ends cleanly: what waits is written, and what is pinned stays.
    pub(super) fn end(&mut self, why: &str) -> Result<(), super::Problem> {
        let held = std::mem::take(&mut self.held);
        for one in held {
            self.files.answer(&one.event, true);
        }
        // What the kernel recorded up to now is read to its end, and what was lost is told.
        if let Some(programs) = &mut self.programs {
            programs.detach();
        }
        for _ in 0..TURNS {
            let full = self.read();
            self.carry();
            if !full {
                break;
            }
        }
        self.tell_losses();
        let later = sensor::now().checked_add(jiff::SignedDuration::from_secs(2));
        self.monitor.tick(later.unwrap_or(jiff::Timestamp::MAX));
        self.carry();
        for trouble in self.outputs.flush(sensor::now()) {
            self.trouble(trouble);
        }
        self.end_table();
        (self.say)(Said::Note(format!("ended: {why}")));
        Ok(())
    }
}

/// What is said of entries that allow by the name in TLS alone: nothing that refuses sees that name, and only
/// followed sensors tell it.
fn by_sni_alone(policy: &Policy) -> Vec<String> {
    let enforce = policy.mode == Mode::Enforce;
    let entries = policy.services.iter().flat_map(|service| {
        let entries = service.allow.iter().filter(|entry| entry.is_by_sni_alone());
        entries.filter_map(|entry| Some((service.name.as_str(), entry.sni.as_deref()?)))
    });
    let told = |service: &str| policy.follow.iter().any(|one| one.service == service);
    entries
        .filter(|(service, _)| enforce || !told(service))
        .map(|(service, sni)| match enforce {
            true => format!(
                "limited: `sni = \"{sni}\"` of service `{service}` cannot be enforced, because what refuses does not see \
                 names in TLS: connections that nothing else allows are refused; give the entry a `host` or `cidr` too"
            ),
            false => format!(
                "limited: `sni = \"{sni}\"` of service `{service}` allows nothing here, because no followed sensor tells \
                 its names in TLS"
            ),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_that_cannot_be_enforced_are_named_and_others_are_not() {
        let notes = |mode: &str, entry: &str, more: &str| {
            let service = "[[service]]\nname = \"a\"\ncgroup = \"/a\"\n[[service.allow]]\n";
            let text = format!("mode = \"{mode}\"\n{service}{entry}\n{more}");
            by_sni_alone(&Policy::parse(&text).expect("a policy"))
        };
        let (sni, follow) =
            ("sni = \"hub.example\"", "[[follow]]\nfile = \"/ssl.log\"\nservice = \"a\"");
        let told = notes("enforce", sni, follow);
        assert!(told.iter().all(|note| note.contains("cannot be enforced")) && told.len() == 1);
        assert!(notes("alert", sni, "").concat().contains("allows nothing here"));
        assert!(notes("alert", sni, follow).is_empty());
        let both = "sni = \"hub.example\"\ncidr = \"192.0.2.0/24\"";
        assert!(notes("enforce", both, "").is_empty(), "the address is enforced");
    }
}
