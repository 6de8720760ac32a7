//! Counts of the entries of `level3` messages, by their effect on the book.

use super::amendments::{AmendedOrder, Rule};

/// The effect of an entry, by its event.
///
/// No public capture shows all rules of the channel. These counts, and those of the messages that
/// failed their checksum with such an entry in them, show where this reading of it is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OrderKind {
    /// An order of a snapshot, at the back of its queue.
    Snapshot,
    /// The same, with an older timestamp than the order ahead of it.
    SnapshotOlder,
    /// A new order, at the back of its queue.
    Add,
    /// The same, with an older timestamp than the order ahead of it.
    AddOlder,
    /// An order that was in the book already; the new one replaced it.
    AddKnown,
    /// A change without a new timestamp, which left the order in its position.
    Modify,
    /// A change with a new timestamp that lowered the quantity.
    ModifyLowered,
    /// A change with a new timestamp that raised the quantity or left it as it was.
    ModifyRaised,
    /// A change to another price or side.
    ModifyMoved,
    /// A change of an order that is not in the book; ignored.
    ModifyUnknown,
    /// An order that left.
    Delete,
    /// The end of an order that is not in the book; ignored.
    DeleteUnknown,
    /// An order without quantity; it is not in the book afterwards.
    Empty,
    /// An event that this version does not know, or none; ignored.
    UnknownEvent,
}

impl OrderKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 14] = [
        Self::Snapshot,
        Self::SnapshotOlder,
        Self::Add,
        Self::AddOlder,
        Self::AddKnown,
        Self::Modify,
        Self::ModifyLowered,
        Self::ModifyRaised,
        Self::ModifyMoved,
        Self::ModifyUnknown,
        Self::Delete,
        Self::DeleteUnknown,
        Self::Empty,
        Self::UnknownEvent,
    ];

    /// The kind's name in the Python package.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::SnapshotOlder => "snapshot_older",
            Self::Add => "add",
            Self::AddOlder => "add_older",
            Self::AddKnown => "add_known",
            Self::Modify => "modify",
            Self::ModifyLowered => "modify_lowered",
            Self::ModifyRaised => "modify_raised",
            Self::ModifyMoved => "modify_moved",
            Self::ModifyUnknown => "modify_unknown",
            Self::Delete => "delete",
            Self::DeleteUnknown => "delete_unknown",
            Self::Empty => "empty",
            Self::UnknownEvent => "unknown_event",
        }
    }
}

/// What the checksums have proved about the positions of amended orders in their queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Placement {
    /// An amended order whose quantity was lowered kept its position.
    LoweredKept,
    /// Such an order went to the back.
    LoweredRequeued,
    /// An amended order whose quantity was not lowered kept its position.
    RaisedKept,
    /// Such an order went to the back.
    RaisedRequeued,
    /// A message was right only with the queues in the order of the timestamps.
    ByTime,
}

impl Placement {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 5] = [
        Self::LoweredKept,
        Self::LoweredRequeued,
        Self::RaisedKept,
        Self::RaisedRequeued,
        Self::ByTime,
    ];

    /// The name in the Python package.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LoweredKept => "lowered_kept",
            Self::LoweredRequeued => "lowered_requeued",
            Self::RaisedKept => "raised_kept",
            Self::RaisedRequeued => "raised_requeued",
            Self::ByTime => "by_time",
        }
    }
}

/// Entries by kind, failed messages by the kinds of entries in them, and proved placements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderCounts {
    entries: [u64; OrderKind::ALL.len()],
    mismatches: [u64; OrderKind::ALL.len()],
    placements: [u64; Placement::ALL.len()],
    /// The kinds in the last message, one bit each.
    latest: u16,
}

impl OrderCounts {
    /// How many entries had this result.
    #[must_use]
    pub fn entries(&self, kind: OrderKind) -> u64 {
        self.entries.get(kind as usize).copied().unwrap_or_default()
    }

    /// How many messages with such an entry failed their checksum.
    #[must_use]
    pub fn mismatches(&self, kind: OrderKind) -> u64 {
        let count = self.mismatches.get(kind as usize);
        count.copied().unwrap_or_default()
    }

    /// How often the checksums have proved this.
    #[must_use]
    pub fn placements(&self, placement: Placement) -> u64 {
        let count = self.placements.get(placement as usize);
        count.copied().unwrap_or_default()
    }

    /// The rule that was proved more often; before any proof, that of price and time.
    pub(super) fn rule(&self) -> Rule {
        let count = |placement| self.placements(placement);
        Rule {
            lowered: count(Placement::LoweredRequeued) > count(Placement::LoweredKept),
            raised: count(Placement::RaisedRequeued) >= count(Placement::RaisedKept),
        }
    }

    /// Counts what the turn of an amended order proves: nothing about an amendment before it.
    pub(super) fn prove(&mut self, turn: u64, order: &AmendedOrder) {
        let kinds = [
            (
                order.lowered,
                Placement::LoweredKept,
                Placement::LoweredRequeued,
            ),
            (
                order.raised,
                Placement::RaisedKept,
                Placement::RaisedRequeued,
            ),
        ];
        for (amended, kept, requeued) in kinds {
            if amended > turn {
                self.prove_placement(kept);
            } else if amended == turn {
                self.prove_placement(requeued);
            }
        }
    }

    /// Counts a proof.
    pub(super) fn prove_placement(&mut self, placement: Placement) {
        if let Some(count) = self.placements.get_mut(placement as usize) {
            *count += 1;
        }
    }

    /// Starts a message.
    pub(super) const fn start_message(&mut self) {
        self.latest = 0;
    }

    /// Counts an entry of the message.
    #[inline]
    pub(super) fn add(&mut self, kind: OrderKind) {
        self.latest |= 1 << kind as u16;
        if let Some(count) = self.entries.get_mut(kind as usize) {
            *count += 1;
        }
    }

    /// Counts the kinds in the message as failed.
    #[cold]
    pub(super) fn count_mismatch(&mut self) {
        for kind in OrderKind::ALL {
            if self.latest & (1 << kind as u16) != 0
                && let Some(count) = self.mismatches.get_mut(kind as usize)
            {
                *count += 1;
            }
        }
    }
}
