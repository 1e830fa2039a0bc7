"""Measurements and faults: each module prints figures and checks its bounds."""
