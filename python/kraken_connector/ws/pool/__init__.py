"""The connections of one client."""
