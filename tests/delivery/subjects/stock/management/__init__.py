"""A Django application with a management command."""
