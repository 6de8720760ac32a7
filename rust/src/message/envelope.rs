//! The fields around a message's content, read in one pass over the frame's top level.

use super::book_data::BookBatch;
use super::{Channel, DataMessage, Message, Reply, rows};
use crate::error::{ErrorKind, ParseError, Result};
use crate::lexer::{Field, Kind, Lexer, Text, Value};

/// The top-level fields that decide what a frame is. Key order is not stable, and a field that
/// is `null` counts as absent.
#[derive(Default)]
pub(super) struct Envelope {
    offset: usize,
    channel: Option<Field>,
    kind: Option<Field>,
    data: Option<Field>,
    sequence: Option<Field>,
    timestamp: Option<Field>,
    method: Option<Field>,
    success: Option<Field>,
    error: Option<Field>,
    error_message: Option<Field>,
    result: Option<Field>,
    book: Option<BookRead>,
}

/// The outcome of reading `data` as that of a book.
struct BookRead {
    breach: Option<ParseError>,
}

impl Envelope {
    /// Reads the frame; a book's `data` goes into `batch`.
    ///
    /// # Errors
    ///
    /// Errors of the text, and [`ErrorKind::Type`] when the frame is no object.
    #[inline]
    pub(super) fn read(&mut self, frame: &[u8], batch: &mut BookBatch) -> Result<()> {
        let mut lexer = Lexer::new(frame)?;
        let is_object = lexer.peek()? == Kind::Object;
        self.offset = lexer.offset();
        if !is_object {
            lexer.skip_value()?;
            lexer.finish()?;
            return Err(ParseError::new(ErrorKind::Type, self.offset));
        }
        let mut key = lexer.first_key()?;
        while let Some(name) = key {
            self.read_field(&mut lexer, name, batch)?;
            key = lexer.next_key()?;
        }
        lexer.finish()?;
        self.read_late_book(frame, batch)
    }

    #[inline]
    fn read_field(
        &mut self,
        lexer: &mut Lexer<'_>,
        name: Text,
        batch: &mut BookBatch,
    ) -> Result<()> {
        let frame = lexer.frame();
        let entry = match name.bytes(frame).as_ref() {
            b"channel" => &mut self.channel,
            b"type" => &mut self.kind,
            b"data" => return self.read_data(lexer, batch),
            b"sequence" => &mut self.sequence,
            b"timestamp" => &mut self.timestamp,
            b"method" => &mut self.method,
            b"success" => &mut self.success,
            b"error" => &mut self.error,
            b"errorMessage" => &mut self.error_message,
            b"result" => &mut self.result,
            _ => return lexer.skip_value(),
        };
        let field = lexer.field()?;
        *entry = (field.value != Value::Null).then_some(field);
        Ok(())
    }

    #[inline]
    fn read_data(&mut self, lexer: &mut Lexer<'_>, batch: &mut BookBatch) -> Result<()> {
        self.book = None;
        let kind = lexer.peek()?;
        if kind == Kind::Array
            && let Some(channel) = self.book_channel(lexer.frame())
        {
            let offset = lexer.offset();
            let value = Value::Array;
            self.data = Some(Field { offset, value });
            let breach = batch.read(lexer, channel)?;
            self.book = Some(BookRead { breach });
            return Ok(());
        }
        let field = lexer.field()?;
        self.data = (field.value != Value::Null).then_some(field);
        Ok(())
    }

    /// Reads a book's `data` that came before the channel was known.
    fn read_late_book(&mut self, frame: &[u8], batch: &mut BookBatch) -> Result<()> {
        if let Some(data) = self.data
            && let Some(channel) = self.book_channel(frame)
            && self.method.is_none()
            && data.value == Value::Array
            && self.book.is_none()
        {
            let breach = batch.read(&mut Lexer::at(frame, data.offset), channel)?;
            self.book = Some(BookRead { breach });
        }
        Ok(())
    }

    /// The channel, if it is one of books.
    #[inline]
    fn book_channel(&self, frame: &[u8]) -> Option<Channel> {
        let Some(Value::Text(name)) = self.channel.map(|field| field.value) else {
            return None;
        };
        let channel = Channel::of(&name.bytes(frame));
        channel.has_books().then_some(channel)
    }

