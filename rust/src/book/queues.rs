//! One side of a book of individual orders: a queue for each price.

use std::collections::VecDeque;

use super::queue::{Arena, Queue};
use super::{Level, Side};
use crate::checksum::LEVELS;
use crate::crc32::{Arithmetic, Digest};

/// Ranks that a search tries one by one; most events are found there.
const NEAR_TOP: usize = 8;

/// The queues of one side, worst price first: the best are at the end where most events are, and
/// either end is cheap to change.
#[derive(Clone, Debug)]
pub(super) struct Queues {
    side: Side,
    levels: VecDeque<Queue>,
    /// What the levels that count contribute to the checksum together.
    digest: Digest,
}

impl Queues {
    pub(super) const fn new(side: Side) -> Self {
        Self {
            side,
            levels: VecDeque::new(),
            digest: Digest::UNKNOWN,
        }
    }

    pub(super) fn clear(&mut self) {
        self.levels.clear();
        self.digest = Digest::UNKNOWN;
    }

    /// The queues, best first.
    #[inline]
    pub(super) fn queues(&self) -> impl ExactSizeIterator<Item = &Queue> {
        self.levels.iter().rev()
    }

    /// The queues that count for the checksum, best first.
    #[inline]
    pub(super) fn top(&mut self) -> impl Iterator<Item = &mut Queue> {
        self.levels.iter_mut().rev().take(LEVELS)
    }

    /// What the side contributes to the checksum, computed if one of its queues changed.
    #[inline(always)]
    pub(super) fn digest<A: Arithmetic>(&mut self, arena: &mut Arena) -> Digest {
        if self.digest.is_unknown() {
            let mut text = Digest::UNKNOWN;
            for queue in self.top() {
                text = text.append::<A>(queue.digest::<A>(arena));
            }
            self.digest = text;
        }
        self.digest
    }

    /// The queue of `price`.
    pub(super) fn get(&self, price: u128) -> Option<&Queue> {
        self.levels.get(self.find(price).ok()?)
    }

    /// Where the queue of `price` is, or where it would have to be.
    #[inline]
    fn find(&self, price: u128) -> Result<usize, usize> {
        let index = match self.side {
            Side::Bid => self.find_by(|other| other < price),
            Side::Ask => self.find_by(|other| other > price),
        };
        match self.levels.get(index) {
            Some(queue) if queue.level.price == price => Ok(index),
            _ => Err(index),
        }
    }

    #[inline]
    fn find_by(&self, is_worse: impl Fn(u128) -> bool) -> usize {
        let top = self.levels.iter().rev().take(NEAR_TOP);
        let better = top.take_while(|queue| !is_worse(queue.level.price)).count();
        if better < NEAR_TOP {
            return self.levels.len() - better;
        }
        self.levels
            .partition_point(|queue| is_worse(queue.level.price))
    }

    /// The queue of `price`, created if there is none; it is about to change.
    pub(super) fn at(&mut self, price: u128) -> Option<&mut Queue> {
        let index = match self.find(price) {
            Ok(index) => index,
            Err(index) => {
                self.levels.insert(index, Queue::new(price));
                index
            }
        };
        self.touch(index);
        self.levels.get_mut(index)
    }

    pub(super) fn release(&mut self, arena: &mut Arena, price: u128, at: u32) {
        let Ok(index) = self.find(price) else {
            return;
        };
        self.touch(index);
        let Some(queue) = self.levels.get_mut(index) else {
            return;
        };
        queue.release(arena, at);
        if queue.count == 0 {
            self.levels.remove(index);
        }
    }

    pub(super) fn change(&mut self, price: u128, from: u128, to: u128) {
        let Ok(index) = self.find(price) else {
            return;
        };
        self.touch(index);
        if let Some(queue) = self.levels.get_mut(index) {
            queue.change(from, to);
        }
    }

    /// Resets the digest if the queue at `index` counts for the checksum.
    #[inline]
    fn touch(&mut self, index: usize) {
        if self.levels.len() - index <= LEVELS {
            self.digest = Digest::UNKNOWN;
        }
    }

    /// Removes the levels below the best `depth`, and their orders.
    pub(super) fn cut(&mut self, depth: usize, arena: &mut Arena) {
        while self.levels.len() > depth {
            let Some(queue) = self.levels.pop_front() else {
                return;
            };
            let mut next = queue.front;
            while let Some(order) = arena.get(next) {
                let behind = order.behind();
                arena.remove(next);
                next = behind;
            }
            if depth < LEVELS {
                self.digest = Digest::UNKNOWN;
            }
        }
    }

    /// Calls `sort` with the queues that count for the checksum; they may be about to change.
    pub(super) fn sort_top(&mut self, arena: &mut Arena, sort: impl Fn(&mut Queue, &mut Arena)) {
        for queue in self.top() {
            sort(queue, arena);
        }
        self.digest = Digest::UNKNOWN;
    }

    pub(super) fn transform(&mut self, change: impl Fn(Level) -> Level) {
        for queue in &mut self.levels {
            queue.transform(&change);
        }
        self.digest = Digest::UNKNOWN;
    }
}
