"""What one step does, one file per node."""
