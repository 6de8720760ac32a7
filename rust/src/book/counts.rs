//! What became of the entries of `level3` messages, counted.

/// What became of one entry, by its event.
///
/// No public capture settles all rules of the channel. These counts, and those of the messages
/// that failed their checksum with such an entry in them, show where our reading is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OrderKind {
    /// An order of a snapshot, at the back of its queue.
    Snapshot,
    /// An order of a snapshot that its timestamp put ahead of one that was listed before it.
    SnapshotAhead,
    /// A new order, at the back of its queue.
    Add,
    /// A new order that its timestamp put ahead of others.
    AddAhead,
    /// An order that was in the book already; the new one replaced it.
    AddKnown,
    /// A change that left the order in its place.
    Modify,
    /// A change with a new timestamp, which put the order elsewhere in its queue.
    ModifyRequeued,
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
    pub const ALL: [Self; 13] = [
        Self::Snapshot,
        Self::SnapshotAhead,
        Self::Add,
        Self::AddAhead,
        Self::AddKnown,
        Self::Modify,
        Self::ModifyRequeued,
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
            Self::SnapshotAhead => "snapshot_ahead",
            Self::Add => "add",
            Self::AddAhead => "add_ahead",
            Self::AddKnown => "add_known",
            Self::Modify => "modify",
            Self::ModifyRequeued => "modify_requeued",
            Self::ModifyMoved => "modify_moved",
            Self::ModifyUnknown => "modify_unknown",
            Self::Delete => "delete",
            Self::DeleteUnknown => "delete_unknown",
            Self::Empty => "empty",
            Self::UnknownEvent => "unknown_event",
        }
    }
}

/// Entries by kind, and failed messages by the kinds of entries in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderCounts {
    entries: [u64; OrderKind::ALL.len()],
    mismatches: [u64; OrderKind::ALL.len()],
    /// The kinds in the last message, one bit each.
    latest: u16,
}

impl OrderCounts {
    /// How many entries came to this.
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

    /// Begins a message.
    pub(super) const fn begin(&mut self) {
        self.latest = 0;
    }

    /// Counts an entry of the message.
    #[inline]
    pub(super) fn note(&mut self, kind: OrderKind) {
        self.latest |= 1 << kind as u16;
        if let Some(count) = self.entries.get_mut(kind as usize) {
            *count += 1;
        }
    }

    /// Blames the kinds in the message for its failure.
    #[cold]
    pub(super) fn blame(&mut self) {
        for kind in OrderKind::ALL {
            if self.latest & (1 << kind as u16) != 0
                && let Some(count) = self.mismatches.get_mut(kind as usize)
            {
                *count += 1;
            }
        }
    }
}
