"""Delivery of messages to the consumer: queues, callbacks, and how far the consumer is behind."""
