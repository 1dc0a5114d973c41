"""The management command of sentryinit."""
