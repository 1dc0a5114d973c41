"""HTTP, by urllib3: no redirects, no retries, no secret in an error."""

from __future__ import annotations

import http.client
import json
import os
import queue
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies

import urllib3
from urllib3 import exceptions as errors

from sentryinit_cli.verdicts import Failure, Verdict

# An event of GlitchTip has at most 2.5 MiB; a page of Bugsink, with 250 rows, less than 1 MiB.
LARGEST_BODY = 8 * 1024 * 1024
_CHUNK = 64 * 1024
_CONNECTIONS = 64
# The same variables as sentry-sdk, in its order.
_CA_VARIABLES = "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"


@dataclass(frozen=True)
class Answer:
    """What a server answered. *headers*: names in lower case. *body*: not in the repr."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def content_type(self) -> str:
        """The content type, in lower case, without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def is_html(self) -> bool:
        """True if this is a page for a person."""
        return self.content_type in {"text/html", "application/xhtml+xml"}

    def json(self) -> Any:
        """Return the body if its content type is JSON and it is valid; else None."""
        if self.content_type != "application/json" and not self.content_type.endswith("+json"):
            return None
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


class Unreachable(Exception):
    """No answer. The text says why (name, connection, TLS, proxy, time), without path or secret."""


class Http:
    """A client; safe to use from several threads.

    *timeout*: seconds for each request. *ca_certs*: a file. The proxy is that of the environment,
    read as sentry-sdk reads it.
    """

    def __init__(self, timeout: float = 10.0, ca_certs: str | None = None) -> None:
        self._timeout = timeout
        self._options: dict[str, Any] = {
            "num_pools": _CONNECTIONS,
            "maxsize": _CONNECTIONS,
            "cert_reqs": "CERT_REQUIRED",
            "ca_certs": _ca_file(ca_certs),
        }
        self._direct = urllib3.PoolManager(**self._options)
        self._proxies: dict[str, urllib3.PoolManager] = {}

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Return the answer to a GET; raise ``Unreachable``."""
        return self._request("GET", url, None, headers or {})

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Return the answer to a POST; raise ``Unreachable``."""
        return self._request("POST", url, body, headers)

    def close(self) -> None:
        """Close all connections."""
        for manager in (self._direct, *self._proxies.values()):
            manager.clear()

    def _request(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        host, proxy = "the address", ""
        try:
            plain, host, sent = _without_user(url, headers)
            proxy = proxy_of(url)
            return self._bounded(method, plain, body, sent, proxy)
        # urllib3 lets errors of http.client, and of malformed addresses and headers, through.
        except (errors.HTTPError, http.client.HTTPException, OSError, ValueError) as error:
            reason = _reason(error, proxy, self._timeout)
        # Outside of the handler: what was caught has the address and the headers in it.
        raise Unreachable(f"{host}: {reason}")

    def _bounded(self, *request: Any) -> Answer:
        """Return the answer to *request*; raise ``TimeoutError`` if it takes twice the limit.

        The limit of urllib3 is for each read, and a server may send its headers byte by byte.
        """
        results: queue.SimpleQueue[Answer | Exception] = queue.SimpleQueue()

        def work() -> None:
            try:
                results.put(self._exchange(*request))
            except Exception as error:  # noqa: BLE001 # raised again by the thread that waits
                results.put(error)

        threading.Thread(target=work, daemon=True).start()
        try:
            result = results.get(timeout=2 * self._timeout)
        except queue.Empty:
            raise errors.TimeoutError from None
        if isinstance(result, Exception):
            raise result
        return result

    def _exchange(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], proxy: str
    ) -> Answer:
        end = time.monotonic() + self._timeout
        response = self._manager(proxy).request(
            method,
            url,
            body=body,
            headers={"User-Agent": "sentryinit-cli", **headers},
            redirect=False,
            retries=False,
            timeout=self._timeout,
            preload_content=False,
        )
        is_whole = False
        try:
            content = _read(response, end)
            is_whole = True
        finally:
            # A connection with a rest of a body cannot be used again.
            (response.release_conn if is_whole else response.close)()
        names = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, names, content)

    def _manager(self, proxy: str) -> urllib3.PoolManager:
        if not proxy:
            return self._direct
        if proxy not in self._proxies:
            self._proxies[proxy] = _proxy_manager(proxy, self._options) or self._direct
        return self._proxies[proxy]


def _read(response: urllib3.BaseHTTPResponse, end: float) -> bytes:
    """Return the body; raise ``HTTPError`` if it is too large, or not there at *end*."""
    parts, size = [], 0
    while part := response.read1(_CHUNK):
        size += len(part)
        parts.append(part)
        if size > LARGEST_BODY:
            raise errors.HTTPError(f"the answer is larger than {LARGEST_BODY >> 20} MiB")
        if time.monotonic() > end:
            raise errors.TimeoutError
    return b"".join(parts)


