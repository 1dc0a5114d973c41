"""What counts as a failure, what is ignored, and how often one kind is reported. Pure."""
