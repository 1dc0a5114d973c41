"""Wrap what a server loads, for applications whose code does not call us."""
