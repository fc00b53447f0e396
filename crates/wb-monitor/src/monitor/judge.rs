//! What the monitor makes of observations: the detections are asked, and records are written.

use super::{Monitor, Told, Waiting};
use crate::alert::{self, Alert, Destination, State};
use crate::detect::connections::{self, Seen};
use crate::detect::rules::Happened;
use crate::detect::{Draft, detection, models, programs};
use crate::ledger::file_name;
use crate::observation::{Connect, File, FileKey, Running, Scan, Trouble};
use crate::policy::{Mode, Reached};
use crate::process::{Id, LoadedBefore};
use crate::record::Record;
use jiff::Timestamp;
use std::net::IpAddr;
use wb_core::{EventKind, Severity, Verdict};

impl Monitor {
    pub(super) fn record_start(&mut self, id: Id, running: &Running, time: Timestamp) {
        let Some(process) = self.processes.get(id) else { return };
        let Some(settings) = process.service.and_then(|at| self.policy.services.get(at)) else {
            return;
        };
        let chain = self.chain(id, self.models_of(id, time).first());
        let record = Record::new(time, "exec", format!("{chain}: {}", process.command))
            .with("service.name", settings.name.clone())
            .with("process.pid", running.pid)
            .with("user.id", running.user.to_string())
            .with("process.command_line", process.command.clone());
        self.told.push(Told::Record(record.line()));
    }

    pub(super) fn judge_start(
        &mut self,
        id: Id,
        running: &Running,
        programs: usize,
        time: Timestamp,
    ) {
        let Some(process) = self.processes.get(id) else { return };
        let Some(service) = process.service else { return };
        let parent = process.parent.and_then(|parent| self.processes.get(parent));
        let inside = parent.is_some_and(|parent| parent.service == Some(service));
        let parent_program = process
            .parent
            .filter(|_| inside)
            .map(|parent| self.processes.program(parent).to_owned());
        let loads = self.models_of(id, time);
        let verdict = loads.iter().filter_map(|load| self.verdict(load)).max();
        let command = crate::process::command_line(&running.arguments, &running.program);
        let draft = programs::judge(&programs::Started {
            program: &running.program,
            command: &command,
            parent: parent_program.as_deref(),
            loaded: verdict,
            programs: self.policy.services.get(service).map_or(&[], |settings| &settings.programs),
        });
        let load = loads.first();
        let (key, chain) = (load.map(|load| load.file), self.chain_since(id, load, programs));
        let name = self.service_name(Some(service));
        let seen = Happened {
            service: &name,
            program: &running.program,
            parent: parent_program.as_deref(),
            command: Some(&command),
            chain: &chain,
            user: Some(running.user),
            ..Happened::default()
        };
        let found = self.rules.ask(EventKind::Exec, &seen, time);
        self.raise_of_rules(found, Some(service), None, Some((id, key)), time);
        let Some(draft) = draft else { return };
        let mut alert =
            self.complete(draft, Some(service), None, Some((id, load.map(|load| load.file))), time);
        alert.chain = chain;
        alert.command = Some(command);
        self.tell_once(alert);
    }

