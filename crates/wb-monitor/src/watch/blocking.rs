//! Blocking by nftables, where there are no programs in the kernel.

use super::{Problem, Said, Watch, enforcement, pin_name};
use crate::nftables::rules::{Judged, Who};
use crate::nftables::{self, State, Table};
use crate::observation::Trouble;
use crate::policy::{Mode, Policy};
use crate::sensor::{kernel, process};
use std::path::PathBuf;

impl Watch<'_> {
    /// Puts a table in force when the policy enforces, and otherwise removes what an earlier watch left. `why` says
    /// why there are no programs.
    pub(super) fn begin_table(&mut self, why: &str) -> Result<(), Problem> {
        let name = pin_name(&self.options.policy);
        if self.monitor.policy().mode != Mode::Enforce {
            drop(nftables::release(&name));
            return Ok(());
        }
        let refused = |what: String| {
            format!(
                "nothing can be blocked without programs in the kernel: {why}; nor by nftables: {what}\nhint: use tier t2, \
                 make `nft` work here, or use `mode = \"alert\"`"
            )
        };
        let (services, folders) = self.judged().map_err(refused)?;
        if let Some(pid) = nftables::elsewhere(self.serving()) {
            return Err(refused(format!(
                "process {pid} of a service is in another network namespace, where this watch refuses nothing"
            )));
        }
        let how = enforcement(self.monitor.policy());
        let (table, before) = Table::new(&name, how.fail_closed, services, folders)
            .map_err(|error| refused(error.to_string()))?;
        self.table = Some(table);
        drop(crate::bpf::release(&name));
        if before > 0 {
            (self.say)(Said::Note(format!(
                "{before} packets were refused by the table that an earlier watch left; those after its end were not recorded \
                 one by one"
            )));
        }
        Ok(())
    }

    /// Services as a table judges them, and their cgroups.
    fn judged(&self) -> Result<(Vec<Judged>, Vec<PathBuf>), String> {
        let (mut judged, mut folders) = (Vec::new(), Vec::new());
        for (service, settings) in self.monitor.policy().services.iter().enumerate() {
            let who = match (settings.user, kernel::scope(settings)) {
                (Some(user), _) => Who::User(user),
                (None, Some((folder, _))) => {
                    let who = nftables::by_cgroup(&folder)?;
                    folders.push(folder);
                    who
                }
                (None, None) => continue,
            };
            judged.push(Judged { service, who, allowed: self.monitor.allowed(service) });
        }
        Ok((judged, folders))
    }

    /// Processes of services, as `/proc` has them.
    fn serving(&self) -> Vec<u32> {
        let all = process::all().into_iter().map(|running| running.pid);
        all.filter(|pid| self.monitor.is_serving(*pid)).collect()
    }

    /// Says what the table does and does not.
    pub(super) fn table_notes(&self) -> Vec<String> {
        let Some(table) = &self.table else { return Vec::new() };
        let mut notes = vec![format!(
            "nftables: what is not allowed is refused by table `inet {}`, in this network namespace: connections of TCP \
             when they begin, everything else packet by packet",
            table.name()
        )];
        let policy = self.monitor.policy();
        if policy.follow.is_empty() {
            notes.extend(names(policy).into_iter().map(|(service, host)| {
                format!(
                    "limited: `{host}` is allowed to service `{service}` by its name, and no sensor here hears name \
                     servers: connections to it are refused; name its network, or follow a sensor that records DNS"
                )
            }));
        }
        notes
    }

    /// Puts what is allowed now into the table.
    pub(super) fn refresh_table(&mut self) {
        self.stale = false;
        if self.table.is_none() {
            return;
        }
        let how = enforcement(self.monitor.policy());
        let judged = self.judged();
        let Some(table) = &mut self.table else { return };
        let result = match judged {
            Ok((services, _)) => table.judge(how.fail_closed, services),
            Err(what) => Err(std::io::Error::other(what)),
        };
        if let Err(error) = result {
            self.broken(format!("what is allowed could not be changed: {error}"));
        }
    }

    /// Follows a policy that was changed.
    pub(super) fn apply_table(&mut self) {
        if self.programs.is_some() {
            return;
        }
        let enforce = self.monitor.policy().mode == Mode::Enforce;
        match (self.table.take(), enforce) {
            (Some(table), true) => {
                self.table = Some(table);
                self.refresh_table();
            }
            (Some(table), false) => drop(table.remove()),
            (None, true) => {
                if let Err(what) = self.begin_table("this watch has none") {
                    let (rule, subject) = ("policy-broken", "mode".to_owned());
                    self.trouble(Trouble { rule, subject, what: Some(what), ..Trouble::default() });
                }
            }
            (None, false) => {}
        }
    }

    /// Tells the table that somebody is there. One that is gone is written again.
    pub(super) fn keep_table(&mut self) {
        let Some(table) = &mut self.table else { return };
        let lost = std::mem::take(&mut table.log.lost);
        if table.heartbeat().is_err() {
            self.check_table();
        }
        if lost > 0 {
            self.lost(lost, "refusals", "because they came faster than they could be read");
        }
    }

    /// Looks whether the table still refuses what it should, and writes it again if not.
    pub(super) fn check_table(&mut self) {
        let Some(table) = &mut self.table else { return };
        if let State::Broken(why) = table.state() {
            let outcome = match table.restore() {
                Ok(()) => "and was written again".to_owned(),
                Err(error) => format!("and cannot be written: {error}"),
            };
            self.broken(format!("{why}: nftables did not refuse, {outcome}"));
        }
        if let Some(pid) = nftables::elsewhere(self.serving()) {
            self.broken(format!(
                "process {pid} of a service is in another network namespace, where nothing is refused"
            ));
        }
    }

    fn broken(&mut self, what: String) {
        let (rule, subject) = ("sensor-detached", what.clone());
        self.trouble(Trouble { rule, subject, what: Some(what), ..Trouble::default() });
    }

    /// Leaves the table as the policy says.
    pub(super) fn end_table(&mut self) {
        let closed = enforcement(self.monitor.policy()).fail_closed;
        if let Some(Err(error)) = self.table.take().filter(|_| !closed).map(Table::remove) {
            (self.say)(Said::Note(format!(
                "the table of nftables could not be removed, and refuses for five more seconds: {error}"
            )));
        }
    }
}

/// Services and the names that they are allowed.
fn names(policy: &Policy) -> Vec<(String, String)> {
    let services = policy.services.iter();
    services
        .flat_map(|service| {
            let hosts = service.allow.iter().filter_map(|entry| entry.host.clone());
            hosts.map(|host| (service.name.clone(), host))
        })
        .collect()
}
