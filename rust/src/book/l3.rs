//! The book of one pair order by order, as channel `level3` shows it.
//!
//! The documentation leaves some rules open, and no public capture shows them. This module decides
//! them, and no other:
//!
//! - Orders of a snapshot, added ones and ones that come from another price go to the back of
//!   their queue, one after the other: snapshots list orders by queue priority (docs.kraken.com,
//!   WebSocket v2, level3).
//! - `add` of an order that is there replaces it.
//! - `modify` with the same timestamp, or none, keeps the order's position; it is a fill. With another
//!   one it is an amendment: the order keeps its position if that lowered its quantity, else it goes
//!   to the back, which is priority by price and time. With another price or side it moves there.
//! - When the checksum fails, amended orders in the ten best levels are tried in their other
//!   position (see [`super::amendments`]), then the queues in the order of the timestamps, before
//!   the book turns stale. The rule that the checksums have proved more often is tried first.
//! - `modify` and `delete` of an order that is not there are ignored: it may have been cut off.
//! - An order without quantity is not in the book.
//! - An event that is not known is ignored. The checksum shows whether that was right.
//! - The entries of a message apply in order, bids first; then the book is cut to its depth, which
//!   counts price levels.
//!
//! [`OrderCounts`] counts each of these cases, also in the messages that failed their checksum.

use super::amendments::{AmendedOrder, Rule};
use super::queue::{Arena, Order, Queue};
use super::queues::Queues;
use super::{Book, Level, OrderCounts, OrderKind, OutOfRange, Placement, Side};
use crate::checksum::LEVELS;
use crate::crc32::{Arithmetic, Computation, compute};
use crate::decimal::{Decimal, rescale};
use crate::message::{BookBatch, BookItem, Channel, OrderEvent, OrderId, OrderRow};

/// Numbers stay below this at the scales of the book, so that no sum over orders is out of range.
const LIMIT: u128 = 10_u128.pow(30);

/// The position of an order in the queue of its price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuePosition {
    /// Orders that are filled before it.
    pub orders_ahead: usize,
    /// Their quantity, at the scale of the book.
    pub qty_ahead: u128,
    /// Orders of the price, this one included.
    pub orders: usize,
    /// Their quantity, at the scale of the book.
    pub qty: u128,
}

/// The book of one pair order by order, cut to `depth` price levels a side.
///
/// Scales are as in [`super::L2Book`].
///
/// ```
/// use kraken_connector::Decimal;
/// use kraken_connector::book::{Book, L3Book, Side};
/// use kraken_connector::message::{OrderEvent, OrderId, OrderRow};
///
/// let order = |id: &str, price: &str, qty: &str| {
///     let number = |text: &str| Decimal::from_lexeme(text.as_bytes()).unwrap();
///     let time = b"2024-01-01T00:00:00Z";
///     OrderRow::new(OrderEvent::Add, id.as_bytes(), number(price), number(qty), time)
/// };
/// let mut book = L3Book::new(10);
/// let bids = [order("A", "100.0", "1.5"), order("B", "100.0", "2.0")];
/// book.apply_snapshot(&bids, &[]).unwrap();
/// assert_eq!(book.best(Side::Bid).unwrap().qty, 35);
/// let position = book.queue_position(&OrderId::new(b"B")).unwrap();
/// assert_eq!((position.orders_ahead, position.qty_ahead), (1, 15));
/// ```
#[derive(Clone, Debug)]
pub struct L3Book {
    depth: usize,
    price_scale: u32,
    qty_scale: u32,
    bids: Queues,
    asks: Queues,
    arena: Arena,
    counts: OrderCounts,
    /// Whether there may be undecided orders.
    has_amended: bool,
}

/// Undecided orders whose positions are tried one by one, the last amended first; the others are
/// only tried with the same rule for all.
const MOST_TRIED: usize = 4;

/// An order whose position is undecided, and its present turn.
#[derive(Clone, Copy)]
struct Undecided {
    order: AmendedOrder,
    turn: u64,
}

