"""What may leave the process, and how large it may be. Pure."""
