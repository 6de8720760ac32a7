//! Amended orders whose position in the queue is undecided until a checksum decides it.
//!
//! An amended order has a new timestamp. The documentation does not say whether it also goes to
//! the back of its queue. Each such order therefore keeps both positions, as turns: every arrival
//! and every amendment gets the next turn, and a queue is sorted by the turns of its orders.

/// Undecided orders of one queue; of more, the oldest count as decided.
const MOST_UNDECIDED: usize = 16;

/// Which amendments send an order to the back of its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// Those that lower the quantity.
    pub(super) lowered: bool,
    /// The others.
    pub(super) raised: bool,
}

impl Rule {
    /// All rules.
    pub(super) const ALL: [Self; 4] = [
        Self::new(false, true),
        Self::new(true, true),
        Self::new(false, false),
        Self::new(true, false),
    ];

    const fn new(lowered: bool, raised: bool) -> Self {
        Self { lowered, raised }
    }

    /// Whether an amendment sends the order to the back.
    pub(super) const fn requeues(self, is_raised: bool) -> bool {
        if is_raised { self.raised } else { self.lowered }
    }
}

/// The turns that an amended order may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct AmendedOrder {
    /// The order's index in the arena.
    pub(super) index: u32,
    /// Its turn before the amendments.
    arrived: u64,
    /// The turn of the last amendment of each kind, zero without one.
    pub(super) lowered: u64,
    pub(super) raised: u64,
}

impl AmendedOrder {
    /// The turn that the order has by a rule.
    pub(super) fn turn(&self, rule: Rule) -> u64 {
        let lowered = if rule.lowered { self.lowered } else { 0 };
        let raised = if rule.raised { self.raised } else { 0 };
        self.arrived.max(lowered).max(raised)
    }

    /// All turns that the order may have.
    pub(super) fn turns(&self) -> impl Iterator<Item = u64> {
        let amended = [self.lowered, self.raised];
        let later = amended.into_iter().filter(|turn| *turn > 0);
        std::iter::once(self.arrived).chain(later)
    }

    /// The turn of the last amendment.
    pub(super) fn latest(&self) -> u64 {
        self.lowered.max(self.raised)
    }
}

/// The undecided orders of one queue, the last amended at the end.
#[derive(Clone, Debug, Default)]
pub(super) struct AmendedOrders(Vec<AmendedOrder>);

impl AmendedOrders {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &AmendedOrder> {
        self.0.iter()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds an amendment of the order at `index`, which had the turn `from`.
    pub(super) fn add(&mut self, index: u32, from: u64, is_raised: bool, turn: u64) {
        let mut amended = self.remove(index).unwrap_or(AmendedOrder {
            index,
            arrived: from,
            lowered: 0,
            raised: 0,
        });
        if is_raised {
            amended.raised = turn;
        } else {
            amended.lowered = turn;
        }
        if self.0.len() >= MOST_UNDECIDED {
            self.0.remove(0);
        }
        self.0.push(amended);
    }

    /// Removes the order at `index`.
    #[inline]
    pub(super) fn remove(&mut self, index: u32) -> Option<AmendedOrder> {
        let at = self.0.iter().position(|amended| amended.index == index)?;
        Some(self.0.remove(at))
    }

    /// Keeps the orders for which `keep` holds.
    pub(super) fn retain(&mut self, keep: impl FnMut(&AmendedOrder) -> bool) {
        self.0.retain(keep);
    }
}
