"""One connection's state machine: frames and time in; frames, events and timers out. No sockets."""
