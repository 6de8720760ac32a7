//! The sequence numbers of the private channels.

use super::Notice;
use crate::message::{Channel, DataMessage};

/// The last number of each channel that counts its messages.
#[derive(Debug, Default)]
pub(super) struct Sequences {
    executions: Option<i64>,
    balances: Option<i64>,
}

impl Sequences {
    /// Records a message's number; returns a notice if it is not the next one. A snapshot with the
    /// number 1, a gap and the first message of all start a new count; the further messages of a
    /// snapshot continue it.
    pub(super) fn follow(&mut self, message: &DataMessage) -> Option<Notice> {
        let channel = message.channel;
        let last = self.of(channel)?;
        let received = message.sequence?;
        let expected = last.replace(received)?.saturating_add(1);
        let gap = Notice::SequenceGap {
            expected,
            received,
            channel,
        };
        let is_first = message.is_snapshot && received == 1;
        (received != expected && !is_first).then_some(gap)
    }

    /// Starts a new count with the channel's next message.
    pub(super) fn forget(&mut self, channel: Channel) {
        if let Some(last) = self.of(channel) {
            *last = None;
        }
    }

    fn of(&mut self, channel: Channel) -> Option<&mut Option<i64>> {
        match channel {
            Channel::Executions => Some(&mut self.executions),
            Channel::Balances => Some(&mut self.balances),
            _ => None,
        }
    }
}