    pub(super) fn judge_connect(&mut self, connect: &Connect, time: Timestamp) {
        let Some(service) = connect.service else { return };
        let id = connect.pid.and_then(|pid| self.processes.id(pid));
        let to = self.destination(connect, time);
        let loads = id.map(|id| self.models_of(id, time)).unwrap_or_default();
        let reached = Reached {
            address: connect.address,
            host: to.host.as_deref(),
            sni: connect.sni.as_deref(),
            port: connect.port,
        };
        let allowed = self.is_allowed(service, &reached, time);
        let named = [Some(to.address.as_str()), to.host.as_deref()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>();
        let naming = self.ledger.naming(&named).map(|(key, entry, what)| (key, entry.name(), what));
        let own =
            naming.as_ref().is_some_and(|(key, ..)| loads.iter().any(|load| load.file == *key));
        let program =
            id.map_or(connect.program.as_str(), |id| self.processes.program(id)).to_owned();
        let draft = connections::judge(&Seen {
            destination: &to,
            address: connect.address,
            allowed,
            since_load: loads.first().map(|load| load.ago.as_secs_f64()),
            window: f64::from(self.policy.seconds_after_load),
            is_command: programs::is_command(&program),
            named: naming.as_ref().map(|(_, name, what)| (name.as_str(), what.as_str(), own)),
            alerting: self.policy.mode != Mode::Observe,
        });
        let key = naming.as_ref().filter(|_| own).map(|(key, ..)| *key);
        let model = key.or_else(|| loads.first().map(|load| load.file));
        self.record_connect(connect, &to, id, model, allowed, time);
        let process = id.map(|id| (id, model));
        let name = self.service_name(Some(service));
        let seen = Happened {
            service: &name,
            program: &program,
            connect: Some((connect, to.host.as_deref())),
            ..Happened::default()
        };
        let found = self.rules.ask(EventKind::Connect, &seen, time);
        self.raise_of_rules(found, Some(service), Some((connect, &to)), process, time);
        if let Some(mut draft) = draft {
            draft.because.extend(self.unknown_sni(service, connect));
            self.raise(draft, Some(service), Some((connect, &to)), process, time);
        }
        if !allowed && self.policy.mode != Mode::Observe {
            let name = to.to_string();
            let draft = self
                .history(service, &to)
                .and_then(|history| history.attempt(&name, time.as_second()));
            if let Some(draft) = draft {
                self.raise(draft, Some(service), Some((connect, &to)), process, time);
            }
        }
    }

    /// That a connection could be one that is allowed by its name in TLS, when no sensor told that name.
    fn unknown_sni(&self, service: usize, connect: &Connect) -> Option<String> {
        let mut entries = self.policy.services.get(service)?.allow.iter();
        let entry = entries.find(|entry| {
            entry.is_by_sni_alone() && entry.port.is_none_or(|port| port == connect.port)
        })?;
        let sni = entry.sni.as_deref().filter(|_| connect.sni.is_none())?;
        Some(format!("`{sni}` is allowed there by its name in TLS, which this sensor does not see"))
    }

    /// A connection of nobody knows whom: it is counted and recorded, and an alert only when a scanned model names where it went.
    pub(super) fn judge_unattributed(&mut self, connect: &Connect, time: Timestamp) {
        if connect.pid.is_some() {
            return;
        }
        self.counts.unattributed += 1;
        let to = self.destination(connect, time);
        let record = Record::new(time, "connect", format!("unattributed: {to}"))
            .to(Some(&to))
            .with("network.transport", connect.transport)
            .with("source.bytes", connect.bytes_out);
        self.told.push(Told::Record(record.line()));
        let named = [Some(to.address.as_str()), to.host.as_deref()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>();
        let Some((key, name, what)) =
            self.ledger.naming(&named).map(|(key, entry, what)| (key, entry.name(), what))
        else {
            return;
        };
        let draft = Draft {
            rule: "connection-to-host-named-by-model",
            severity: Severity::Critical,
            subject: to.to_string(),
            headline: format!(
                "a process of this host connected to {to}, which {name} names in its code"
            ),
            because: vec![format!(
                "code in {name} names `{what}`; which process it was is not known"
            )],
        };
        let mut alert = self.complete(draft, None, Some((connect, &to)), None, time);
        alert.model = self.ledger.get(key).map(|entry| entry.model());
        self.tell_once(alert);
    }

    fn record_connect(
        &mut self,
        connect: &Connect,
        to: &Destination,
        id: Option<Id>,
        model: Option<FileKey>,
        allowed: bool,
        time: Timestamp,
    ) {
        let name = connect
            .service
            .and_then(|service| self.policy.services.get(service))
            .map(|one| one.name.clone());
        let name = name.unwrap_or_default();
        let outcome = match (connect.refused, allowed) {
            (true, _) => "refused",
            (_, true) => "allowed",
            _ => "outside",
        };
        *self.counts.connections.entry((name.clone(), outcome)).or_default() += 1;
        if id.is_none() {
            self.counts.unattributed += 1;
        }
        let entry = model.and_then(|key| self.ledger.get(key)).map(|entry| entry.model());
        let chain = match id {
            Some(id) => {
                let load =
                    self.models_of(id, time).into_iter().find(|load| Some(load.file) == model);
                self.chain(id, load.as_ref())
            }
            None => format!(
                "unattributed ({})",
                if connect.program.is_empty() { "no process" } else { &connect.program }
            ),
        };
        let process = id.and_then(|id| self.processes.get(id));
        let word = if connect.refused { "blocked" } else { "allowed" };
        let record = Record::new(time, "connect", format!("{chain}: {to}"))
            .with("service.name", name)
            .with("process.pid", connect.pid)
            .with("process.command_line", process.map(|process| process.command.clone()))
            .with("weighbridge.chain", chain)
            .to(Some(to))
            .with("tls.client.server_name", connect.sni.clone())
            .with("network.transport", connect.transport)
            .with("source.bytes", connect.bytes_out)
            .with("verdict", word)
            .with("weighbridge.policy", if allowed { "allowed" } else { "outside" })
            .of(entry.as_ref());
        self.told.push(Told::Record(record.line()));
    }

    pub(super) fn loaded(&mut self, id: Id, key: FileKey, time: Timestamp) {
        let Some(entry) = self.ledger.get(key) else { return };
        let Some(scan) = &entry.scan else { return };
        if !entry.is_model() {
            return;
        }
        *self.counts.loads.entry(scan.verdict.name()).or_default() += 1;
        let (model, drafts) = (entry.model(), models::judge(entry, &self.policy.approved));
        let service = self.processes.get(id).and_then(|process| process.service);
        self.record_load(id, &model, time);
        let name = self.service_name(service);
        let program = self.processes.program(id).to_owned();
        let seen = Happened {
            service: &name,
            program: &program,
            file: Some(&model.path),
            ..Happened::default()
        };
        let found = self.rules.ask(EventKind::Load, &seen, time);
        self.raise_of_rules(found, service, None, Some((id, Some(key))), time);
        for draft in drafts {
            self.raise(draft, service, None, Some((id, Some(key))), time);
        }
    }

    fn record_load(&mut self, id: Id, model: &alert::Model, time: Timestamp) {
        let process = self.processes.get(id);
        let service =
            process.and_then(|process| process.service).and_then(|at| self.policy.services.get(at));
        let program = self.processes.program(id);
        let name = file_name(std::path::Path::new(&model.path));
        let record = Record::new(time, "load", format!("{program} loaded model {name}"))
            .with("service.name", service.map(|service| service.name.clone()))
            .with("process.pid", process.map(|process| process.pid))
            .with("process.command_line", process.map(|process| process.command.clone()))
            .of(Some(model));
        self.told.push(Told::Record(record.line()));
    }

    /// The scanner is done: loads of the file are told with its verdict, and connections that waited are
    /// judged.
    pub(super) fn scanned(&mut self, key: FileKey, scan: Scan, time: Timestamp) {
        let Some(entry) = self.ledger.scanned(key, scan) else { return };
        let loaded = entry.loaded;
        let drafts = if loaded { Vec::new() } else { models::judge(entry, &self.policy.approved) };
        if loaded {
            let loaders = self.processes.loaders(key);
            for (id, seen) in loaders {
                self.loaded(id, key, seen);
            }
        }
        for draft in drafts {
            self.raise_about_file(draft, key, time);
        }
        let ready = self.waiting.len();
        for _ in 0..ready {
            match self.waiting.pop_front() {
                Some((time, Waiting::Connect(connect))) => self.connect(connect, time),
                Some((time, start @ Waiting::Start(id, ..))) => {
                    self.judge_or_wait(Some(id), start, time)
                }
                None => break,
            }
        }
    }

    pub(super) fn written(&mut self, pid: Option<u32>, file: &File, time: Timestamp) {
        let id = pid.and_then(|pid| self.processes.id(pid));
        let user = id.and_then(|id| self.processes.get(id)).map(|process| process.user);
        let program = id.map(|id| self.processes.program(id).to_owned());
        let path = file.path.display().to_string();
        let writer = program.as_deref().zip(user);
        let chain = id
            .map(|id| self.processes.chain(id, None))
            .unwrap_or_else(|| "unattributed".to_owned());
        let record = Record::new(time, "write", format!("{path} was written by {chain}"))
            .with("file.path", path.clone())
            .with("process.pid", pid)
            .with("user.id", user.map(|user| user.to_string()));
        self.told.push(Told::Record(record.line()));
        let service = id.and_then(|id| self.processes.get(id)).and_then(|process| process.service);
        let name = self.service_name(service);
        let seen = Happened {
            service: &name,
            program: program.as_deref().unwrap_or_default(),
            chain: &chain,
            user,
            file: Some(&path),
            ..Happened::default()
        };
        let found = self.rules.ask(EventKind::Change, &seen, time);
        self.raise_of_rules(found, service, None, id.map(|id| (id, None)), time);
        if let Some(draft) = models::written(&path, writer, &self.policy.deploy) {
            self.raise(draft, service, None, id.map(|id| (id, None)), time);
        }
    }

    /// A file among the models is run as a program.
    pub(super) fn executed(&mut self, pid: u32, file: &File, time: Timestamp) {
        let id = self.processes.id(pid);
        let process = id.and_then(|id| self.processes.get(id));
        let (service, user) =
            (process.and_then(|process| process.service), process.map(|process| process.user));
        let path = file.path.display().to_string();
        let chain = id.map(|id| self.chain(id, self.models_of(id, time).first()));
        let chain = chain.unwrap_or_else(|| "unattributed".to_owned());
        let record = Record::new(time, "exec", format!("{path} was executed by {chain}"))
            .with("service.name", self.service_name(service))
            .with("file.path", path.clone())
            .with("process.pid", pid)
            .with("user.id", user.map(|user| user.to_string()));
        self.told.push(Told::Record(record.line()));
        let settings = service.and_then(|at| self.policy.services.get(at));
        let programs = settings.map_or(&[][..], |service| &service.programs);
        if let Some(draft) = models::executed(&path, &file_name(&file.path), programs) {
            self.raise(draft, service, None, id.map(|id| (id, None)), time);
        }
    }

    pub(super) fn sent(
        &mut self,
        service: usize,
        address: IpAddr,
        port: u16,
        bytes: u64,
        time: Timestamp,
    ) {
        let to = self.destination_at(address, port, time);
        // Bytes are counted by address: the name in TLS was judged with each connection.
        let reached = Reached { address, host: to.host.as_deref(), sni: None, port };
        let allowed = self.is_allowed(service, &reached, time);
        let name = to.to_string();
        let draft =
            self.history(service, &to).and_then(|history| history.sent(&name, bytes, allowed));
        if let Some(draft) = draft.filter(|_| self.policy.mode != Mode::Observe) {
            self.raise(draft, Some(service), None, None, time);
        }
    }

    /// A connection ended that was told before: what it sent is recorded, and added to what went there.
    pub(super) fn ended(
        &mut self,
        pid: Option<u32>,
        service: Option<usize>,
        to: &Destination,
        (transport, bytes): (&str, u64),
        time: Timestamp,
    ) {
        let id = pid.and_then(|pid| self.processes.id(pid));
        let own = id.and_then(|id| self.processes.get(id)).and_then(|process| process.service);
        let service = service.or(own);
        let record = Record::new(time, "end", format!("{bytes} bytes were sent to {to}"))
            .with("service.name", self.service_name(service))
            .with("process.pid", pid)
            .to(Some(to))
            .with("network.transport", transport)
            .with("source.bytes", bytes);
        self.told.push(Told::Record(record.line()));
        let Some(service) = service else { return };
        let total = self.history(service, to).map_or(bytes, |history| history.total() + bytes);
        if let Ok(address) = to.address.parse() {
            self.sent(service, address, to.port, total, time);
        }
    }

    pub(super) fn trouble(&mut self, trouble: &Trouble, time: Timestamp) {
        let id = alert::id(trouble.rule, "", &trouble.subject);
        let Some(what) = &trouble.what else {
            if let Some(alert) = self.book.resolve(&id, time) {
                self.tell(alert);
            }
            return;
        };
        if trouble.count > 0 {
            // The alert is told once; how much was lost is recorded every time.
            self.counts.lost += trouble.count;
            self.told.push(Told::Record(Record::new(time, "sensor", what.clone()).line()));
        }
        let severity = match trouble.rule {
            "sensor-detached" | "events-lost" => Severity::High,
            _ => Severity::Medium,
        };
        let draft = Draft {
            rule: trouble.rule,
            severity,
            subject: trouble.subject.clone(),
            headline: what.clone(),
            because: Vec::new(),
        };
        self.raise(draft, None, None, None, time);
    }

    fn raise_about_file(&mut self, draft: Draft, key: FileKey, time: Timestamp) {
        let mut alert = self.complete(draft, None, None, None, time);
        alert.model = self.ledger.get(key).map(|entry| entry.model());
        self.tell_once(alert);
    }

    pub(super) fn complete(
        &self,
        draft: Draft,
        service: Option<usize>,
        connect: Option<(&Connect, &Destination)>,
        process: Option<(Id, Option<FileKey>)>,
        time: Timestamp,
    ) -> Alert {
        let service =
            service.and_then(|at| self.policy.services.get(at)).map(|one| one.name.clone());
        let service = service.unwrap_or_default();
        let detection = detection(draft.rule);
        let (id, key) = (process.map(|(id, _)| id), process.and_then(|(_, key)| key));
        let load = id.and_then(|id| {
            self.models_of(id, time).into_iter().find(|load| Some(load.file) == key)
        });
        let chain = match (id, connect) {
            (Some(id), _) => self.chain(id, load.as_ref()),
            (None, Some(_)) => "unattributed".to_owned(),
            (None, None) => String::new(),
        };
        Alert {
            id: alert::id(draft.rule, &service, &draft.subject),
            rule: draft.rule,
            severity: draft.severity,
            time,
            last: time,
            count: 1,
            state: State::New,
            service,
            headline: draft.headline,
            chain,
            pid: id.and_then(|id| self.processes.get(id)).map(|process| process.pid),
            command: id
                .and_then(|id| self.processes.get(id))
                .map(|process| process.command.clone()),
            destination: connect.map(|(_, to)| to.clone()),
            model: key.and_then(|key| self.ledger.get(key)).map(|entry| entry.model()),
            refused: connect.is_some_and(|(connect, _)| connect.refused),
            because: draft.because,
            techniques: detection.techniques,
            next: detection.next.to_owned(),
        }
    }

    /// The name of a service; empty for none.
    fn service_name(&self, service: Option<usize>) -> String {
        let service = service.and_then(|at| self.policy.services.get(at));
        service.map(|one| one.name.clone()).unwrap_or_default()
    }

    /// The models that a process or what it descends from loaded before `time`, the latest first. Files that
    /// turned out to be no models are left out.
    fn models_of(&self, id: Id, time: Timestamp) -> Vec<LoadedBefore> {
        let mut loads = self.processes.loaded(id, time);
        loads.retain(|load| self.ledger.get(load.file).is_some_and(crate::ledger::Entry::is_model));
        loads
    }

    fn verdict(&self, load: &LoadedBefore) -> Option<Verdict> {
        let entry = self.ledger.get(load.file)?;
        Some(entry.scan.as_ref().map_or(Verdict::Unknown, |scan| scan.verdict))
    }

    /// `curl <- sh <- python3 (loaded production_model.pkl, sha256 c4e5..., 0.4 s earlier)`
    fn chain(&self, id: Id, load: Option<&LoadedBefore>) -> String {
        self.chain_since(id, load, usize::MAX)
    }

    /// The same at the time when the process had run `programs` programs.
    fn chain_since(&self, id: Id, load: Option<&LoadedBefore>, programs: usize) -> String {
        let note = load.and_then(|load| {
            let entry = self.ledger.get(load.file)?;
            let digest = match &entry.scan {
                Some(scan) => format!("sha256 {}...", scan.sha256.get(..8).unwrap_or_default()),
                None => "not hashed yet".to_owned(),
            };
            Some((load.by, format!("loaded {}, {digest}, {} earlier", entry.name(), ago(load.ago))))
        });
        self.processes.chain_since(
            id,
            note.as_ref().map(|(id, note)| (*id, note.as_str())),
            programs,
        )
    }
}

/// A span of time in the unit that fits.
fn ago(span: jiff::SignedDuration) -> String {
    let seconds = span.as_secs_f64();
    match seconds {
        0.0..60.0 => format!("{seconds:.1} s"),
        60.0..7200.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.0} h", seconds / 3600.0),
    }
}
