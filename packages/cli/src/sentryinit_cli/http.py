"""HTTP, by urllib3: no redirects, no retries, no secret in an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What a server answered. *headers*: names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body if its content type is JSON and it is valid; else None."""
        raise NotImplementedError


class Unreachable(Exception):
    """No answer. The text says why (name, connection, TLS, proxy, time), without path or secret."""


class Http:
    """A client; safe to use from several threads.

    *timeout*: seconds for each request. *ca_certs*: a file. The proxy is that of the environment.
    """

    def __init__(self, timeout: float = 10.0, ca_certs: str | None = None) -> None:
        raise NotImplementedError

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Return the answer to a GET; raise ``Unreachable``."""
        raise NotImplementedError

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Return the answer to a POST; raise ``Unreachable``."""
        raise NotImplementedError
