"""The way to the backend: name, connection, TLS, proxy, ingestion path, clock. Sends no event.

The ingestion path is asked by a GET, without a key: GlitchTip refuses all keys of a project for
30 s after one wrong key, and a GET is answered 405 before any key is looked at.
"""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies

import certifi
import urllib3

from sentryinit_cli.doctor.catalog import Finding, found

TIMEOUT = 5.0
_DAYS, _SKEW = 14, 60
# X509_V_ERR_*: see "openssl verify".
_NOT_YET, _EXPIRED, _NAMES = 9, 10, {62, 63, 64}


class Way(NamedTuple):
    """Where events go. *values*: the settings of proxies and certificates, *sources* of all."""

    url: SplitResult
    values: Mapping[str, Any]
    sources: Mapping[str, str]

    @property
    def host(self) -> str:
        """Return the host of the backend."""
        return self.url.hostname or ""

    @property
    def port(self) -> int:
        """Return the port of the backend."""
        return self.url.port or (443 if self.url.scheme == "https" else 80)

    @property
    def path(self) -> str:
        """Return the path that takes events."""
        prefix, _, project = self.url.path.rpartition("/")
        return f"{prefix}/api/{project}/envelope/"

    def ca_certs(self) -> tuple[str, str]:
        """Return the file of certificate authorities, and where it is set, as sentry-sdk does."""
        if self.values["ca_certs"]:
            return self.values["ca_certs"], self.sources["ca_certs"]
        for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            if os.environ.get(variable):
                return os.environ[variable], variable
        return certifi.where(), "certifi"


