"""What runs after what: routes, wiring and the runner."""
