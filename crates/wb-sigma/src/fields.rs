//! [`Names`]: what rules call a field, and where records have it; [`Record`]: a record that rules can look at.

use jiff::Timestamp;
use rsigma_eval::event::{Event as Looked, EventValue};
use rustc_hash::FxHashMap;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use wb_core::{Event, EventKind, NetVerdict};
use wb_logs::flows::Connection;

/// The table of names, as it ships.
pub(crate) const TABLE: &str = include_str!("../data/fields.toml");

/// A place in a record.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Time,
    Kind,
    Host,
    User,
    Level,
    Message,
    Source,
    SourcePort,
    Destination,
    DestinationPort,
    Domain,
    Transport,
    Protocol,
    BytesOut,
    BytesIn,
    Method,
    Path,
    Answers,
    Verdict,
    /// The organisation that a model's name or source begins with.
    Organization,
    /// A field of the record.
    Field(Box<str>),
    /// A field of the record, behind a slash.
    Behind(Box<str>),
}

impl Place {
    fn named(name: &str) -> Self {
        match name {
            "event.time" => Self::Time,
            "event.kind" => Self::Kind,
            "host.name" => Self::Host,
            "user.name" => Self::User,
            "log.level" => Self::Level,
            "message" => Self::Message,
            "source.address" => Self::Source,
            "source.port" => Self::SourcePort,
            "destination.address" => Self::Destination,
            "destination.port" => Self::DestinationPort,
            "destination.domain" => Self::Domain,
            "network.transport" => Self::Transport,
            "network.protocol" => Self::Protocol,
            "source.bytes" => Self::BytesOut,
            "destination.bytes" => Self::BytesIn,
            "http.request.method" => Self::Method,
            "url.path" => Self::Path,
            "dns.answers" => Self::Answers,
            "network.verdict" => Self::Verdict,
            "model.organization" => Self::Organization,
            other => match other.strip_prefix('/') {
                Some(field) => Self::Behind(field.into()),
                None => Self::Field(other.into()),
            },
        }
    }

    /// Whether a connection that is no event yet has it.
    const fn is_of_connections(&self) -> bool {
        matches!(
            self,
            Self::Time
                | Self::Kind
                | Self::Source
                | Self::Destination
                | Self::DestinationPort
                | Self::Domain
                | Self::Transport
                | Self::BytesOut
                | Self::Method
                | Self::Path
                | Self::Answers
                | Self::Verdict
        )
    }
}

/// The names of fields and their places.
#[derive(Debug)]
pub(crate) struct Names(FxHashMap<String, Vec<Place>>);

impl Names {
    /// The names that ship.
    pub(crate) fn shipped() -> &'static Self {
        static NAMES: OnceLock<Names> = OnceLock::new();
        NAMES.get_or_init(|| {
            let tables: BTreeMap<String, BTreeMap<String, Vec<String>>> =
                toml::from_str(TABLE).expect("a test reads the table that ships");
            let rows = tables.into_values().flatten();
            Self(
                rows.map(|(name, places)| {
                    (name, places.iter().map(|place| Place::named(place)).collect())
                })
                .collect(),
            )
        })
    }

    /// The places of `name`; itself when no row names it.
    fn with<T>(&self, name: &str, mut look: impl FnMut(&Place) -> Option<T>) -> Option<T> {
        match self.0.get(name) {
            Some(places) => places.iter().find_map(look),
            None => look(&Place::named(name)),
        }
    }

    /// Whether everything that `name` can mean is known of a connection before it is an event.
    pub(crate) fn is_of_connections(&self, name: &str) -> bool {
        self.with(name, |place| (!place.is_of_connections()).then_some(())).is_none()
    }
}

/// An event under the names of rules.
pub(crate) struct Record<'a> {
    pub(crate) event: &'a Event,
    pub(crate) names: &'a Names,
}

impl<'a> Record<'a> {
    /// The value of a field.
    pub(crate) fn value(&self, name: &str) -> Option<EventValue<'a>> {
        self.names.with(name, |place| of_event(self.event, place))
    }

    fn texts(&self) -> impl Iterator<Item = &'a str> {
        let event = self.event;
        let net = event.net.as_ref().into_iter();
        let ends = net.flat_map(|net| [&net.source, &net.destination, &net.host, &net.path]);
        let own = [&event.host, &event.actor, &event.object].into_iter();
        std::iter::once(event.message.as_str())
            .chain(event.fields.values().map(String::as_str))
            .chain(own.chain(ends).flatten().map(String::as_str))
    }
}

impl Looked for Record<'_> {
    fn get_field(&self, path: &str) -> Option<EventValue<'_>> {
        self.value(path)
    }

    fn any_string_value(&self, wanted: &dyn Fn(&str) -> bool) -> bool {
        self.texts().any(wanted)
    }

    fn all_string_values(&self) -> Vec<Cow<'_, str>> {
        self.texts().map(Cow::Borrowed).collect()
    }

    fn visit_string_values(&self, visit: &mut dyn FnMut(&str)) {
        self.texts().for_each(visit);
    }

    fn to_json(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
}

