"""Connects "provider:model" to a caller that journals, retries and meters."""