impl L3Book {
    /// How many orders there are.
    #[must_use]
    pub fn order_count(&self) -> usize {
        self.arena.len()
    }

    /// Counts of the entries of all messages so far, by their effect.
    #[must_use]
    pub const fn counts(&self) -> &OrderCounts {
        &self.counts
    }

    /// The orders of the best `levels` levels of one side, those filled first in front.
    pub fn orders(&self, side: Side, levels: usize) -> impl Iterator<Item = &Order> {
        let queues = self.side(side).queues().take(levels);
        queues.flat_map(|queue| self.arena.from(queue.front))
    }

    /// The order called `id`.
    #[must_use]
    pub fn order(&self, id: &OrderId) -> Option<&Order> {
        self.arena.get(self.arena.find(id)?)
    }

    /// The position of the order called `id`; O(orders ahead of it).
    #[must_use]
    pub fn queue_position(&self, id: &OrderId) -> Option<QueuePosition> {
        let order = self.order(id)?;
        let queue = self.side(order.side).get(order.level.price)?;
        let (mut orders_ahead, mut qty_ahead) = (0, 0);
        for other in self.arena.from(queue.front) {
            if std::ptr::eq(other, order) {
                break;
            }
            orders_ahead += 1;
            qty_ahead += other.level.qty;
        }
        Some(QueuePosition {
            orders_ahead,
            qty_ahead,
            orders: queue.count,
            qty: queue.level.qty,
        })
    }