fn text(value: &str) -> Option<EventValue<'_>> {
    (!value.is_empty()).then_some(EventValue::Str(Cow::Borrowed(value)))
}

fn count(value: u64) -> EventValue<'static> {
    i64::try_from(value).map_or(EventValue::Null, EventValue::Int)
}

fn time(time: Option<Timestamp>) -> Option<EventValue<'static>> {
    Some(EventValue::Str(Cow::Owned(time?.to_string())))
}

fn answers(answers: &[String]) -> Option<EventValue<'_>> {
    let all = || answers.iter().map(|answer| EventValue::Str(Cow::Borrowed(answer))).collect();
    (!answers.is_empty()).then(|| EventValue::Array(all()))
}

fn verdict(blocked: bool) -> EventValue<'static> {
    EventValue::Str(Cow::Borrowed(if blocked { "blocked" } else { "allowed" }))
}

fn of_event<'a>(event: &'a Event, place: &Place) -> Option<EventValue<'a>> {
    let net = || event.net.as_ref();
    let of = |value: &'a Option<String>| value.as_deref().and_then(text);
    match place {
        Place::Time => time(event.timestamp()),
        Place::Kind => text(event.kind.name()),
        Place::Host => of(&event.host),
        Place::User => of(&event.actor).or_else(|| event.field("user.name").and_then(text)),
        Place::Level => of(&event.level),
        Place::Message => text(&event.message),
        Place::Source => of(&net()?.source).or_else(|| of(&event.host)),
        Place::SourcePort => Some(count(net()?.source_port?.into())),
        Place::Destination => of(&net()?.destination),
        Place::DestinationPort => Some(count(net()?.destination_port?.into())),
        Place::Domain => of(&net()?.host),
        Place::Transport => of(&net()?.transport),
        Place::Protocol => of(&net()?.protocol),
        Place::BytesOut => Some(count(net()?.bytes_out?)),
        Place::BytesIn => Some(count(net()?.bytes_in?)),
        Place::Method => of(&net()?.method),
        Place::Path => of(&net()?.path),
        Place::Answers => answers(&net()?.answers),
        Place::Verdict => {
            let said = net()?.verdict;
            let blocked = event.kind == EventKind::Block || said == Some(NetVerdict::Blocked);
            Some(verdict(blocked))
        }
        Place::Organization => organization(event).and_then(text),
        Place::Field(name) => event.field(name).and_then(text),
        Place::Behind(name) => {
            let value = event.field(name)?;
            // A name that is a path already needs no slash.
            if value.contains('/') {
                return text(value);
            }
            Some(EventValue::Str(Cow::Owned(format!("/{value}"))))
        }
    }
}

/// The organisation of a model: as the record says, or the first part of `organisation/model` in its name or
/// of the path in its source.
fn organization(event: &Event) -> Option<&str> {
    if let Some(said) = event.field("source.organization") {
        return Some(said);
    }
    let of_source = event.field("source.uri").and_then(|uri| {
        let (written, rest) = match uri.split_once("://") {
            Some(("http" | "https" | "hf", rest)) => (true, rest),
            // The first part of a bucket's path is no organisation.
            Some(_) => return None,
            None => (false, uri),
        };
        let (first, path) = rest.split_once('/')?;
        // Without a scheme the first part may be a host, `huggingface.co/acme/base`, or the organisation.
        let path = if written || first.contains('.') { path } else { rest };
        first_of_two(path)
    });
    of_source.or_else(|| event.field("model.name").and_then(first_of_two))
}

fn first_of_two(path: &str) -> Option<&str> {
    let (first, rest) = path.split_once('/')?;
    let plain = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    (plain(first) && plain(rest.split(['/', '@', ':']).next()?)).then_some(first)
}

/// A connection that is no event yet, under the names of rules.
pub(crate) struct Light<'a> {
    pub(crate) connection: &'a Connection<'a>,
    pub(crate) names: &'a Names,
}

impl Light<'_> {
    fn texts(&self) -> [&str; 5] {
        let Connection { source, destination, host, path, method, .. } = *self.connection;
        [source, destination, host, path, method]
    }
}

impl Looked for Light<'_> {
    fn get_field(&self, path: &str) -> Option<EventValue<'_>> {
        let known = self.connection;
        self.names.with(path, |place| match place {
            Place::Time => time(known.time.map(|time| time.timestamp)),
            Place::Kind => text(known.kind.name()),
            Place::Source => text(known.source),
            Place::Destination => text(known.destination),
            Place::DestinationPort => Some(count(known.port?.into())),
            Place::Domain => text(known.host),
            Place::Transport => text(known.transport),
            Place::BytesOut => Some(count(known.bytes_out?)),
            Place::Method => text(known.method),
            Place::Path => text(known.path),
            Place::Answers => answers(known.answers),
            Place::Verdict => Some(verdict(known.blocked)),
            _ => None,
        })
    }

    fn any_string_value(&self, wanted: &dyn Fn(&str) -> bool) -> bool {
        self.texts().into_iter().any(wanted)
    }

    fn all_string_values(&self) -> Vec<Cow<'_, str>> {
        self.texts().into_iter().map(Cow::Borrowed).collect()
    }

    fn to_json(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
}
