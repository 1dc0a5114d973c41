"""The one version of all the wheels; their builds read it from here."""

__version__ = "0.1.0"