    /// The message: some refusals have both channel and method, and a frame with a method is a
    /// reply.
    ///
    /// # Errors
    ///
    /// The kinds that are [`ErrorKind::is_protocol`].
    pub(super) fn classify(&self, frame: &[u8]) -> Result<Message> {
        if let Some(method) = self.method {
            return self.reply(frame, text(method)?);
        }
        if let Some(reply) = self.bare_error() {
            return Ok(Message::Reply(reply));
        }
        let Some(channel) = self.channel else {
            return Err(ParseError::new(ErrorKind::Unclassified, self.offset));
        };
        let name = text(channel)?;
        match Channel::of(&name.bytes(frame)) {
            Channel::Heartbeat => Ok(Message::Heartbeat),
            channel => self.data_message(frame, channel, name).map(Message::Data),
        }
    }

    fn data_message(&self, frame: &[u8], channel: Channel, name: Text) -> Result<DataMessage> {
        let missing = ParseError::new(ErrorKind::Missing, self.offset);
        let kind_field = self.kind.ok_or(missing)?;
        let kind = text(kind_field)?;
        let data = self.data.ok_or(missing)?;
        check_data(channel, data)?;
        let is_snapshot = kind.is(frame, b"snapshot");
        if channel.has_state() && !is_snapshot && !kind.is(frame, b"update") {
            return Err(ParseError::new(ErrorKind::Type, kind_field.offset));
        }
        let sequence = self.sequence.map(integer).transpose()?;
        if channel.has_books()
            && let Some(breach) = self.book.as_ref().and_then(|book| book.breach)
        {
            return Err(breach);
        }
        if let Some(shape) = rows::shape(channel, is_snapshot)
            && let Some(breach) = rows::read(&mut Lexer::at(frame, data.offset), shape)?
        {
            return Err(breach);
        }
        Ok(DataMessage {
            channel,
            channel_name: name,
            is_snapshot,
            kind,
            data: data.offset,
            sequence,
            timestamp: self.timestamp.and_then(|field| text(field).ok()),
            book: None,
        })
    }

    /// An error without a method and without content: `{"error":"..."}`, or `errorMessage` as
    /// version 1 of the protocol spells it.
    fn bare_error(&self) -> Option<Reply> {
        let is_success = self.success.map(|field| field.value) == Some(Value::Bool(true));
        if self.data.is_some() || is_success {
            return None;
        }
        let texts = [self.error, self.error_message].into_iter().flatten();
        let field = { texts }.find(|field| matches!(field.value, Value::Text(_)))?;
        Some(Reply {
            method: Text::new(field.offset, field.offset, false),
            bare_error: Some(field.offset),
            success: false,
            has_result: self.result.is_some(),
            result: self.result_object(),
        })
    }

    /// Offset of `result` if it is an object.
    fn result_object(&self) -> Option<usize> {
        let result = self.result.filter(|field| field.value == Value::Object);
        result.map(|field| field.offset)
    }

    fn reply(&self, frame: &[u8], method: Text) -> Result<Message> {
        if method.is(frame, b"pong") {
            return Ok(Message::Pong);
        }
        let success = match self.success {
            None => self.error.is_none(),
            Some(Field {
                value: Value::Bool(success),
                ..
            }) => success,
            Some(field) => return Err(ParseError::new(ErrorKind::Type, field.offset)),
        };
        Ok(Message::Reply(Reply {
            method,
            bare_error: None,
            success,
            has_result: self.result.is_some(),
            result: self.result_object(),
        }))
    }
}

/// `data` is an array, except that `instrument` has an object and an unknown channel may have
/// anything.
fn check_data(channel: Channel, data: Field) -> Result<()> {
    let expected = match data.value {
        Value::Array => true,
        Value::Object => matches!(channel, Channel::Instrument | Channel::Other),
        _ => channel == Channel::Other,
    };
    if expected {
        return Ok(());
    }
    Err(ParseError::new(ErrorKind::Type, data.offset))
}

#[inline]
fn text(field: Field) -> Result<Text> {
    match field.value {
        Value::Text(text) => Ok(text),
        _ => Err(ParseError::new(ErrorKind::Type, field.offset)),
    }
}

fn integer(field: Field) -> Result<i64> {
    match field.value {
        Value::Number(number) if number.is_integer() => number
            .to_i64()
            .ok_or(ParseError::new(ErrorKind::Number, field.offset)),
        _ => Err(ParseError::new(ErrorKind::Type, field.offset)),
    }
}
