//! [`Sink`]: where what is read goes, and how much of it is wanted.

use crate::flows::Connection;
use wb_core::{ArtifactPath, Event, EventKind};

/// Takes what a log records, in file order.
///
/// Most records of a large log are connections that only count, and messages that say the same over and
/// over. A sink that wants no more of those than their number says so, and they are never built as events.
pub trait Sink {
    /// Takes a record.
    fn event(&mut self, event: Event);

    /// Whether every record is wanted as an event. If not, ordinary ones may come by [`Self::connection`] and
    /// [`Self::ordinary`].
    fn wants_everything(&self) -> bool {
        true
    }

    /// Takes a record as a connection. Returns whether that was enough; if not, it comes as an event too, and
    /// was not taken.
    fn connection(&mut self, artifact: &ArtifactPath, connection: &Connection<'_>) -> bool {
        let _ = (artifact, connection);
        false
    }

    /// Whether this event matters so that none like it may be left out.
    fn is_notable(&self, event: &Event) -> bool {
        let _ = event;
        false
    }

    /// Whether records of a source and kind are wanted as events even if they differ only in numbers from others.
    fn wants_ordinary(&self, source: &'static str, kind: EventKind) -> bool {
        let _ = (source, kind);
        false
    }

    /// Counts a record that differs only in numbers from several that came as events of this kind.
    fn ordinary(&mut self, kind: EventKind) {
        let _ = kind;
    }
}

/// A function that takes every record.
pub(crate) struct Everything<'a>(pub(crate) &'a mut dyn FnMut(Event));

impl Sink for Everything<'_> {
    fn event(&mut self, event: Event) {
        (self.0)(event);
    }
}
