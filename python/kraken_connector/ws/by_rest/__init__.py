"""What a client does by the REST API when a WebSocket connection is not enough."""
