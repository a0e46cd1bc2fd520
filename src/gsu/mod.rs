//! General search unit: picks the K events of the history that matter most to each candidate.
//!
//! Hard and soft search: SIM, "Search-based User Interest Modeling with Lifelong Sequential Behavior Data" (Pi et al.,
//! CIKM 2020), section 3.2. Consistent search: TWIN, "TWo-stage Interest Network for Lifelong User Behavior Modeling"
//! (Chang et al., KDD 2023), section 4.2.
//!
//! Every search gives event rows `[C, k]`: the k best, of equals the lower row (the newer event), and [`NO_EVENT`] in the
//! slots that remain, which are the last. Hard and soft search give the best first; in what order consistent search gives them
//! is left open.

mod by_item;
mod consistent;
mod hard;
mod scan;
mod soft;

pub use by_item::ByItem;
pub use consistent::{Logits, MARKS, consistent};
pub use hard::hard;
pub use soft::soft;

/// Marks a slot for which there was no event.
pub const NO_EVENT: i64 = -1;

/// Puts rows of keys into slots.
#[inline(never)]
fn fill(slots: &mut [i64], best: &[u64]) {
    for (slot, &best) in slots.iter_mut().zip(best) {
        *slot = i64::from(crate::top::row(best));
    }
}
