//! Lanes: the short way for the bulk of large logs.
//!
//! A log is recognised once per run of lines; while lines fit, its [`Lane`] reads them straight into what
//! only counts: a [`Light`] record of the network, or the shape of a message that was seen before. Any line
//! that does not fit, and any that is wanted whole, goes the long way of [`crate::source`].

mod eve;
mod journal;
pub(crate) mod mask;
mod netfilter;
mod shapes;
mod time;
mod vpc;
mod zeek;

pub(crate) use shapes::{Outcome, Shape, Shapes, is_ordinary};
pub(crate) use time::TimeKey;
pub(crate) use vpc::Columns as VpcColumns;
pub(crate) use zeek::Plan as ZeekPlan;

use crate::flows::Part;
use crate::source::State;
use crate::stamp::Stamp;
use std::borrow::Cow;
use wb_core::EventKind;

/// The format of the run of lines being read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Lane {
    /// No line was read, or the last one has no short way.
    #[default]
    None,
    /// Rows under a Zeek header.
    ZeekRows,
    /// Zeek's JSON.
    ZeekJson,
    /// Suricata's EVE.
    Eve,
    /// Rows of VPC flow logs.
    Vpc,
    /// Kernel firewall lines.
    Netfilter,
    /// The journal as JSON.
    Journal,
    /// Other JSON with a time under a key at the top.
    Json(Box<TimeKey>),
    /// Lines of text.
    Text,
}

/// A line on the short way.
pub(crate) enum Glance<'a> {
    /// A record of the network.
    Net(Light<'a>),
    /// A message: its time, and the part of the line that says what happened.
    Words { stamp: Option<Stamp>, words: [&'a str; 2] },
}

/// A record of the network as far as it counts, borrowed from its line.
#[derive(Clone, Debug)]
pub(crate) struct Light<'a> {
    pub(crate) by: &'static str,
    pub(crate) kind: EventKind,
    pub(crate) stamp: Stamp,
    pub(crate) source: Cow<'a, str>,
    pub(crate) packet_port: Option<u16>,
    pub(crate) destination: Cow<'a, str>,
    pub(crate) port: Option<u16>,
    pub(crate) host: Cow<'a, str>,
    pub(crate) transport: Cow<'a, str>,
    pub(crate) bytes_out: Option<u64>,
    pub(crate) blocked: bool,
    pub(crate) part: Part,
    pub(crate) method: Cow<'a, str>,
    pub(crate) path: Cow<'a, str>,
    pub(crate) answers: Vec<String>,
}

impl Light<'_> {
    /// A record that says nothing but when.
    pub(crate) const fn new(by: &'static str, kind: EventKind, stamp: Stamp) -> Self {
        const NONE: Cow<'static, str> = Cow::Borrowed("");
        Self {
            by,
            kind,
            stamp,
            source: NONE,
            packet_port: None,
            destination: NONE,
            port: None,
            host: NONE,
            transport: NONE,
            bytes_out: None,
            blocked: false,
            part: Part::Attempt,
            method: NONE,
            path: NONE,
            answers: Vec::new(),
        }
    }
}

impl Lane {
    /// Looks at a line; `None` when it does not fit the lane.
    pub(crate) fn glance<'a>(&self, text: &'a str, state: &State) -> Option<Glance<'a>> {
        match self {
            Self::None => None,
            Self::ZeekRows => state.zeek_plan()?.row(text).map(Glance::Net),
            Self::ZeekJson => zeek::object(text).map(Glance::Net),
            Self::Eve => eve::object(text),
            Self::Vpc => state.vpc_columns().row(text).map(Glance::Net),
            Self::Netfilter => netfilter::line(text).map(Glance::Net),
            Self::Journal => journal::entry(text),
            Self::Json(key) => {
                let stamp = Some(key.stamp(text)?);
                Some(Glance::Words { stamp, words: [text, ""] })
            }
            Self::Text => Some(Glance::Words { stamp: time::at_head(text), words: [text, ""] }),
        }
    }
}