    /// Removes all orders and scales; the counts stay.
    pub fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
        self.arena.clear();
        self.has_amended = false;
        (self.price_scale, self.qty_scale) = (0, 0);
    }

    /// Adds an order of a snapshot.
    fn add_listed(&mut self, side: Side, row: &OrderRow) -> OrderKind {
        if !is_order_of_snapshot(row) {
            return OrderKind::UnknownEvent;
        }
        match self.add(side, row) {
            OrderKind::Add => OrderKind::Snapshot,
            OrderKind::AddOlder => OrderKind::SnapshotOlder,
            other => other,
        }
    }

    fn add(&mut self, side: Side, row: &OrderRow) -> OrderKind {
        let known = self.arena.find(&row.order_id);
        if let Some(index) = known {
            self.release(index);
            self.arena.remove(index);
        }
        let level = self.scaled(row);
        if level.qty == 0 {
            return OrderKind::Empty;
        }
        let index = self.arena.insert(side, level, row);
        let is_older = self.queue(index, side, level.price, row.time);
        match (known, is_older) {
            (Some(_), _) => OrderKind::AddKnown,
            (None, true) => OrderKind::AddOlder,
            (None, false) => OrderKind::Add,
        }
    }

    fn modify(&mut self, side: Side, row: &OrderRow) -> OrderKind {
        let Some(index) = self.arena.find(&row.order_id) else {
            return OrderKind::ModifyUnknown;
        };
        let Some((from_side, from)) = self.arena.get(index).map(|order| (order.side, order.level))
        else {
            return OrderKind::ModifyUnknown;
        };
        let to = self.scaled(row);
        if to.qty == 0 {
            self.release(index);
            self.arena.remove(index);
            return OrderKind::Empty;
        }
        if (from_side, from.price) != (side, to.price) {
            self.release(index);
            self.arena.change(index, to.qty, row);
            self.arena.move_to(index, side, to);
            self.queue(index, side, to.price, row.time);
            return OrderKind::ModifyMoved;
        }
        let is_amended = self.arena.is_amended(index, row.time);
        self.side_mut(side).change(from.price, from.qty, to.qty);
        self.arena.change(index, to.qty, row);
        if !is_amended {
            return OrderKind::Modify;
        }
        let is_raised = to.qty >= from.qty;
        let requeues = self.counts.rule().requeues(is_raised);
        let (queues, arena) = self.parts(side);
        if let Some(queue) = queues.at(to.price) {
            queue.amend(arena, index, is_raised, requeues);
        }
        self.has_amended = true;
        if is_raised {
            OrderKind::ModifyRaised
        } else {
            OrderKind::ModifyLowered
        }
    }

    fn delete(&mut self, row: &OrderRow) -> OrderKind {
        let Some(index) = self.arena.find(&row.order_id) else {
            return OrderKind::DeleteUnknown;
        };
        self.release(index);
        self.arena.remove(index);
        OrderKind::Delete
    }

    /// Puts an order at the back of the queue of its price; returns whether it is older than the
    /// order ahead of it.
    fn queue(&mut self, index: u32, side: Side, price: u128, time: Option<i128>) -> bool {
        let (queues, arena) = self.parts(side);
        let queue = queues.at(price);
        queue.is_some_and(|queue| queue.push(arena, index, time))
    }

    /// Removes an order from its queue.
    fn release(&mut self, index: u32) {
        if let Some(order) = self.arena.get(index) {
            let (side, price) = (order.side, order.level.price);
            let (queues, arena) = self.parts(side);
            queues.release(arena, price, index);
        }
    }

    /// The undecided orders that count for the checksum, the last amended first.
    fn undecided(&self) -> Vec<Undecided> {
        let sides = [&self.bids, &self.asks].into_iter();
        let queues = sides.flat_map(|side| side.queues().take(LEVELS));
        let undecided = queues
            .flat_map(|queue| queue.amended.iter())
            .filter_map(|amended| {
                let turn = self.arena.get(amended.index)?.turn;
                Some(Undecided {
                    order: *amended,
                    turn,
                })
            });
        let mut undecided: Vec<_> = undecided.collect();
        undecided.sort_by_key(|one| std::cmp::Reverse(one.order.latest()));
        undecided
    }

    /// Tries other positions of the undecided orders: all by one rule, then one by one.
    fn reconcile_amended(&mut self, expected: u32) -> bool {
        let undecided = self.undecided();
        let now: Vec<u64> = undecided.iter().map(|one| one.turn).collect();
        let by_rule = |rule| undecided.iter().map(|one| one.order.turn(rule)).collect();
        let tries = Rule::ALL.into_iter().map(by_rule);
        for turns in tries.chain(combinations(&undecided)) {
            if turns != now && self.fits(&undecided, &turns, expected) {
                return true;
            }
        }
        self.set_turns(&undecided, &now);
        false
    }

    /// Whether the book has the checksum with these turns of the undecided orders.
    fn fits(&mut self, undecided: &[Undecided], turns: &[u64], expected: u32) -> bool {
        self.set_turns(undecided, turns);
        self.checksum() == expected
    }

    fn set_turns(&mut self, undecided: &[Undecided], turns: &[u64]) {
        for (one, turn) in undecided.iter().zip(turns) {
            if let Some(order) = self.arena.get_mut(one.order.index) {
                order.turn = *turn;
            }
        }
        self.sort_top(Queue::sort_by_turn);
    }

    /// Tries the queues in the order of the timestamps.
    fn reconcile_by_time(&mut self, expected: u32) -> bool {
        self.sort_top(Queue::sort_by_time);
        let is_right = self.checksum() == expected;
        if is_right {
            self.sort_top(Queue::accept);
            self.counts.prove_placement(Placement::ByTime);
        } else {
            self.sort_top(Queue::sort_by_turn);
        }
        is_right
    }

    /// Calls `sort` with the queues that count for the checksum.
    fn sort_top(&mut self, sort: impl Fn(&mut Queue, &mut Arena)) {
        for side in [Side::Bid, Side::Ask] {
            let (queues, arena) = self.parts(side);
            queues.sort_top(arena, &sort);
        }
    }

    const fn side(&self, side: Side) -> &Queues {
        match side {
            Side::Bid => &self.bids,
            Side::Ask => &self.asks,
        }
    }

    const fn side_mut(&mut self, side: Side) -> &mut Queues {
        self.parts(side).0
    }

    const fn parts(&mut self, side: Side) -> (&mut Queues, &mut Arena) {
        match side {
            Side::Bid => (&mut self.bids, &mut self.arena),
            Side::Ask => (&mut self.asks, &mut self.arena),
        }
    }

    /// Price and quantity of a row at the book's scales. What does not fit was refused before.
    fn scaled(&self, row: &OrderRow) -> Level {
        Level {
            price: row.price.mantissa_at(self.price_scale).unwrap_or(LIMIT),
            qty: row.qty.mantissa_at(self.qty_scale).unwrap_or(LIMIT),
        }
    }

    /// Gives the whole book larger scales.
    #[cold]
    fn widen(&mut self, (price_to, qty_to): (u32, u32)) -> Result<(), OutOfRange> {
        let (price_from, qty_from) = (self.price_scale, self.qty_scale);
        let widened = |level: Level| {
            let price = rescale(level.price, price_from, price_to)?;
            let qty = rescale(level.qty, qty_from, qty_to)?;
            Some(Level { price, qty })
        };
        let fits = |order: &Order| {
            widened(order.level).is_some_and(|level| level.price < LIMIT && level.qty < LIMIT)
        };
        let mut orders = self.orders(Side::Bid, usize::MAX);
        if !(orders.all(fits) && self.orders(Side::Ask, usize::MAX).all(fits)) {
            return Err(OutOfRange);
        }
        drop(orders);
        let change = |level: Level| widened(level).unwrap_or(level);
        self.arena.transform(change);
        self.bids.transform(change);
        self.asks.transform(change);
        (self.price_scale, self.qty_scale) = (price_to, qty_to);
        Ok(())
    }
}

