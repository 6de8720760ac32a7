//! Individual orders, and the queue that those of one price form.
//!
//! To the next maintainer: an order lives at a fixed place of the arena until it leaves, and the
//! orders of a queue are linked by these places. So adding at the back and removing anywhere cost
//! the same whatever the length of the queue. A queue's digest is what its orders contribute to
//! the checksum together: adding at the back extends it, every other change makes it unknown.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::{Level, Side};
use crate::checksum::with_order;
use crate::crc32::Digest;
use crate::message::{OrderId, OrderRow, TimeText};

/// No place.
const NOWHERE: u32 = u32::MAX;

/// An order that rests in the book.
#[derive(Clone, Debug)]
pub struct Order {
    /// The exchange's id.
    pub id: OrderId,
    /// Its side.
    pub side: Side,
    /// Price and remaining quantity, at the scales of the book.
    pub level: Level,
    /// When it was inserted or last amended, as written; empty when the exchange did not say.
    pub timestamp: TimeText,
    /// The same in ns since the epoch, which the queue goes by.
    time: i128,
    pub(crate) digest: Digest,
    pub(crate) ahead: u32,
    behind: u32,
}

impl Order {
    /// The place of the next order of the queue.
    pub(super) const fn behind(&self) -> u32 {
        self.behind
    }
}

/// All orders of a book, by place and by id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arena {
    orders: Vec<Order>,
    free: Vec<u32>,
    places: HashMap<OrderId, u32, RandomState>,
}

impl Arena {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn clear(&mut self) {
        self.orders.clear();
        self.free.clear();
        self.places.clear();
    }

    #[inline]
    pub(super) fn find(&self, id: &OrderId) -> Option<u32> {
        self.places.get(id).copied()
    }

    #[inline]
    pub(super) fn get(&self, place: u32) -> Option<&Order> {
        self.orders.get(place as usize)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, place: u32) -> Option<&mut Order> {
        self.orders.get_mut(place as usize)
    }

    /// Takes in the order of a row, which is in no queue yet.
    pub(super) fn insert(&mut self, side: Side, level: Level, row: &OrderRow) -> u32 {
        let order = Order {
            id: row.order_id.clone(),
            side,
            level,
            timestamp: row.timestamp.clone(),
            time: 0,
            digest: Digest::UNKNOWN,
            ahead: NOWHERE,
            behind: NOWHERE,
        };
        let place = self.free.pop().unwrap_or_else(|| {
            // A book of 2^32 orders fits into no memory.
            u32::try_from(self.orders.len()).unwrap_or(NOWHERE)
        });
        match self.get_mut(place) {
            Some(free) => *free = order,
            None => self.orders.push(order),
        }
        self.places.insert(row.order_id.clone(), place);
        place
    }

    /// Forgets an order, which is in no queue any more.
    #[inline]
    pub(super) fn remove(&mut self, place: u32) {
        if let Some(order) = self.orders.get(place as usize) {
            self.places.remove(&order.id);
            self.free.push(place);
        }
    }

    /// The orders from `place` on towards the back of their queue.
    pub(super) fn from(&self, place: u32) -> impl Iterator<Item = &Order> {
        let mut next = place;
        std::iter::from_fn(move || {
            let order = self.get(next)?;
            next = order.behind;
            Some(order)
        })
    }

    /// Changes the level of every order.
    pub(super) fn transform(&mut self, change: impl Fn(Level) -> Level) {
        for order in &mut self.orders {
            order.level = change(order.level);
            order.digest = Digest::UNKNOWN;
        }
    }

    /// Notes the new quantity and time of an order that stays where it is.
    #[inline]
    pub(super) fn change(&mut self, place: u32, qty: u128, row: &OrderRow) {
        if let Some(order) = self.get_mut(place) {
            order.level.qty = qty;
            order.digest = Digest::UNKNOWN;
            if !row.timestamp.is_empty() {
                order.timestamp.clone_from(&row.timestamp);
            }
        }
    }

    /// Gives an order another level.
    pub(super) fn move_to(&mut self, place: u32, side: Side, level: Level) {
        if let Some(order) = self.get_mut(place) {
            order.side = side;
            order.level = level;
        }
    }

    /// Whether `time` is another one than the order's.
    pub(super) fn is_amended(&self, place: u32, time: Option<i128>) -> bool {
        self.get(place).map(|order| order.time) != time && time.is_some()
    }
}

/// The orders of one price, first come first served.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    /// The price, and the quantity of all orders together.
    pub(super) level: Level,
    pub(super) count: usize,
    pub(super) front: u32,
    pub(crate) back: u32,
    /// What the orders contribute to the checksum together.
    pub(crate) digest: Digest,
}

impl Queue {
    pub(super) const fn new(price: u128) -> Self {
        Self {
            level: Level { price, qty: 0 },
            count: 0,
            front: NOWHERE,
            back: NOWHERE,
            digest: Digest::UNKNOWN,
        }
    }

    /// Takes in an order behind those that are not younger; without a `time` at the back. Returns
    /// whether it is ahead of others.
    #[inline]
    pub(super) fn take(&mut self, arena: &mut Arena, place: u32, time: Option<i128>) -> bool {
        let youngest = arena.get(self.back).map(|order| order.time);
        let time = time.or(youngest).unwrap_or(i128::MIN);
        let (mut ahead, mut behind) = (self.back, NOWHERE);
        while let Some(order) = arena.get(ahead).filter(|order| order.time > time) {
            (ahead, behind) = (order.ahead, ahead);
        }
        let Some(order) = arena.get_mut(place) else {
            return false;
        };
        (order.time, order.ahead, order.behind) = (time, ahead, behind);
        let qty = order.level.qty;
        if behind == NOWHERE && !self.digest.is_unknown() {
            self.digest = with_order(self.digest, order);
        } else {
            self.digest = Digest::UNKNOWN;
        }
        self.link(arena, ahead, place, true);
        self.link(arena, behind, place, false);
        self.count += 1;
        self.level.qty += qty;
        behind != NOWHERE
    }

    /// Lets an order go.
    #[inline]
    pub(super) fn release(&mut self, arena: &mut Arena, place: u32) {
        let Some(order) = arena.get(place) else {
            return;
        };
        let (ahead, behind) = (order.ahead, order.behind);
        self.level.qty -= order.level.qty;
        self.link(arena, ahead, behind, true);
        self.link(arena, behind, ahead, false);
        self.count -= 1;
        self.digest = Digest::UNKNOWN;
    }

    /// Notes a new quantity of one of the orders.
    pub(super) const fn change(&mut self, from: u128, to: u128) {
        self.level.qty = self.level.qty - from + to;
        self.digest = Digest::UNKNOWN;
    }

    /// Changes price and quantity; the orders are changed on their own.
    pub(super) fn transform(&mut self, change: impl Fn(Level) -> Level) {
        self.level = change(self.level);
        self.digest = Digest::UNKNOWN;
    }

    /// Makes `other` the neighbour of `place`, behind it or ahead of it; at the end of the queue
    /// that is the queue's end.
    #[inline]
    fn link(&mut self, arena: &mut Arena, place: u32, other: u32, is_behind: bool) {
        match (arena.get_mut(place), is_behind) {
            (Some(order), true) => order.behind = other,
            (Some(order), false) => order.ahead = other,
            (None, true) => self.front = other,
            (None, false) => self.back = other,
        }
    }
}
