//! Individual orders, and the queue that those of one price form.
//!
//! To the next maintainer: an order keeps its index in the arena until it leaves, and the orders
//! of a queue are linked by these indices. So adding at the back and removing anywhere cost
//! the same whatever the length of the queue. A queue's digest is what its orders contribute to
//! the checksum together: adding at the back extends it, every other change makes it unknown. Each
//! order has an arrival number, its turn; they increase from front to back.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::amendments::{AmendedOrder, AmendedOrders};
use super::{Level, OrderCounts, Side};
use crate::checksum::level_digest;
use crate::crc32::{Arithmetic, Computation, Digest, LongParts, compute};
use crate::message::{OrderId, OrderRow, TimeText};

/// The index of no order.
const NONE: u32 = u32::MAX;

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
    /// What the queue is sorted by, see [`super::amendments`].
    pub(super) turn: u64,
    digest: Digest,
    ahead: u32,
    behind: u32,
}

impl Order {
    /// The index of the next order of the queue.
    pub(super) const fn behind(&self) -> u32 {
        self.behind
    }

    /// What the order contributes to the checksum, computed if it changed.
    #[inline(always)]
    fn digest<A: Arithmetic>(&mut self) -> Digest {
        if self.digest.is_unknown() {
            self.digest = level_digest::<A>(self.level.price, self.level.qty);
        }
        self.digest
    }
}

/// All orders of a book, by index and by id.
#[derive(Clone, Debug, Default)]
pub(super) struct Arena {
    orders: Vec<Order>,
    free: Vec<u32>,
    indices: HashMap<OrderId, u32, RandomState>,
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
        self.indices.len()
    }

    pub(super) fn clear(&mut self) {
        self.orders.clear();
        self.free.clear();
        self.indices.clear();
    }

    #[inline]
    pub(super) fn find(&self, id: &OrderId) -> Option<u32> {
        self.indices.get(id).copied()
    }

    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&Order> {
        self.orders.get(index as usize)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut Order> {
        self.orders.get_mut(index as usize)
    }

    /// Adds the order of a row, which is in no queue yet.
    pub(super) fn insert(&mut self, side: Side, level: Level, row: &OrderRow) -> u32 {
        let order = Order {
            id: row.order_id.clone(),
            side,
            level,
            timestamp: row.timestamp.clone(),
            time: 0,
            turn: 0,
            digest: Digest::UNKNOWN,
            ahead: NONE,
            behind: NONE,
        };
        let index = self.free.pop().unwrap_or_else(|| {
            // A book of 2^32 orders fits into no memory.
            u32::try_from(self.orders.len()).unwrap_or(NONE)
        });
        match self.get_mut(index) {
            Some(free) => *free = order,
            None => self.orders.push(order),
        }
        self.indices.insert(row.order_id.clone(), index);
        index
    }

    /// Removes an order, which is in no queue any more.
    #[inline]
    pub(super) fn remove(&mut self, index: u32) {
        if let Some(order) = self.orders.get(index as usize) {
            self.indices.remove(&order.id);
            self.free.push(index);
        }
    }

    /// The orders from `index` on towards the back of their queue.
    pub(super) fn from(&self, index: u32) -> impl Iterator<Item = &Order> {
        let mut next = index;
        std::iter::from_fn(move || {
            let order = self.get(next)?;
            next = order.behind;
            Some(order)
        })
    }

    /// The indices of the same.
    fn indices_from(&self, index: u32) -> impl Iterator<Item = u32> {
        let mut next = index;
        std::iter::from_fn(move || {
            let index = next;
            next = self.get(index)?.behind;
            Some(index)
        })
    }

    /// Changes the level of every order.
    pub(super) fn transform(&mut self, change: impl Fn(Level) -> Level) {
        for order in &mut self.orders {
            order.level = change(order.level);
            order.digest = Digest::UNKNOWN;
        }
    }

    /// Sets the quantity and the timestamp of an order.
    #[inline]
    pub(super) fn change(&mut self, index: u32, qty: u128, row: &OrderRow) {
        if let Some(order) = self.get_mut(index) {
            order.level.qty = qty;
            order.digest = Digest::UNKNOWN;
            order.time = row.time.unwrap_or(order.time);
            if !row.timestamp.is_empty() {
                order.timestamp.clone_from(&row.timestamp);
            }
        }
    }

    /// Gives an order another level.
    pub(super) fn move_to(&mut self, index: u32, side: Side, level: Level) {
        if let Some(order) = self.get_mut(index) {
            order.side = side;
            order.level = level;
        }
    }

    /// Whether `time` is another one than the order's.
    pub(super) fn is_amended(&self, index: u32, time: Option<i128>) -> bool {
        self.get(index).map(|order| order.time) != time && time.is_some()
    }
}

