"""Everything that touches ``sentry_sdk``; nothing else does."""
