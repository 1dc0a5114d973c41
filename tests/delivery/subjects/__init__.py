"""Applications and programs that fail three times, and then end or are ended."""