/// The orders of one price, first come first served.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    /// The price, and the quantity of all orders together.
    pub(super) level: Level,
    pub(super) count: usize,
    pub(super) front: u32,
    back: u32,
    /// What the orders contribute to the checksum together.
    digest: Digest,
    /// Whether the digest was computed anew since the last [`Queue::confirm`].
    is_fresh: bool,
    pub(super) amended: AmendedOrders,
}

impl Queue {
    pub(super) const fn new(price: u128) -> Self {
        Self {
            level: Level { price, qty: 0 },
            count: 0,
            front: NONE,
            back: NONE,
            digest: Digest::UNKNOWN,
            is_fresh: false,
            amended: AmendedOrders::new(),
        }
    }

    /// Adds an order at the back; without a `time` it counts as old as the last one. Returns
    /// whether it is older than the last one.
    #[inline]
    pub(super) fn push(&mut self, arena: &mut Arena, index: u32, time: Option<i128>) -> bool {
        let youngest = arena.get(self.back).map(|order| order.time);
        let time = time.or(youngest).unwrap_or(i128::MIN);
        let turn = arena.next_turn();
        let Some(order) = arena.get_mut(index) else {
            return false;
        };
        (order.time, order.turn) = (time, turn);
        (order.ahead, order.behind) = (self.back, NONE);
        let qty = order.level.qty;
        if !self.digest.is_unknown() {
            self.digest = compute(QueueAndOrder(self.digest, order));
        }
        self.link(arena, self.back, index, true);
        self.back = index;
        self.count += 1;
        self.level.qty += qty;
        youngest.is_some_and(|youngest| youngest > time)
    }

    /// What the orders contribute to the checksum, computed if one of them changed.
    #[inline(always)]
    pub(super) fn digest<A: Arithmetic>(&mut self, arena: &mut Arena) -> Digest {
        if self.digest.is_unknown() {
            let mut text = LongParts::<A>::new();
            let mut index = self.back;
            while let Some(order) = arena.get_mut(index) {
                text.prepend(order.digest::<A>());
                index = order.ahead;
            }
            self.digest = text.digest();
            self.is_fresh = true;
        }
        self.digest
    }

