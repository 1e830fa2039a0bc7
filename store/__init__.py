"""Runs, steps, events, calls and checkpoints in one database."""