/// All combinations of turns that the first of some undecided orders may have.
fn combinations(undecided: &[Undecided]) -> impl Iterator<Item = Vec<u64>> {
    let now: Vec<u64> = undecided.iter().map(|one| one.turn).collect();
    let first = undecided.iter().take(MOST_TRIED);
    let choices: Vec<Vec<u64>> = first.map(|one| one.order.turns().collect()).collect();
    let count = if choices.is_empty() {
        0
    } else {
        choices.iter().map(Vec::len).product()
    };
    (0..count).map(move |mut number| {
        let mut turns = now.clone();
        for (turn, choice) in turns.iter_mut().zip(&choices) {
            *turn = choice.get(number % choice.len()).copied().unwrap_or(*turn);
            number /= choice.len();
        }
        turns
    })
}

/// The scales that the rows which are orders need beyond `from`.
fn scales_for(
    from: (u32, u32),
    bids: &[OrderRow],
    asks: &[OrderRow],
    is_order: impl Fn(&OrderRow) -> bool,
) -> Result<(u32, u32), OutOfRange> {
    let orders = || bids.iter().chain(asks).filter(|row| is_order(row));
    let (price_scale, qty_scale) = orders().fold(from, |(price, qty), row| {
        (price.max(row.price.scale()), qty.max(row.qty.scale()))
    });
    let fits = |number: Decimal, scale| number.mantissa_at(scale).is_some_and(|it| it < LIMIT);
    if orders().all(|row| fits(row.price, price_scale) && fits(row.qty, qty_scale)) {
        Ok((price_scale, qty_scale))
    } else {
        Err(OutOfRange)
    }
}

/// Whether an entry of an update needs a price and a quantity.
fn is_order_of_update(row: &OrderRow) -> bool {
    matches!(row.event, OrderEvent::Add | OrderEvent::Modify)
}

/// Whether an entry of a snapshot is an order: those have no event.
fn is_order_of_snapshot(row: &OrderRow) -> bool {
    matches!(row.event, OrderEvent::Absent | OrderEvent::Add)
}

/// What the checksum is computed over.
struct BookText<'b> {
    bids: &'b mut Queues,
    asks: &'b mut Queues,
    arena: &'b mut Arena,
}

