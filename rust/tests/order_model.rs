//! A book of individual orders as a map of lists: nothing is remembered, everything is searched.
//! The fuzz target `level3_against_model` has it from here.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use kraken_connector::book::{Book, L3Book};
use kraken_connector::message::{OrderEvent, OrderId, OrderRow};
use kraken_connector::{Decimal, Side};

/// All numbers of the model have this scale, which no row exceeds.
pub const SCALE: u32 = 12;

const SIDES: [Side; 2] = [Side::Bid, Side::Ask];

/// One entry in small numbers; what is not small enough is taken modulo.
#[derive(Clone, Debug)]
pub struct SmallRow {
    pub event: u8,
    pub id: u8,
    pub price: u8,
    pub qty: u32,
    pub scales: u8,
    pub time: u8,
}

impl SmallRow {
    /// The entry as the book takes it. Few ids, prices and times, so that they meet.
    pub fn row(&self, is_snapshot: bool) -> OrderRow {
        let event = match (self.event % 16, is_snapshot) {
            (0..=5, false) => OrderEvent::Add,
            (6..=10, false) => OrderEvent::Modify,
            (11..=14, false) => OrderEvent::Delete,
            (0..=14, true) => OrderEvent::Absent,
            _ => OrderEvent::Unknown,
        };
        let long = if self.id.is_multiple_of(5) {
            "-LONGER-THAN-USUAL-IDS"
        } else {
            ""
        };
        let (price_scale, qty_scale) = self.scales();
        let price = u128::from(self.price % 24) * 10_u128.pow(price_scale);
        let timestamp = match self.time % 8 {
            0 => String::new(),
            time => format!("2026-01-01T00:00:00.00000000{time}Z"),
        };
        OrderRow::new(
            event,
            format!("O{:02}{long}", self.id % 32).as_bytes(),
            Decimal::new(price, price_scale + 1).unwrap(),
            Decimal::new(u128::from(self.qty), qty_scale).unwrap(),
            timestamp.as_bytes(),
        )
    }

    fn scales(&self) -> (u32, u32) {
        let scales = u32::from(self.scales);
        (scales % 3, scales / 3 % (SCALE + 1))
    }
}

#[derive(Clone, Debug)]
struct ModelOrder {
    id: OrderId,
    qty: u128,
    time: i128,
}

/// The orders of each price in the order of their queue, by side.
#[derive(Clone, Debug, Default)]
pub struct Model {
    sides: [BTreeMap<u128, Vec<ModelOrder>>; 2],
    scales: (u32, u32),
}

impl Model {
    /// Applies a message, bids first.
    pub fn apply(&mut self, bids: &[OrderRow], asks: &[OrderRow], is_snapshot: bool, depth: usize) {
        if is_snapshot {
            *self = Self::default();
        }
        for (side, rows) in [bids, asks].into_iter().enumerate() {
            for row in rows {
                self.apply_row(side, row, is_snapshot);
            }
        }
        while self.sides[0].len() > depth {
            self.sides[0].pop_first();
        }
        while self.sides[1].len() > depth {
            self.sides[1].pop_last();
        }
    }

    fn apply_row(&mut self, side: usize, row: &OrderRow, is_snapshot: bool) {
        match row.event {
            OrderEvent::Absent if is_snapshot => self.add(side, row),
            OrderEvent::Add => self.add(side, row),
            OrderEvent::Modify => self.modify(side, row),
            OrderEvent::Delete => {
                self.remove(&row.order_id);
            }
            _ => {}
        }
    }

    fn add(&mut self, side: usize, row: &OrderRow) {
        self.widen(row);
        self.remove(&row.order_id);
        self.insert(side, row);
    }

    fn modify(&mut self, side: usize, row: &OrderRow) {
        self.widen(row);
        let price = row.price.mantissa_at(SCALE).unwrap();
        let qty = row.qty.mantissa_at(SCALE).unwrap();
        for (at, levels) in self.sides.iter_mut().enumerate() {
            for (known_price, orders) in levels {
                let Some(order) = orders.iter_mut().find(|order| order.id == row.order_id) else {
                    continue;
                };
                let is_moved = (at, *known_price) != (side, price);
                let is_amended = row.time.is_some_and(|time| time != order.time);
                if qty > 0 && !is_moved && (!is_amended || qty < order.qty) {
                    order.qty = qty;
                    order.time = row.time.unwrap_or(order.time);
                } else {
                    self.remove(&row.order_id);
                    self.insert(side, row);
                }
                return;
            }
        }
    }