def check(dsn: str, values: Mapping[str, Any], sources: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what the way to the backend of *dsn* is like; it ends at the first error."""
    way = Way(urlsplit(dsn), values, sources)
    proxy, source, option = _proxy(way)
    steps = [_ca_file(way)]
    if proxy:
        steps.append(_to_proxy(way, proxy, source, option))
    else:
        steps += [_resolve(way), _connect(way)]
    for step in (*steps, _ingestion(way, proxy)):
        for finding in step:
            yield finding
            if finding.level == "error":
                return


def _proxy(way: Way) -> tuple[str, str, str]:
    """Return the proxy, where it is set, and its option, as ``sentry_sdk.transport`` chooses it."""
    known = getproxies()
    exempt = [each.strip() for each in known.get("no", "").split(",") if each.strip()]
    is_exempt = any(way.host.endswith(e) or way.url.netloc.endswith(e) for e in exempt)
    for scheme in ("https", "http") if way.url.scheme == "https" else ("http",):
        option = f"{scheme}_proxy"
        if way.values[option] == "":
            continue
        if way.values[option]:
            return way.values[option], way.sources[option], option
        if known.get(scheme) and not is_exempt:
            return known[scheme], _variable(scheme), option
    return "", "", ""


def _variable(scheme: str) -> str:
    names = f"{scheme}_proxy", f"{scheme}_proxy".upper()
    return next((name for name in names if os.environ.get(name)), "the system")


def _ca_file(way: Way) -> Iterator[Finding]:
    path, source = way.ca_certs()
    if way.url.scheme != "https":
        return
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ValueError) as error:
        yield found("ca-certs-missing", source=source, why=_why(error))


def _to_proxy(way: Way, proxy: str, source: str, option: str) -> Iterator[Finding]:
    url = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    shown, port = (
        url.netloc.rpartition("@")[2],
        url.port or (443 if url.scheme == "https" else 3128),
    )
    yield found("proxy", proxy=shown, source=source, host=way.host, option=option)
    try:
        socket.create_connection((url.hostname or "", port), TIMEOUT).close()
    except OSError as error:
        yield found("proxy-unreachable", proxy=shown, source=source, why=_why(error), host=way.host)


def _resolve(way: Way) -> Iterator[Finding]:
    try:
        socket.getaddrinfo(way.host, way.port, type=socket.SOCK_STREAM)
        yield found("host", host=way.host)
    except (OSError, UnicodeError) as error:
        yield found("host-unknown", host=way.host, why=_why(error))


def _connect(way: Way) -> Iterator[Finding]:
    begin = time.monotonic()
    try:
        connection = socket.create_connection((way.host, way.port), TIMEOUT)
    except OSError as error:
        yield found("tcp-refused", host=way.host, port=way.port, why=_why(error))
        return
    with connection:
        spent = round(1000 * (time.monotonic() - begin))
        yield found("tcp", host=way.host, port=way.port, ms=spent)
        if way.url.scheme == "https":
            yield _tls(way, connection)


def _tls(way: Way, connection: socket.socket) -> Finding:
    context = ssl.create_default_context(cafile=way.ca_certs()[0])
    if way.values["cert_file"]:
        context.load_cert_chain(way.values["cert_file"], way.values["key_file"])
    try:
        with context.wrap_socket(connection, server_hostname=way.host) as secured:
            certificate: Any = secured.getpeercert()
    except ssl.SSLCertVerificationError as error:
        return _untrusted(way, error)
    except (OSError, ValueError) as error:
        return found("tls-failed", host=way.host, why=_why(error))
    days = int((ssl.cert_time_to_seconds(certificate["notAfter"]) - time.time()) // 86400)
    return found("tls-expires" if days < _DAYS else "tls", host=way.host, days=days)


def _untrusted(way: Way, error: ssl.SSLCertVerificationError) -> Finding:
    if error.verify_code == _EXPIRED:
        return found("tls-expired", host=way.host)
    if error.verify_code == _NOT_YET:
        return found("tls-early", host=way.host)
    if error.verify_code in _NAMES:
        return found("tls-name", host=way.host)
    return found("tls-untrusted", host=way.host, why=error.verify_message)


def _why(error: Exception) -> str:
    """Return why, in the words of the system; no address, no path."""
    return str(
        getattr(error, "strerror", None) or getattr(error, "reason", None) or type(error).__name__
    )


def _ingestion(way: Way, proxy: str) -> Iterator[Finding]:
    """Ask the path that takes events by a GET without a key."""
    options: dict[str, Any] = {"retries": False, "timeout": TIMEOUT}
    if way.url.scheme == "https":
        options |= {"ca_certs": way.ca_certs()[0], "cert_reqs": "CERT_REQUIRED"}
        options |= {
            name: way.values[name] for name in ("cert_file", "key_file") if way.values[name]
        }
    before = time.time()
    try:
        with _pool(way, proxy, options) as pool:
            host = way.url.netloc.rpartition("@")[2]
            address = f"{way.url.scheme}://{host}{way.path}"
            answer = pool.request(
                "GET", address, redirect=False, headers={"User-Agent": "sentryinit-doctor"}
            )
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        yield found("ingestion-silent", path=way.path, why=type(error).__name__)
        return
    yield _judge(way, answer)
    yield from _clock(way, answer.headers.get("date", ""), (before + time.time()) / 2)


def _pool(way: Way, proxy: str, options: dict[str, Any]) -> Any:
    if not proxy:
        return urllib3.PoolManager(**options)
    if proxy.startswith("socks"):
        from urllib3.contrib.socks import SOCKSProxyManager  # it needs a package of its own

        return SOCKSProxyManager(proxy, **options)
    url = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    headers = dict(way.values["proxy_headers"] or {})
    user = url.netloc.rpartition("@")[0]
    if user and "proxy-authorization" not in map(str.lower, headers):
        # As the transport of sentryinit does.
        headers |= urllib3.make_headers(proxy_basic_auth=unquote(user))
    return urllib3.ProxyManager(url.geturl(), proxy_headers=headers, **options)


def _judge(way: Way, answer: Any) -> Finding:
    """Return what the answer to a GET without a key says.

    405: GlitchTip, Sentry and Bugsink, which know the path, and take a POST only.
    """
    facts: dict[str, Any] = {"path": way.path, "status": answer.status}
    status = answer.status
    if status in {301, 302, 303, 307, 308}:
        try:
            target = urlsplit(answer.headers.get("location", ""))
        except ValueError:
            target = urlsplit("")
        place = target.netloc.rpartition("@")[2]
        where = f"{target.scheme}://{place}" if place else target.path or "nowhere"
        return found("ingestion-redirect", path=way.path, target=where)
    if status == 405:
        return found("ingestion", **facts)
    if status in {401, 403, 407, 511}:
        return found("ingestion-refused", **facts)
    if status == 429:
        after = answer.headers.get("retry-after", "")
        return found("ingestion-limited", path=way.path, wait=f", for {after} s" if after else "")
    if status >= 500:
        return found("ingestion-down", **facts)
    is_page = "html" in answer.headers.get("content-type", "").lower()
    if is_page or status in {200, 404, 410}:
        return found("ingestion-page", **facts)
    return found("ingestion-odd", **facts)


def _clock(way: Way, date: str, now: float) -> Iterator[Finding]:
    try:
        theirs = parsedate_to_datetime(date).astimezone(timezone.utc)
    except (IndexError, OverflowError, TypeError, ValueError):
        return  # no date, or none that can be read
    # A date has whole seconds: half a second is the mean of what it leaves out.
    skew = round((datetime.fromtimestamp(now, timezone.utc) - theirs).total_seconds() - 0.5)
    if abs(skew) > _SKEW:
        way_off = "ahead of" if skew > 0 else "behind"
        yield found("clock-skew", seconds=abs(skew), way=way_off, host=way.host)
    else:
        yield found("clock", seconds=max(1, abs(skew)), host=way.host)
