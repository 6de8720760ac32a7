"""The connections of one client: which there are, and which serves what."""
