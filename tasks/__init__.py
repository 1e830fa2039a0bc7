"""Loads and prepares tasks, keeps workspaces and their history, grades."""
