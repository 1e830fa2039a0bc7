"""The budgetml command."""
