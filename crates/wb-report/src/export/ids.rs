//! [`Ids`]: identifiers and the one time of an export, derived from the case.

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use wb_core::Case;

/// The namespace of everything weighbridge names (RFC 9562, section 5.5).
const WEIGHBRIDGE: Uuid = Uuid::from_u128(0x8c2f_6a1e_4b57_4f0b_9d36_5e0d_7a41_c3b2);

/// Identifiers of one case.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ids {
    case: Uuid,
}

impl Ids {
    /// The case is known by its artifacts: their paths and digests.
    pub fn of(case: &Case) -> Self {
        let mut digest = Sha256::new();
        for artifact in &case.artifacts {
            digest.update((artifact.path.as_str().len() as u64).to_le_bytes());
            digest.update(artifact.path.as_str());
            digest.update(artifact.sha256.map_or([0; 32], |sha256| sha256.0));
        }
        Self { case: Uuid::new_v5(&WEIGHBRIDGE, &digest.finalize()) }
    }

    /// The case itself.
    pub fn case(self) -> Uuid {
        self.case
    }

    /// The thing of this case that is called `name` among those of its `kind`.
    pub fn of_case(self, kind: &str, name: &str) -> Uuid {
        Uuid::new_v5(&self.case, format!("{kind}\0{name}").as_bytes())
    }

    /// The thing called `name` that is the same in all cases.
    pub fn shared(kind: &str, name: &str) -> Uuid {
        Uuid::new_v5(&WEIGHBRIDGE, format!("{kind}\0{name}").as_bytes())
    }
}

/// The time of the last thing on record. No clock is asked: the same case gives the same bytes, and a case
/// without a dated record is stamped with the beginning of 1970.
pub(super) fn time_of(case: &Case) -> Timestamp {
    let events = case.timeline.iter().map(|entry| entry.time);
    let flows = case.flows.iter().map(|flow| flow.last);
    events.chain(flows).max().unwrap_or(Timestamp::UNIX_EPOCH).max(Timestamp::UNIX_EPOCH)
}
