"""What can be set, and how a value is checked. Imports no other part of the core."""