impl Computation for BookText<'_> {
    type Output = u32;

    #[inline(always)]
    fn run<A: Arithmetic>(self) -> u32 {
        let asks = self.asks.digest::<A>(self.arena);
        asks.crc_with::<A>(self.bids.digest::<A>(self.arena))
    }
}

impl Book for L3Book {
    const CHANNEL: Channel = Channel::Level3;
    const DEPTHS: &'static [usize] = &[10, 100, 1000];

    type Row = OrderRow;

    fn new(depth: usize) -> Self {
        Self {
            depth,
            price_scale: 0,
            qty_scale: 0,
            bids: Queues::new(Side::Bid),
            asks: Queues::new(Side::Ask),
            arena: Arena::default(),
            counts: OrderCounts::default(),
            has_amended: false,
        }
    }

    fn depth(&self) -> usize {
        self.depth
    }

    fn set_depth(&mut self, depth: usize) {
        self.depth = depth;
    }

    fn cut(&mut self) {
        for side in [Side::Bid, Side::Ask] {
            let depth = self.depth;
            let (queues, arena) = self.parts(side);
            queues.cut(depth, arena);
        }
    }

    fn scales(&self) -> (u32, u32) {
        (self.price_scale, self.qty_scale)
    }

    fn levels(&self, side: Side) -> impl ExactSizeIterator<Item = Level> {
        self.side(side).queues().map(|queue| queue.level)
    }

    fn best(&self, side: Side) -> Option<Level> {
        self.side(side).queues().next().map(|queue| queue.level)
    }

    fn checksum(&mut self) -> u32 {
        compute(BookText {
            bids: &mut self.bids,
            asks: &mut self.asks,
            arena: &mut self.arena,
        })
    }

    #[cold]
    fn reconcile(&mut self, expected: u32) -> bool {
        (self.has_amended && self.reconcile_amended(expected)) || self.reconcile_by_time(expected)
    }

    #[inline(always)]
    fn confirm(&mut self) {
        if self.has_amended {
            let (arena, counts) = (&self.arena, &mut self.counts);
            let queues = self.bids.top().chain(self.asks.top());
            queues.for_each(|queue| queue.confirm(arena, counts));
        }
    }

    fn count_mismatch(&mut self) {
        self.counts.count_mismatch();
    }

    fn rows<'b>(batch: &'b BookBatch, item: &BookItem) -> (&'b [OrderRow], &'b [OrderRow]) {
        (batch.bid_orders(item), batch.ask_orders(item))
    }

    /// Counts the changes of price, since orders are listed level by level.
    fn levels_of(rows: &[OrderRow]) -> usize {
        rows.chunk_by(|a, b| a.price == b.price).count()
    }

    fn apply_snapshot(&mut self, bids: &[OrderRow], asks: &[OrderRow]) -> Result<(), OutOfRange> {
        let scales = scales_for((0, 0), bids, asks, is_order_of_snapshot)?;
        self.clear();
        (self.price_scale, self.qty_scale) = scales;
        self.counts.start_message();
        for (side, rows) in [(Side::Bid, bids), (Side::Ask, asks)] {
            for row in rows {
                let kind = self.add_listed(side, row);
                self.counts.add(kind);
            }
        }
        self.cut();
        Ok(())
    }

    fn apply_update(&mut self, bids: &[OrderRow], asks: &[OrderRow]) -> Result<u32, OutOfRange> {
        let from = (self.price_scale, self.qty_scale);
        let scales = scales_for(from, bids, asks, is_order_of_update)?;
        if scales != from {
            self.widen(scales)?;
        }
        self.counts.start_message();
        for (side, rows) in [(Side::Bid, bids), (Side::Ask, asks)] {
            for row in rows {
                let kind = match row.event {
                    OrderEvent::Add => self.add(side, row),
                    OrderEvent::Modify => self.modify(side, row),
                    OrderEvent::Delete => self.delete(row),
                    OrderEvent::Absent | OrderEvent::Unknown => OrderKind::UnknownEvent,
                };
                self.counts.add(kind);
            }
        }
        self.cut();
        Ok(self.checksum())
    }
}
