"""What is wrong with the text of a DSN; the key is never shown."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from sentryinit_cli.doctor.catalog import Finding, found
from sentryinit_cli.dsn import HOST, KEY, PROJECT


def check(raw: str, source: str) -> Iterator[Finding]:
    """Yield what there is to say about *raw*, the DSN as it was given in *source*."""
    text = raw.strip()
    if text != raw:
        yield found("dsn-blanks", source=source)
    if len(text) > 1 and text[0] in "'\"":
        yield found("dsn-quotes", source=source)
        text = text[1:].rstrip(text[0]).strip()
    problem = _problem(text, source)
    if problem is not None:
        yield problem
        return
    yield from _form(text, source)


def _problem(text: str, source: str) -> Finding | None:
    """Return what makes *text* unusable, if anything does."""
    if re.search(r"[\s\x00-\x1f]", text):
        return found("dsn-blank-inside", source=source)
    scheme, separator, _ = text.partition("://")
    if not separator or scheme not in {"http", "https"}:
        is_word = separator and re.fullmatch(r"[a-zA-Z]{1,10}", scheme)
        return found("dsn-scheme", source=source, found=f", but {scheme}" if is_word else "")
    try:
        url = urlsplit(text)
        port_is_wrong = url.port == 0
    except ValueError:
        return found("dsn-host", source=source)
    if not url.username or not KEY.fullmatch(url.username + (url.password or "")):
        return found("dsn-key", source=source)
    if port_is_wrong or not HOST.fullmatch(url.hostname or ""):
        return found("dsn-host", source=source)
    if url.query or url.fragment:
        return found("dsn-query", source=source)
    if not PROJECT.fullmatch(url.path):
        return found("dsn-project", source=source)
    return None


def _form(text: str, source: str) -> Iterator[Finding]:
    """Yield the parts of a usable DSN, and what is unusual."""
    url = urlsplit(text)
    match = PROJECT.fullmatch(url.path)
    host, path, project = url.netloc.rpartition("@")[2], *(match.groups() if match else ("", ""))
    yield found("dsn", scheme=url.scheme, host=host, project=project, source=source)
    if path != "/":
        base = f"{url.scheme}://{host}{path.rstrip('/')}"
        yield found("dsn-subpath", source=source, path=path, base=base, project=project)
    if url.password:
        yield found("dsn-secret", source=source)
    if url.scheme == "http" and not _is_near(url.hostname or ""):
        yield found("dsn-clear-text", source=source)


def _is_near(host: str) -> bool:
    """Return True for this machine and its own network: a name without a dot, a private address."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".localhost", ".invalid"))
