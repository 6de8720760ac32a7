//! Orders whose place in their queue the documentation leaves open, until a checksum decides.
//!
//! An amended order has a new timestamp. Whether it also goes to the back of its queue, nobody
//! says. So each such order keeps a note of where it stands in either case, as turns: a queue goes
//! by the turns of its orders, and each arrival and each amendment has a turn of its own.

/// Open orders of one queue; of more the oldest count as decided.
const MOST_OPEN: usize = 16;

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

/// The turns that an order may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doubt {
    /// The order's place in the arena.
    pub(super) place: u32,
    /// Its turn before the amendments.
    arrived: u64,
    /// The turn of the last amendment of each kind, zero without one.
    pub(super) lowered: u64,
    pub(super) raised: u64,
}

impl Doubt {
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

/// The open orders of one queue, the last amended at the end.
#[derive(Clone, Debug, Default)]
pub(super) struct Doubts(Vec<Doubt>);

impl Doubts {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Doubt> {
        self.0.iter()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Notes an amendment of the order at `place`, which had the turn `from`.
    pub(super) fn note(&mut self, place: u32, from: u64, is_raised: bool, turn: u64) {
        let mut doubt = self.remove(place).unwrap_or(Doubt {
            place,
            arrived: from,
            lowered: 0,
            raised: 0,
        });
        if is_raised {
            doubt.raised = turn;
        } else {
            doubt.lowered = turn;
        }
        if self.0.len() >= MOST_OPEN {
            self.0.remove(0);
        }
        self.0.push(doubt);
    }

    /// Forgets the order at `place`.
    #[inline]
    pub(super) fn remove(&mut self, place: u32) -> Option<Doubt> {
        let at = self.0.iter().position(|doubt| doubt.place == place)?;
        Some(self.0.remove(at))
    }

    /// Keeps the orders for which `keep` holds.
    pub(super) fn retain(&mut self, keep: impl FnMut(&Doubt) -> bool) {
        self.0.retain(keep);
    }
}