def _without_user(url: str, headers: Mapping[str, str]) -> tuple[str, str, dict[str, str]]:
    """Return *url* without user and password, its host with port, and *headers* with those two."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("is no address: expected http://... or https://...")
    user, at, place = parts.netloc.rpartition("@")
    sent = dict(headers)
    if at and not any(name.lower() == "authorization" for name in sent):
        sent |= urllib3.make_headers(basic_auth=unquote(user))
    return parts._replace(netloc=place, fragment="").geturl(), place, sent


def proxy_of(url: str) -> str:
    """Return the address of the proxy for *url*, or an empty text: as sentry-sdk decides it."""
    parts, proxies = urlsplit(url), getproxies()
    place = parts.netloc.rpartition("@")[2]
    # An empty item, as behind a last comma, is the end of any host: sentry-sdk uses no proxy then.
    for item in proxies.get("no", "").split(",") if proxies.get("no") else ():
        if (parts.hostname or "").endswith(item.strip()) or place.endswith(item.strip()):
            return ""
    https = proxies.get("https", "") if parts.scheme == "https" else ""
    return https or proxies.get("http", "")


def _proxy_manager(proxy: str, options: dict[str, Any]) -> urllib3.PoolManager | None:
    """Return the manager for *proxy*; None for SOCKS without PySocks, as sentry-sdk does."""
    if proxy.startswith("socks"):
        try:
            from urllib3.contrib.socks import SOCKSProxyManager  # needs PySocks
        except ImportError:
            return None
        return SOCKSProxyManager(proxy, **options)
    user, at, _ = urlsplit(proxy).netloc.rpartition("@")
    headers = urllib3.make_headers(proxy_basic_auth=unquote(user)) if at else None
    return urllib3.ProxyManager(proxy, proxy_headers=headers, **options)


def _ca_file(given: str | None) -> str | None:
    """Return the file of CA certificates; raise ``Failure`` (USAGE) if it cannot be used."""
    names = [("--ca-certs", given), *((name, os.environ.get(name)) for name in _CA_VARIABLES)]
    name, path = next(((name, path) for name, path in names if path), ("", None))
    if path is None:
        return _certifi()
    try:
        if not Path(path).is_dir():
            ssl.create_default_context(cafile=path)
            return path
        reason = "it is a folder"
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        reason = "it has no certificate in PEM form" if isinstance(error, ssl.SSLError) else reason
    text = f"{name}: the file of CA certificates {path!r} cannot be used: {reason}"
    raise Failure(Verdict.USAGE, text, "give a file with certificates in PEM form")


def _certifi() -> str | None:
    try:
        import certifi  # comes with sentry-sdk, which uses it
    except ImportError:
        return None  # those of the system
    return certifi.where()


def _reason(error: Exception, proxy: str, timeout: float) -> str:
    """Return why there is no answer, from what urllib3 raised; nothing of address or headers."""
    if isinstance(error, errors.ProxyError):
        place = urlsplit(proxy).netloc.rpartition("@")[2] or "in the environment"
        return f"the proxy {place}: {_cause(error.original_error, timeout)}"
    if isinstance(error, (errors.ProxySchemeUnknown, errors.ProxySchemeUnsupported)):
        return "the proxy in the environment is no address: expected http://host:port"
    if isinstance(error, (UnicodeError, ValueError)) and not isinstance(error, OSError):
        is_ours = type(error) is ValueError and str(error).startswith("is no address")
        return str(error) if is_ours else _malformed(error)
    return _cause(error, timeout)


def _malformed(error: Exception) -> str:
    # The texts of these errors have the address, or the value of the header.
    if isinstance(error, errors.LocationValueError):
        return "this host or address is malformed"
    return "address or header has characters that are not allowed"


def _cause(error: BaseException, timeout: float) -> str:
    text = str(error)
    if isinstance(error, errors.NameResolutionError):
        return "name not found: the host has no address in the DNS"
    # NewConnectionError is one of urllib3's time-outs, too.
    is_late = isinstance(error, (errors.TimeoutError, TimeoutError))
    if is_late and not isinstance(error, errors.NewConnectionError):
        return f"time-out: no answer within {timeout:g} s"
    if isinstance(error, (errors.SSLError, ssl.SSLError)):
        return f"TLS: {_tls(error)}"
    if "Tunnel connection failed" in text:
        status = "".join(each for each in text.partition("failed:")[2] if each.isdigit())[:3]
        return f"it refuses to connect, with status {status}"
    if isinstance(error, errors.NewConnectionError):
        why = getattr(error.__cause__, "strerror", None) or "no connection"
        refused = isinstance(error.__cause__, ConnectionRefusedError) or "refused" in text
        return "connection refused: nothing listens on this port" if refused else str(why).lower()
    if isinstance(error, errors.ProtocolError):
        return "connection closed before the whole answer was there"
    return text if type(error) is errors.HTTPError else f"no answer ({type(error).__name__})"


def _tls(error: BaseException) -> str:
    """Return why TLS failed; *error* may have the error of ``ssl`` in its arguments."""
    found: BaseException = error
    while found.args and isinstance(found.args[0], BaseException):
        found = found.args[0]
    if isinstance(found, ssl.SSLCertVerificationError):
        return f"the certificate is not valid here: {found.verify_message}"
    reason = getattr(found, "reason", "") or ""
    if reason in {
        "WRONG_VERSION_NUMBER",
        "HTTP_REQUEST",
        "UNKNOWN_PROTOCOL",
        "RECORD_LAYER_FAILURE",
    }:
        return "the port does not speak TLS (is it http:// there?)"
    return str(reason or "the handshake failed").replace("_", " ").lower()
