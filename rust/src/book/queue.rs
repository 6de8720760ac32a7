//! Individual orders, and the queue that those of one price form.
//!
//! To the next maintainer: an order lives at a fixed place of the arena until it leaves, and the
//! orders of a queue are linked by these places. So adding at the back and removing anywhere cost
//! the same whatever the length of the queue. A queue's digest is what its orders contribute to
//! the checksum together: adding at the back extends it, every other change makes it unknown. The
//! turns of the orders ascend from front to back.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::doubts::{Doubt, Doubts};
use super::{Level, OrderCounts, Side};
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
    /// The same in ns since the epoch.
    time: i128,
    /// What the queue goes by, see [`super::doubts`].
    pub(super) turn: u64,
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
    /// The last turn that was given.
    turn: u64,
}

impl Arena {
    /// The next turn.
    #[inline]
    pub(super) const fn next_turn(&mut self) -> u64 {
        self.turn += 1;
        self.turn
    }

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
            turn: 0,
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

    /// The places of the same.
    fn places_from(&self, place: u32) -> impl Iterator<Item = u32> {
        let mut next = place;
        std::iter::from_fn(move || {
            let place = next;
            next = self.get(place)?.behind;
            Some(place)
        })
    }

    /// Changes the level of every order.
    pub(super) fn transform(&mut self, change: impl Fn(Level) -> Level) {
        for order in &mut self.orders {
            order.level = change(order.level);
            order.digest = Digest::UNKNOWN;
        }
    }