    /// Records an amendment of an order, and moves it to the back if it `requeues`.
    pub(super) fn amend(
        &mut self,
        arena: &mut Arena,
        index: u32,
        is_raised: bool,
        requeues: bool,
    ) -> Option<()> {
        let from = arena.get(index)?.turn;
        let is_last = self.back == index;
        if self.count == 1 || (is_last && self.amended.is_empty()) {
            return Some(());
        }
        let turn = arena.next_turn();
        self.amended.add(index, from, is_raised, turn);
        if requeues {
            let order = arena.get_mut(index)?;
            order.turn = turn;
            let (ahead, behind) = (order.ahead, order.behind);
            if !is_last {
                self.link(arena, ahead, behind, true);
                self.link(arena, behind, ahead, false);
                let last = self.back;
                self.link(arena, last, index, true);
                let order = arena.get_mut(index)?;
                (order.ahead, order.behind) = (last, NONE);
                self.back = index;
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

    /// Keeps the present order: the turns are given out anew, and nothing is undecided.
    pub(super) fn accept(&mut self, arena: &mut Arena) {
        let mut turns: Vec<u64> = arena.from(self.front).map(|order| order.turn).collect();
        if turns.is_sorted() {
            return;
        }
        turns.sort_unstable();
        let mut index = self.front;
        for turn in turns {
            let Some(order) = arena.get_mut(index) else {
                break;
            };
            order.turn = turn;
            index = order.behind;
        }
        self.amended.clear();
    }

    /// Sorts the orders, equal ones as they are.
    fn sort_by_key<K: Ord>(&mut self, arena: &mut Arena, key: impl Fn(&Order) -> K) {
        if arena.from(self.front).is_sorted_by_key(&key) {
            return;
        }
        let mut indices: Vec<u32> = arena.indices_from(self.front).collect();
        indices.sort_by_key(|index| arena.get(*index).map(&key));
        let mut ahead = NONE;
        for index in indices {
            self.link(arena, ahead, index, true);
            if let Some(order) = arena.get_mut(index) {
                order.ahead = ahead;
            }
            ahead = index;
        }
        self.link(arena, ahead, NONE, true);
        self.back = ahead;
        self.digest = Digest::UNKNOWN;
    }

    /// Decides the positions that a matching checksum proves, and counts them.
    pub(super) fn confirm(&mut self, arena: &Arena, counts: &mut OrderCounts) {
        if !std::mem::take(&mut self.is_fresh) || self.amended.is_empty() {
            return;
        }
        let mut is_any_undecided = false;
        self.amended.retain(|amended| {
            let evidence = evidence(arena, amended);
            if evidence == Evidence::Proof {
                let turn = arena.get(amended.index).map_or(0, |order| order.turn);
                counts.prove(turn, amended);
            }
            is_any_undecided |= evidence == Evidence::Equal;
            evidence != Evidence::Proof
        });
        if !is_any_undecided {
            self.amended.clear();
        }
    }

    /// Removes an order.
    #[inline]
    pub(super) fn release(&mut self, arena: &mut Arena, index: u32) {
        let Some(order) = arena.get(index) else {
            return;
        };
        let (ahead, behind) = (order.ahead, order.behind);
        self.level.qty -= order.level.qty;
        self.link(arena, ahead, behind, true);
        self.link(arena, behind, ahead, false);
        self.count -= 1;
        self.digest = Digest::UNKNOWN;
        self.amended.remove(index);
    }

    /// Changes the quantity of one of the orders.
    pub(super) const fn change(&mut self, from: u128, to: u128) {
        self.level.qty = self.level.qty - from + to;
        self.digest = Digest::UNKNOWN;
    }

    /// Changes price and quantity; the orders are changed on their own.
    pub(super) fn transform(&mut self, change: impl Fn(Level) -> Level) {
        self.level = change(self.level);
        self.digest = Digest::UNKNOWN;
    }

    /// Makes `other` the neighbour of `index`, behind it or ahead of it; at the end of the queue
    /// that is the queue's end.
    #[inline]
    fn link(&mut self, arena: &mut Arena, index: u32, other: u32, is_behind: bool) {
        match (arena.get_mut(index), is_behind) {
            (Some(order), true) => order.behind = other,
            (Some(order), false) => order.ahead = other,
            (None, true) => self.front = other,
            (None, false) => self.back = other,
        }
    }
}

/// The digest of a queue with one more order at its end.
struct QueueAndOrder<'o>(Digest, &'o mut Order);

impl Computation for QueueAndOrder<'_> {
    type Output = Digest;

    #[inline(always)]
    fn run<A: Arithmetic>(self) -> Digest {
        self.0.append::<A>(self.1.digest::<A>())
    }
}

/// What a matching checksum shows about an undecided order of the queue.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Evidence {
    /// It would not have matched with the order elsewhere.
    Proof,
    /// It would have matched with the order elsewhere: all orders in between have its quantity.
    Equal,
    /// No order is in between.
    Nothing,
}

fn evidence(arena: &Arena, amended: &AmendedOrder) -> Evidence {
    let Some(order) = arena.get(amended.index) else {
        return Evidence::Nothing;
    };
    let others = amended.turns().filter(|turn| *turn != order.turn);
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
    let mut index = next(order);
    while let Some(other) = arena.get(index) {
        if (other.turn < turn) != is_later {
            break;
        }
        if other.level.qty != order.level.qty {
            return Evidence::Proof;
        }
        found = Evidence::Equal;
        index = next(other);
    }
    found
}
