"""The state machine of one connection. It has no socket, no task and no clock."""
