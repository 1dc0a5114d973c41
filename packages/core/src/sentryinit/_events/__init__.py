"""What our events say. Does not import ``sentry_sdk``."""
