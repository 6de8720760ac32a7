"""Sockets: addresses, TLS, the WebSocket protocol, reconnecting."""
