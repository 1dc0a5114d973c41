"""The parts of a DSN."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dsn:
    """A well-formed DSN. *base*: scheme, host, port and sub-path, without a slash at the end."""

    base: str
    host: str
    key: str
    project: str

    @property
    def envelope_url(self) -> str:
        """The address that takes events."""
        return f"{self.base}/api/{self.project}/envelope/"

    @property
    def auth(self) -> str:
        """The value of ``X-Sentry-Auth``."""
        return f"Sentry sentry_version=7, sentry_client=sentryinit-cli, sentry_key={self.key}"


def parse_dsn(text: str, where: str) -> Dsn:
    """Return the parts of *text*, from *where*; raise ``Failure`` (CONFIGURATION), without the key."""
    raise NotImplementedError
