"""What may leave the process, and how large it may be: masking and size limits. Pure."""