    /// Notes the new quantity and timestamp of an order.
    #[inline]
    pub(super) fn change(&mut self, place: u32, qty: u128, row: &OrderRow) {
        if let Some(order) = self.get_mut(place) {
            order.level.qty = qty;
            order.digest = Digest::UNKNOWN;
            order.time = row.time.unwrap_or(order.time);
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
    /// Whether the digest was computed anew since the last [`Queue::settle`].
    pub(crate) is_fresh: bool,
    pub(super) doubts: Doubts,
}

impl Queue {
    pub(super) const fn new(price: u128) -> Self {
        Self {
            level: Level { price, qty: 0 },
            count: 0,
            front: NOWHERE,
            back: NOWHERE,
            digest: Digest::UNKNOWN,
            is_fresh: false,
            doubts: Doubts::new(),
        }
    }

    /// Takes in an order at the back; without a `time` it counts as old as the last one. Returns
    /// whether it is older than the last one.
    #[inline]
    pub(super) fn take(&mut self, arena: &mut Arena, place: u32, time: Option<i128>) -> bool {
        let youngest = arena.get(self.back).map(|order| order.time);
        let time = time.or(youngest).unwrap_or(i128::MIN);
        let turn = arena.next_turn();
        let Some(order) = arena.get_mut(place) else {
            return false;
        };
        (order.time, order.turn) = (time, turn);
        (order.ahead, order.behind) = (self.back, NOWHERE);
        let qty = order.level.qty;
        if !self.digest.is_unknown() {
            self.digest = with_order(self.digest, order);
        }
        self.link(arena, self.back, place, true);
        self.back = place;
        self.count += 1;
        self.level.qty += qty;
        youngest.is_some_and(|youngest| youngest > time)
    }

    /// Notes an amendment of an order, and sends it to the back if it `requeues`.
    pub(super) fn amend(
        &mut self,
        arena: &mut Arena,
        place: u32,
        is_raised: bool,
        requeues: bool,
    ) -> Option<()> {
        let from = arena.get(place)?.turn;
        let is_last = self.back == place;
        if self.count == 1 || (is_last && self.doubts.is_empty()) {
            return Some(());
        }
        let turn = arena.next_turn();
        self.doubts.note(place, from, is_raised, turn);
        if requeues {
            let order = arena.get_mut(place)?;
            order.turn = turn;
            let (ahead, behind) = (order.ahead, order.behind);
            if !is_last {
                self.link(arena, ahead, behind, true);
                self.link(arena, behind, ahead, false);
                let last = self.back;
                self.link(arena, last, place, true);
                let order = arena.get_mut(place)?;
                (order.ahead, order.behind) = (last, NOWHERE);
                self.back = place;
            }
        }
        Some(())
    }

    /// Puts the orders into the order of their turns.
    pub(super) fn sort_by_turn(&mut self, arena: &mut Arena) {
        self.sort_by_key(arena, |order| order.turn);
    }

    /// Puts the orders into the order of their timestamps, equal ones as they are.
    pub(super) fn sort_by_time(&mut self, arena: &mut Arena) {
        self.sort_by_key(arena, |order| order.time);
    }

    /// Takes the present order as right: the turns are dealt out anew, no place is open.
    pub(super) fn accept(&mut self, arena: &mut Arena) {
        let mut turns: Vec<u64> = arena.from(self.front).map(|order| order.turn).collect();
        if turns.is_sorted() {
            return;
        }
        turns.sort_unstable();
        let mut place = self.front;
        for turn in turns {
            let Some(order) = arena.get_mut(place) else {
                break;
            };
            order.turn = turn;
            place = order.behind;
        }
        self.doubts.clear();
    }

    /// Sorts the orders, equal ones as they are.
    fn sort_by_key<K: Ord>(&mut self, arena: &mut Arena, key: impl Fn(&Order) -> K) {
        if arena.from(self.front).is_sorted_by_key(&key) {
            return;
        }
        let mut places: Vec<u32> = arena.places_from(self.front).collect();
        places.sort_by_key(|place| arena.get(*place).map(&key));
        let mut ahead = NOWHERE;
        for place in places {
            self.link(arena, ahead, place, true);
            if let Some(order) = arena.get_mut(place) {
                order.ahead = ahead;
            }
            ahead = place;
        }
        self.link(arena, ahead, NOWHERE, true);
        self.back = ahead;
        self.digest = Digest::UNKNOWN;
    }

    /// Notes that a checksum has verified the queue: which places that decides, and what for.
    pub(super) fn settle(&mut self, arena: &Arena, counts: &mut OrderCounts) {
        if !std::mem::take(&mut self.is_fresh) || self.doubts.is_empty() {
            return;
        }
        let mut is_any_open = false;
        self.doubts.retain(|doubt| {
            let evidence = evidence(arena, doubt);
            if evidence == Evidence::Proof {
                let turn = arena.get(doubt.place).map_or(0, |order| order.turn);
                counts.prove(turn, doubt);
            }
            is_any_open |= evidence == Evidence::Equal;
            evidence != Evidence::Proof
        });
        if !is_any_open {
            self.doubts.clear();
        }
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
        self.doubts.remove(place);
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

/// What a checksum that verified a queue tells about an open order in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Evidence {
    /// It would not have matched with the order elsewhere.
    Proof,
    /// It would have matched with the order elsewhere: all orders in between have its quantity.
    Equal,
    /// No order is in between.
    Nothing,
}

fn evidence(arena: &Arena, doubt: &Doubt) -> Evidence {
    let Some(order) = arena.get(doubt.place) else {
        return Evidence::Nothing;
    };
    let others = doubt.turns().filter(|turn| *turn != order.turn);
    let found = others.map(|turn| compare(arena, order, turn));
    found.fold(Evidence::Nothing, |one, other| match (one, other) {
        (Evidence::Equal, _) | (_, Evidence::Equal) => Evidence::Equal,
        (Evidence::Proof, _) | (_, Evidence::Proof) => Evidence::Proof,
        _ => Evidence::Nothing,
    })
}

/// Compares the queue with one in which `order` has another turn.
fn compare(arena: &Arena, order: &Order, turn: u64) -> Evidence {
    let is_later = turn > order.turn;
    let next = |order: &Order| if is_later { order.behind } else { order.ahead };
    let mut found = Evidence::Nothing;
    let mut place = next(order);
    while let Some(other) = arena.get(place) {
        if (other.turn < turn) != is_later {
            break;
        }
        if other.level.qty != order.level.qty {
            return Evidence::Proof;
        }
        found = Evidence::Equal;
        place = next(other);
    }
    found
}
