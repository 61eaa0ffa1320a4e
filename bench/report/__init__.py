"""Turns records into tables and figures; nothing here imports torch."""
