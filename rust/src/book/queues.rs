//! One side of a book of individual orders: a queue for each price.

use std::collections::VecDeque;

use super::queue::{Arena, Queue};
use super::{Level, Side};
use crate::checksum::LEVELS;
use crate::crc32::Digest;

/// Ranks that a search tries one by one; most events are found there.
const NEAR_TOP: usize = 8;

/// The queues of one side, worst price first: the best are at the end where most events are, and
/// either end is cheap to change.
#[derive(Clone, Debug)]
pub(crate) struct Queues {
    side: Side,
    levels: VecDeque<Queue>,
    /// What the levels that count contribute to the checksum together.
    pub(crate) digest: Digest,
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

    /// The best `count` queues, best first.
    #[inline]
    pub(crate) fn top(&mut self, count: usize) -> impl Iterator<Item = &mut Queue> {
        self.levels.iter_mut().rev().take(count)
    }

    /// The queue of `price`.
    pub(super) fn get(&self, price: u128) -> Option<&Queue> {
        self.levels.get(self.find(price).ok()?)
    }

    /// Where the queue of `price` is, or where it would have to be.
    #[inline]
    fn find(&self, price: u128) -> Result<usize, usize> {
        let place = match self.side {
            Side::Bid => self.find_by(|other| other < price),
            Side::Ask => self.find_by(|other| other > price),
        };
        match self.levels.get(place) {
            Some(queue) if queue.level.price == price => Ok(place),
            _ => Err(place),
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

    /// The queue of `price`, made if there is none; it is about to change.
    pub(super) fn at(&mut self, price: u128) -> Option<&mut Queue> {
        let place = match self.find(price) {
            Ok(place) => place,
            Err(place) => {
                self.levels.insert(place, Queue::new(price));
                place
            }
        };
        self.touch(place);
        self.levels.get_mut(place)
    }

    pub(super) fn release(&mut self, arena: &mut Arena, price: u128, at: u32) {
        let Ok(place) = self.find(price) else {
            return;
        };
        self.touch(place);
        let Some(queue) = self.levels.get_mut(place) else {
            return;
        };
        queue.release(arena, at);
        if queue.count == 0 {
            self.levels.remove(place);
        }
    }

    pub(super) fn change(&mut self, price: u128, from: u128, to: u128) {
        let Ok(place) = self.find(price) else {
            return;
        };
        self.touch(place);
        if let Some(queue) = self.levels.get_mut(place) {
            queue.change(from, to);
        }
    }

    /// Notes that the queue at `place` changes.
    #[inline]
    fn touch(&mut self, place: usize) {
        if self.levels.len() - place <= LEVELS {
            self.digest = Digest::UNKNOWN;
        }
    }

    /// Forgets the levels below the best `depth`, and their orders.
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
        for queue in self.top(LEVELS) {
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
