//! The client's side of TLS 1.2 and 1.3 (RFC 5246, RFC 8446) by `rustls`: ciphertext in, plaintext
//! out, and back. Sockets and waiting are the caller's.

use std::fmt;
use std::io::{BufRead, Read, Write};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, Error, ProtocolVersion, RootCertStore};

/// How much ciphertext is read at once: twelve of the longest records. With a third of it there are
/// more turns of the event loop under load, which costs a message a tenth; with more than this a read
/// brings more messages than a queue holds by default, and its connection stops and starts.
pub const ROOM: usize = 192 * 1024;

/// The WebSocket handshake is a request of HTTP/1.1 (RFC 6455, section 4.1).
const PROTOCOL: &[u8] = b"http/1.1";

/// Why a session cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsError {
    /// What happened, the name of an alert included.
    pub text: Arc<str>,
    /// Which class of errors.
    pub kind: TlsErrorKind,
}

/// What `ssl` of Python has exceptions for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsErrorKind {
    /// The server's certificate is not trusted, or not for its name.
    Certificate,
    /// The server closed the connection before the handshake was complete.
    EndInHandshake,
    /// This side wrote after it had closed the session.
    Closed,
    /// All else.
    Protocol,
}

impl TlsError {
    fn new(kind: TlsErrorKind, text: impl fmt::Display) -> Self {
        let text = text.to_string().into();
        Self { text, kind }
    }
}

impl From<Error> for TlsError {
    fn from(error: Error) -> Self {
        let kind = match error {
            Error::InvalidCertificate(_) => TlsErrorKind::Certificate,
            _ => TlsErrorKind::Protocol,
        };
        Self::new(kind, error)
    }
}

/// Settings of sessions that trust the authorities `roots`, certificates in DER.
///
/// Certificates that cannot be read are left out; `None` if no other is left.
///
/// # Errors
/// The provider of cryptography lacks what TLS needs.
pub fn config(roots: Vec<Vec<u8>>) -> Result<Option<Arc<ClientConfig>>, TlsError> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(roots.into_iter().map(CertificateDer::from));
    if store.is_empty() {
        return Ok(None);
    }
    trusting(store).map(Some)
}

fn trusting(store: RootCertStore) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(store)
        .with_no_client_auth();
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(Arc::new(config))
}

/// How the server's side of a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// By `close_notify`: everything that was sent has been received.
    Closed,
    /// The connection ended without it: messages may be missing at the end (RFC 8446, section 6.1).
    Truncated,
    /// By an error.
    Failed(TlsError),
}

/// One session.
pub struct Session {
    connection: ClientConnection,
    /// Ciphertext that was received; that from `start` to `end` is not decrypted yet.
    incoming: Box<[u8]>,
    start: usize,
    end: usize,
    ending: Option<End>,
    is_closed: bool,
}

impl Session {
    /// A session with the server of this name, a DNS name or an IP address; `None` if it is neither.
    ///
    /// # Errors
    /// The settings do not fit together, or there are no random numbers.
    pub fn new(config: Arc<ClientConfig>, name: &str) -> Result<Option<Self>, TlsError> {
        let Ok(name) = ServerName::try_from(name.to_owned()) else {
            return Ok(None);
        };
        let mut connection = ClientConnection::new(config, name)?;
        // What cannot be sent at once waits, however much it is: the caller sees how much.
        connection.set_buffer_limit(None);
        Ok(Some(Self {
            connection,
            incoming: vec![0; ROOM].into_boxed_slice(),
            start: 0,
            end: 0,
            ending: None,
            is_closed: false,
        }))
    }

    /// Whether the handshake is incomplete.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// How the server's side ended, once it has; data received before may still be unread.
    #[must_use]
    pub const fn ending(&self) -> Option<&End> {
        self.ending.as_ref()
    }

