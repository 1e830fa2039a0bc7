"""Runs a program with limits and without our secrets: one file per rung behind one Protocol."""
