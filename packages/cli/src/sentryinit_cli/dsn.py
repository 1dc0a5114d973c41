"""The parts of a DSN, and what is wrong with one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from sentryinit_cli.verdicts import Failure, Verdict

# What the core reads: the first that is set.
DSN_VARIABLES = "SENTRYINIT_DSN", "SENTRY_DSN"
# The same as the core's: what can be sent to.
KEY = re.compile(r"[\w.~%+-]+", re.ASCII)
HOST = re.compile(r"[\w.:%-]+")
PROJECT = re.compile(r"(?P<path>/(?:[\w.~%/-]+/)?)(?P<project>\d+)", re.ASCII)
_QUOTES = "\"'`\u2018\u2019\u201c\u201d"
_FORM = "https://KEY@HOST/NUMBER, from the settings of the project"


@dataclass(frozen=True)
class Dsn:
    """A well-formed DSN. *base*: scheme, host, port and sub-path, without a slash at the end."""

    base: str
    host: str
    key: str = field(repr=False)
    project: str
    secret: str = field(default="", repr=False)

    @property
    def envelope_url(self) -> str:
        """The address that takes events."""
        return f"{self.base}/api/{self.project}/envelope/"

    @property
    def auth(self) -> str:
        """The value of ``X-Sentry-Auth``."""
        secret = f", sentry_secret={self.secret}" if self.secret else ""
        client = "sentry_version=7, sentry_client=sentryinit-cli"
        return f"Sentry {client}, sentry_key={self.key}{secret}"


def unquoted(text: str) -> str:
    """Return *text* without blanks around it, and without one pair of quotes, as the core does."""
    text = text.strip()
    quote, inner = text[:1], text[1:-1]
    is_quoted = text == f"{quote}{inner}{quote}" and quote in {"'", '"'} and quote not in inner
    return inner.strip() if is_quoted else text


def parse_dsn(text: str, where: str) -> Dsn:
    """Return the parts of *text*, from *where*; raise ``Failure`` (CONFIGURATION), no key in it."""
    plain = unquoted(text)
    fault = fault_of(plain)
    if fault:
        said = "there is no DSN" if not plain else f"the DSN is malformed: {fault}"
        raise Failure(Verdict.CONFIGURATION, f"{where}: {said}", f"expected {_FORM}")
    url = urlsplit(plain)
    path, _, project = url.path.rpartition("/")
    place = url.netloc.rpartition("@")[2].lower()
    # sentry-sdk reads the number as an integer.
    return Dsn(
        f"{url.scheme}://{place}{path.rstrip('/')}",
        url.hostname or "",
        url.username or "",
        str(int(project)),
        url.password or "",
    )


def fault_of(text: str) -> str:
    """Return why *text* cannot be used as a DSN, or an empty text; never with the key."""
    return next(_faults(text), "")


def _faults(text: str) -> Iterator[str]:
    """Yield what is wrong; the first is the one to repair first."""
    if not text:
        yield "it is empty"
        return
    if text[0] in _QUOTES or text[-1] in _QUOTES:
        yield "there is a quote at one end"
    if any(each.isspace() for each in text):
        yield "there is a blank in it"
    url = _split(text)
    if url is None:
        yield "host or port is malformed"
    elif "://" not in text or not url.scheme:
        yield "it has no scheme (https://)"
    elif url.scheme not in {"http", "https"}:
        yield "its scheme is neither http nor https"
    else:
        yield from _faulty_parts(url)


def _faulty_parts(url: SplitResult) -> Iterator[str]:
    if not url.hostname:
        yield "it has no host"
    elif not HOST.fullmatch(url.hostname):
        yield "its host has characters that are not allowed"
    if not url.username:
        yield "it has no key (the part before @)"
    elif not KEY.fullmatch(f"{url.username}{url.password or ''}"):
        yield "its key has characters that are not allowed"
    if url.path in {"", "/"}:
        yield "it has no project number (the last part of the path)"
    elif not PROJECT.fullmatch(url.path):
        is_slash = url.path.endswith("/") and PROJECT.fullmatch(url.path.rstrip("/"))
        yield (
            "there is a slash behind the project number"
            if is_slash
            else "the last part of its path is no project number"
        )


def _split(text: str) -> SplitResult | None:
    try:
        url = urlsplit(text)
        is_valid = url.port != 0
    except ValueError:
        return None
    return url if is_valid else None