    /// The version of TLS, as Python names it, once it is agreed on.
    #[must_use]
    pub fn version(&self) -> Option<&'static str> {
        match self.connection.protocol_version()? {
            ProtocolVersion::TLSv1_3 => Some("TLSv1.3"),
            ProtocolVersion::TLSv1_2 => Some("TLSv1.2"),
            _ => None,
        }
    }

    /// The cipher suite by its name in IANA's registry, once it is agreed on.
    #[must_use]
    pub fn cipher(&self) -> Option<String> {
        let suite = self.connection.negotiated_cipher_suite()?;
        let name = suite.suite().as_str().unwrap_or_default();
        Some(name.replace("TLS13_", "TLS_"))
    }

    /// Where to put ciphertext next. There must be none left that is not decrypted.
    #[must_use]
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.incoming
    }

    /// Says that `count` bytes of ciphertext were put into the room; 0 is the connection's end.
    pub fn received(&mut self, count: usize) {
        (self.start, self.end) = (0, count.min(self.incoming.len()));
        if count == 0 && self.ending.is_none() {
            self.ending = Some(if self.is_handshaking() {
                End::Failed(TlsError::new(
                    TlsErrorKind::EndInHandshake,
                    "the server closed the connection before the TLS handshake was complete",
                ))
            } else {
                End::Truncated
            });
        }
    }

    /// Takes ciphertext that was read elsewhere, [`ROOM`] bytes at most; none is the connection's end.
    pub fn receive(&mut self, ciphertext: &[u8]) {
        let room = self.room().iter_mut().zip(ciphertext);
        let count = room.map(|(to, from)| *to = *from).count();
        self.received(count);
    }

    /// Goes on with the handshake by what was received.
    pub fn shake_hands(&mut self) {
        while self.is_handshaking() && self.decrypt() {}
    }

    /// Whether plaintext can be read without receiving more, as far as is known.
    #[must_use]
    pub fn has_plaintext(&mut self) -> bool {
        let mut reader = self.connection.reader();
        let has_decrypted = reader.fill_buf().is_ok_and(|chunk| !chunk.is_empty());
        has_decrypted || self.has_ciphertext()
    }

    /// Decrypts what was received into `target`; returns how many bytes.
    pub fn read(&mut self, target: &mut [u8]) -> usize {
        let mut filled = 0;
        while let Some(room) = target.get_mut(filled..).filter(|room| !room.is_empty()) {
            filled += self.connection.reader().read(room).unwrap_or_default();
            if filled < target.len() && !self.decrypt() {
                break;
            }
        }
        filled
    }

    /// Encrypts all of `plaintext`.
    ///
    /// # Errors
    /// That of the session, if it has failed; this side has closed it; or its keys are used up.
    pub fn write(&mut self, plaintext: &[u8]) -> Result<(), TlsError> {
        if let Some(End::Failed(error)) = &self.ending {
            return Err(error.clone());
        }
        if self.is_closed {
            let text = "the TLS session was closed for writing";
            return Err(TlsError::new(TlsErrorKind::Closed, text));
        }
        self.connection
            .writer()
            .write_all(plaintext)
            .map_err(|error| TlsError::new(TlsErrorKind::Protocol, error))
    }

    /// Ends this side by `close_notify`; nothing can be written afterwards.
    pub fn close(&mut self) {
        self.is_closed = true;
        self.connection.send_close_notify();
    }

    /// Moves ciphertext for the server into `outgoing`: of data, the handshake, alerts.
    pub fn take_outgoing(&mut self, outgoing: &mut Vec<u8>) {
        while self.connection.wants_write() {
            if !matches!(self.connection.write_tls(outgoing), Ok(1..)) {
                break;
            }
        }
    }

    /// Whether there is ciphertext for the server.
    #[must_use]
    pub fn has_outgoing(&self) -> bool {
        self.connection.wants_write()
    }

    fn has_ciphertext(&self) -> bool {
        self.start < self.end && self.ending.is_none()
    }

    /// Decrypts some of the ciphertext; false if there is none.
    ///
    /// `rustls` takes 4 KiB at a time, and no more while 16 KiB of plaintext are unread.
    fn decrypt(&mut self) -> bool {
        if !self.has_ciphertext() {
            return false;
        }
        let mut rest = self.incoming.get(self.start..self.end).unwrap_or_default();
        let taken = self.connection.read_tls(&mut rest);
        self.start = self.end - rest.len();
        let ending = match (taken, self.connection.process_new_packets()) {
            (_, Err(error)) => Some(End::Failed(error.into())),
            (_, Ok(state)) if state.peer_has_closed() => Some(End::Closed),
            (Err(error), _) => Some(End::Failed(TlsError::new(TlsErrorKind::Protocol, error))),
            (Ok(0), _) => {
                let text = "a record of an invalid length was received";
                Some(End::Failed(TlsError::new(TlsErrorKind::Protocol, text)))
            }
            _ => None,
        };
        self.ending = ending;
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rustls::pki_types::TrustAnchor;

    use super::*;

    const HANDSHAKE: u8 = 22;

    fn session(name: &str) -> Option<Session> {
        let roots = vec![TrustAnchor {
            subject: b"nobody".as_slice().into(),
            subject_public_key_info: b"no key".as_slice().into(),
            name_constraints: None,
        }];
        Session::new(trusting(RootCertStore { roots }).unwrap(), name).unwrap()
    }

    fn outgoing(session: &mut Session) -> Vec<u8> {
        let mut bytes = Vec::new();
        session.take_outgoing(&mut bytes);
        bytes
    }

    fn receive(session: &mut Session, bytes: &[u8]) {
        session.room()[..bytes.len()].copy_from_slice(bytes);
        session.received(bytes.len());
    }

    fn failure(session: &Session) -> TlsError {
        match session.ending() {
            Some(End::Failed(error)) => error.clone(),
            ending => panic!("{ending:?}"),
        }
    }

    #[test]
    fn a_session_begins_with_one_record_of_the_handshake() {
        let mut session = session("exchange.test").unwrap();
        assert!(session.has_outgoing());
        let hello = outgoing(&mut session);
        // RFC 8446, section 5.1: type, version, length.
        assert_eq!(hello[0], HANDSHAKE);
        let length = usize::from(u16::from_be_bytes([hello[3], hello[4]]));
        assert_eq!(hello.len(), 5 + length);
        assert!(session.is_handshaking() && !session.has_outgoing() && !session.has_plaintext());
        assert_eq!((session.version(), session.cipher()), (None, None));
    }

    #[test]
    fn a_server_has_a_name_or_an_address() {
        for name in ["exchange.test", "127.0.0.1", "::1"] {
            assert!(session(name).is_some(), "{name}");
        }
        for name in ["", "two words", "host:443", "[::1]"] {
            assert!(session(name).is_none(), "{name}");
        }
    }

    #[test]
    fn authorities_that_cannot_be_read_are_none() {
        assert!(config(vec![]).unwrap().is_none());
        assert!(config(vec![b"junk".to_vec(), vec![]]).unwrap().is_none());
    }

    #[test]
    fn an_end_in_the_handshake_is_an_error() {
        let mut session = session("exchange.test").unwrap();
        receive(&mut session, b"");
        session.shake_hands();
        let error = failure(&session);
        assert_eq!(error.kind, TlsErrorKind::EndInHandshake);
        assert_eq!(session.write(b"data"), Err(error));
    }

    #[test]
    fn an_alert_is_named() {
        let mut session = session("exchange.test").unwrap();
        // RFC 8446, section 6: fatal (2), handshake_failure (40).
        receive(&mut session, b"\x15\x03\x03\x00\x02\x02\x28");
        session.shake_hands();
        let error = failure(&session);
        assert_eq!(error.kind, TlsErrorKind::Protocol);
        assert!(error.text.contains("HandshakeFailure"), "{}", error.text);
    }

    proptest! {
        #[test]
        fn no_bytes_panic_or_become_data(
            kind in prop_oneof![Just(20_u8), Just(21), Just(22), Just(23), any::<u8>()],
            payload in proptest::collection::vec(any::<u8>(), 0..600),
            rest in proptest::collection::vec(any::<u8>(), 0..600),
        ) {
            let mut session = session("exchange.test").unwrap();
            outgoing(&mut session);
            let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
            let record = [&[kind, 3, 3], length.as_slice(), &payload, &rest].concat();
            for part in record.chunks(100) {
                receive(&mut session, part);
                session.shake_hands();
                if session.ending().is_some() {
                    break;
                }
            }
            prop_assert!(session.is_handshaking());
            prop_assert_eq!(session.read(&mut [0; 100]), 0);
            outgoing(&mut session);
        }
    }
}
