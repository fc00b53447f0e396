//! The same rules on a live host.
//!
//! Sensors turn what processes do into [`Observation`]s; the [`Monitor`] knows processes, the models they
//! loaded and what the policy allows, and turns observations into [`Alert`]s and records; outputs carry both
//! away. The monitor itself touches neither kernel nor clock, so that a recorded day can be judged again.

pub mod alert;
mod cgroup;
mod detect;
pub mod learn;
mod ledger;
mod monitor;
mod names;
pub mod observation;
pub mod policy;
mod process;
mod record;

#[cfg(target_os = "linux")]
mod bpf;
#[cfg(target_os = "linux")]
mod nftables;
pub mod output;
#[cfg(target_os = "linux")]
mod sensor;
#[cfg(target_os = "linux")]
mod sys;
#[cfg(target_os = "linux")]
pub mod watch;

pub use alert::Alert;
pub use detect::{DETECTIONS, Detection};
pub use monitor::{AllowedNetwork, Counts, Monitor, Told};
pub use observation::Observation;
pub use policy::Policy;
