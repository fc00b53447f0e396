//! One turn of the loop: read the sensors, let the monitor judge, carry away what it tells.

use super::{Problem, Said, Watch, enforcement, to_kernel};
use crate::bpf::event::Kernel;
use crate::monitor::Told;
use crate::observation::{File, Observation, Trouble, What};
use crate::output::incident::{self, Copying};
use crate::policy::Fail;
use crate::sensor::scanner::LONGEST_HOLD;
use crate::sensor::{self, Clock, process};
use crate::sys::fanotify::FileEvent;
use crate::sys::host;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::{Duration, Instant};
use wb_core::Verdict;

/// Kernel records taken in one turn at the most, so that files are looked at in between.
const RECORDS: usize = 8192;

/// A process that waits to open a model.
pub(super) struct Held {
    pub(super) event: FileEvent,
    pub(super) file: File,
    pub(super) since: Instant,
}

/// When the parts of the loop that follow the clock are due.
struct Due {
    second: Instant,
    five: Instant,
}

impl Watch<'_> {
    /// The loop.
    pub(super) fn until_the_end(&mut self) -> Result<(), Problem> {
        let start = Instant::now();
        let mut due = Due { second: start, five: start };
        loop {
            if self.options.duration.is_some_and(|duration| start.elapsed() >= duration) {
                return self.end("the time is over");
            }
            self.wait().map_err(|error| format!("waiting for events: {error}"))?;
            if let Some(signal) = host::signal(&self.signals) {
                if !host::means_reload(signal) {
                    return self.end("a signal asked for the end");
                }
                self.reload();
            }
            let full = self.read();
            self.monitor.tick(sensor::now());
            self.carry();
            if self.stale {
                self.refresh_table();
            }
            if due.second.elapsed() >= Duration::from_secs(1) {
                due.second = Instant::now();
                self.each_second();
            }
            if due.five.elapsed() >= Duration::from_secs(5) {
                due.five = Instant::now();
                self.each_five_seconds();
            }
            if !full {
                // Events gather for a moment: under load one turn takes many. Who waits to open a model waits less.
                let moment = if self.monitor.policy().hold_loads { 1 } else { 10 };
                std::thread::sleep(Duration::from_millis(moment));
            }
        }
    }

    fn wait(&self) -> std::io::Result<()> {
        let mut fds: Vec<BorrowedFd<'_>> = vec![self.signals.as_fd(), self.scanner.fd()];
        fds.extend(self.files.fds());
        fds.extend(self.programs.as_ref().map(crate::bpf::Programs::fd));
        fds.extend(self.follower.as_ref().map(sensor::follow::Follower::fd));
        fds.extend(self.sockets.iter().flat_map(sensor::sockets::Sockets::fds));
        fds.extend(self.table.as_ref().map(|table| table.log.socket.fd.as_fd()));
        host::wait(&fds, 200)
    }

    /// Reads every sensor. What happened to files is told before what the kernel recorded: a process opens a
    /// model before the model's code connects. Returns whether there is more.
    pub(super) fn read(&mut self) -> bool {
        let mut records = Vec::new();
        if let Some(programs) = &mut self.programs {
            programs.drain(RECORDS, &mut |record| records.push(record));
        }
        let full = records.len() >= RECORDS;
        self.in_order(records);
        self.read_sockets();
        for seen in self.follower.as_mut().map(sensor::follow::Follower::read).unwrap_or_default() {
            self.observe(seen);
        }
        for (file, scan) in self.scanner.results() {
            let malicious = scan.verdict == Verdict::Malicious;
            self.release(|held| (held.file.key == file).then_some(!malicious));
            self.observe(Observation { time: sensor::now(), what: What::Scanned { file, scan } });
        }
        let open = self.monitor.policy().fail == Fail::Open;
        self.release(|held| (held.since.elapsed() > LONGEST_HOLD).then_some(open));
        full
    }

    /// Lets files be seen, then what the kernel recorded, in its order. What happened to files before the
    /// records were made is in its queue by now, so that a load is never told after what its code did. The queue
    /// has no times: its events get that of the first record read with them, or else that of the reading.
    fn in_order(&mut self, records: Vec<Kernel>) {
        let read = sensor::now();
        let seen = self.files.read(read);
        let first = records.first().map(|record| self.clock.at(record.time()));
        let time = first.map_or(read, |first| first.max(seen.since).min(read));
        if seen.lost {
            self.lost(1, "events", "or more about files of models");
        }
        let records = self.meet(records, &seen.what);
        for what in seen.what {
            if let What::Opened { pid: Some(pid), .. } | What::Written { pid: Some(pid), .. } =
                &what
                && !self.monitor.knows(*pid)
                && let Some(running) = process::running(*pid)
            {
                self.observe(Observation { time, what: What::Runs(running) });
            }
            self.observe(Observation { time, what });
        }
        for (event, file) in seen.held {
            // Only services wait: who replaces a malicious model has to be able to open it.
            if self.monitor.is_serving(event.pid) {
                self.held.push(Held { event, file, since: Instant::now() });
            } else {
                self.files.answer(&event, true);
            }
        }
        self.carry();
        let known: Vec<_> =
            self.held.iter().filter_map(|held| self.monitor.verdict_of(held.file.key)).collect();
        for (key, verdict) in known {
            self.release(|held| (held.file.key == key).then_some(verdict != Verdict::Malicious));
        }
        for record in records {
            self.kernel(record);
        }
    }

    /// Lets the making of processes be seen first that are not known and that did something to a file, so that
    /// they are told with their arguments even when they are gone. Returns the other records.
    fn meet(&mut self, records: Vec<Kernel>, what: &[What]) -> Vec<Kernel> {
        let new: Vec<u32> = what
            .iter()
            .filter_map(|one| match one {
                What::Opened { pid, .. } | What::Written { pid, .. } => *pid,
                _ => None,
            })
            .filter(|pid| !self.monitor.knows(*pid))
            .collect();
        let (met, others) = records.into_iter().partition(|record| match record {
            Kernel::Fork { who } | Kernel::Exec { who, .. } => new.contains(&who.pid),
            _ => false,
        });
        let met: Vec<Kernel> = met;
        met.into_iter().for_each(|record| self.kernel(record));
        others
    }

    /// Reads ends of sockets and processes, where there are no programs.
    fn read_sockets(&mut self) {
        let Some(sockets) = &mut self.sockets else { return };
        let policy = self.monitor.policy();
        let mut seen = Vec::new();
        let log = self.table.as_mut().map(|table| &mut table.log);
        let lost = sockets.read(&|user| policy.of_user(user), log, &mut seen);
        for one in seen {
            self.observe(one);
        }
        if lost {
            self.lost(1, "events", "or more about sockets and processes");
        }
    }

    /// Learns whose the open sockets are, where there are no programs.
    fn list_sockets(&mut self) {
        let Some(sockets) = &mut self.sockets else { return };
        let policy = self.monitor.policy();
        let mut seen = Vec::new();
        sockets.list(&|user| policy.of_user(user), &mut seen);
        for one in seen {
            self.observe(one);
        }
    }

    /// Answers processes that wait, as `answer` says.
    fn release(&mut self, answer: impl Fn(&Held) -> Option<bool>) {
        let held = std::mem::take(&mut self.held);
        for one in held {
            match answer(&one) {
                Some(allow) => self.files.answer(&one.event, allow),
                None => self.held.push(one),
            }
        }
    }

    pub(super) fn kernel(&mut self, record: Kernel) {
        let services = self.monitor.policy().services.len();
        let monitor = &self.monitor;
        let seen =
            self.translator.translate(record, services, self.clock, &|pid| monitor.knows(pid));
        for one in seen {
            self.observe(one);
        }
    }

    pub(super) fn observe(&mut self, seen: Observation) {
        self.monitor.observe(seen);
    }

    /// Carries away what the monitor tells.
    pub(super) fn carry(&mut self) {
        let now = sensor::now();
        for told in self.monitor.take() {
            match told {
                Told::Record(line) => self.outputs.record(now, &line),
                Told::Scan(file) => self.scanner.scan(file),
                Told::Allow(service, network) => {
                    let allowed = to_kernel(network, self.clock);
                    self.stale |= self.table.is_some();
                    if let Some(programs) = &self.programs {
                        drop(programs.allow(service, allowed));
                    }
                }
                Told::Alert(alert) => {
                    let monitor = &self.monitor;
                    let copies = self.outputs.alert(&alert, &|| monitor.ledger());
                    (self.say)(Said::Alert(alert));
                    copies.into_iter().for_each(|copying| self.copy(&copying));
                }
            }
        }
    }

    /// Keeps a model in an incident's folder, if it is not too large.
    fn copy(&mut self, copying: &Copying) {
        let most = self.monitor.policy().outputs.copy_up_to_mib.saturating_mul(1 << 20);
        let file = self.monitor.path_of(&copying.model);
        let why_not = match &file {
            None => Some("it is no longer there".to_owned()),
            Some(file) if file.key.size > most => {
                Some(format!("{} bytes are more than the policy copies", file.key.size))
            }
            Some(_) => None,
        };
        let line = incident::note(sensor::now(), copying, why_not.as_deref());
        self.outputs.record(sensor::now(), &line);
        if let (Some(file), None) = (file, why_not) {
            self.scanner.copy(file, copying.to.clone());
        }
    }

    fn each_second(&mut self) {
        let clock = Clock::now();
        if let Some(seconds) = clock.jump(self.clock) {
            let what = Some(format!("the clock was moved by {seconds:.1} s"));
            self.trouble(Trouble {
                rule: "clock-jump",
                subject: format!("{seconds:.0}"),
                what,
                ..Trouble::default()
            });
        }
        self.clock = clock;
        self.list_sockets();
        self.keep_table();
        let how = enforcement(self.monitor.policy());
        self.tell_losses();
        let services = self.programs.as_ref().map_or(0, |_| self.monitor.policy().services.len());
        if let Some(programs) = &self.programs {
            drop(programs.heartbeat(&vec![how; services]));
        }
        self.check_attached();
        if super::modified(&self.options.policy) != self.changed {
            self.reload();
        }
        for trouble in self.outputs.flush(sensor::now()) {
            self.trouble(trouble);
        }
        self.outputs.publish(self.monitor.counts(), self.monitor.policy().mode.name());
        self.carry();
    }

    /// Tells what found no room in the kernel since this was done last.
    pub(super) fn tell_losses(&mut self) {
        let lost = self.programs.as_mut().map(crate::bpf::Programs::lost).unwrap_or_default();
        self.lost_in_kernel(lost, "because they came faster than they could be read");
    }

    fn each_five_seconds(&mut self) {
        self.refresh_table();
        self.check_table();
        let services = self.monitor.policy().services.len();
        for service in 0..services {
            let allowed = self.allowed(service);
            let Some(programs) = &self.programs else { return };
            drop(programs.replace(service, &allowed));
            for (address, port, bytes) in programs.sent(service) {
                let what = What::Sent { service, address, port, bytes };
                self.monitor.observe(Observation { time: sensor::now(), what });
            }
        }
    }

    /// Attaches programs again that were detached, or whose cgroup was made anew.
    fn check_attached(&mut self) {
        let how = enforcement(self.monitor.policy());
        let detached =
            self.programs.as_ref().map(crate::bpf::Programs::detached).unwrap_or_default();
        for (service, why) in detached {
            let allowed = self.allowed(service);
            let again =
                self.programs.as_mut().map(|programs| programs.reattach(service, how, &allowed));
            let outcome = match again {
                Some(Ok(())) => "and were attached again".to_owned(),
                Some(Err(error)) => format!("and cannot be attached: {error}"),
                None => continue,
            };
            let what = Some(format!("{why}: programs did not see or block, {outcome}"));
            self.trouble(Trouble {
                rule: "sensor-detached",
                subject: why,
                what,
                ..Trouble::default()
            });
        }
    }

    pub(super) fn trouble(&mut self, trouble: Trouble) {
        self.observe(Observation { time: sensor::now(), what: What::Trouble(trouble) });
    }
}