    fn widen(&mut self, row: &OrderRow) {
        self.scales.0 = self.scales.0.max(row.price.scale());
        self.scales.1 = self.scales.1.max(row.qty.scale());
    }

    fn insert(&mut self, side: usize, row: &OrderRow) {
        let price = row.price.mantissa_at(SCALE).unwrap();
        let qty = row.qty.mantissa_at(SCALE).unwrap();
        if qty == 0 {
            return;
        }
        let orders = self.sides[side].entry(price).or_default();
        let last = orders.last().map_or(i128::MIN, |order| order.time);
        let time = row.time.unwrap_or(last);
        let id = row.order_id.clone();
        orders.push(ModelOrder { id, qty, time });
    }

    fn remove(&mut self, id: &OrderId) {
        for levels in &mut self.sides {
            for orders in levels.values_mut() {
                orders.retain(|order| order.id != *id);
            }
            levels.retain(|_, orders| !orders.is_empty());
        }
    }

    /// The levels of a side, best first, at the scales of the book.
    fn levels(&self, side: Side) -> Vec<(u128, Vec<(OrderId, u128)>)> {
        let price_unit = 10_u128.pow(SCALE - self.scales.0);
        let qty_unit = 10_u128.pow(SCALE - self.scales.1);
        let level = |(price, orders): (&u128, &Vec<ModelOrder>)| {
            let orders = orders.iter();
            let orders = orders.map(|order| (order.id.clone(), order.qty / qty_unit));
            (price / price_unit, orders.collect())
        };
        match side {
            Side::Bid => self.sides[0].iter().rev().map(level).collect(),
            Side::Ask => self.sides[1].iter().map(level).collect(),
        }
    }

    /// The documented rule on text: asks before bids, all orders of ten levels each.
    pub fn checksum(&self) -> u32 {
        let mut text = String::new();
        for side in [Side::Ask, Side::Bid] {
            for (price, orders) in self.levels(side).iter().take(10) {
                for (_, qty) in orders {
                    write!(text, "{price}{qty}").unwrap();
                }
            }
        }
        crc32fast::hash(text.as_bytes())
    }

    /// Panics where the book shows something else.
    pub fn compare(&self, book: &L3Book) {
        assert_eq!(book.scales(), self.scales);
        let mut count = 0;
        for side in SIDES {
            let levels = self.levels(side);
            let sums = levels.iter().map(|(price, orders)| {
                let qty: u128 = orders.iter().map(|(_, qty)| qty).sum();
                (*price, qty)
            });
            let ours = book.levels(side).map(|level| (level.price, level.qty));
            assert_eq!(ours.collect::<Vec<_>>(), sums.collect::<Vec<_>>());
            let ours: Vec<_> = book
                .orders(side, usize::MAX)
                .map(|order| (order.level.price, order.id.clone(), order.level.qty))
                .collect();
            let orders = levels.iter().flat_map(|(price, orders)| {
                orders.iter().map(|(id, qty)| (*price, id.clone(), *qty))
            });
            assert_eq!(ours, orders.collect::<Vec<_>>());
            count += ours.len();
            for (_, orders) in &levels {
                compare_queue(book, orders);
            }
        }
        assert_eq!(book.order_count(), count);
    }
}

fn compare_queue(book: &L3Book, orders: &[(OrderId, u128)]) {
    let qty: u128 = orders.iter().map(|(_, qty)| qty).sum();
    let mut qty_ahead = 0;
    for (orders_ahead, (id, own)) in orders.iter().enumerate() {
        let position = book.queue_position(id).unwrap();
        assert_eq!(
            (position.orders_ahead, position.orders),
            (orders_ahead, orders.len())
        );
        assert_eq!((position.qty_ahead, position.qty), (qty_ahead, qty));
        qty_ahead += own;
    }
}
