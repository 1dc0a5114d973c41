"""Asking a backend's API: what each status means, for all backends."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from sentryinit_cli.backends.base import Place
from sentryinit_cli.http import Answer, Unreachable
from sentryinit_cli.verdicts import Failure, Verdict

LISTED = 20
_MOST_PAGES = 50
_LONGEST_WAIT = 30.0
# GlitchTip's header is the repr of a Python set, so that it is no list of links.
_NEXT = re.compile(r'<([^>]+)>; rel="next"; results="true"')
WRONG_BASE = (
    "an HTML page came in place of JSON: this is a wrong base URL or path",
    "give the address of the backend's pages with --api-url",
)


class Api:
    """The API at *base*, with the token of *place*."""

    def __init__(self, place: Place, base: str) -> None:
        self.base: str = base
        self._http = place.http
        self._headers = {"Authorization": f"Bearer {place.token}", "Accept": "application/json"}
        self._busy: Failure | None = None
        self._busy_until = 0.0
        self.skew: timedelta = timedelta()  # the server's clock, minus ours

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Answer:
        """Return an answer: 200 with JSON, or a status of 300 to 499 with a meaning of its own.

        Raises ``Failure``: TOKEN for 401, BACKEND for all that is no answer of an API.
        """
        if self._busy and time.monotonic() < self._busy_until:
            raise self._busy
        url = f"{self.base}{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            answer = self._http.get(url, self._headers)
        except Unreachable as error:
            failure = no_answer(error)
        else:
            self._read_clock(answer)
            return self._checked(answer)
        raise failure

    def get_patiently(self, path: str, query: Mapping[str, str] | None = None) -> Answer:
        """Do as ``get()``; where the API limits the rate, wait as it says, within bounds."""
        end = time.monotonic() + _LONGEST_WAIT
        while True:
            try:
                return self.get(path, query)
            except Failure:
                if self._busy is None or not time.monotonic() < self._busy_until < end:
                    raise
            time.sleep(max(0.0, self._busy_until - time.monotonic()))

    def listed(self, path: str, query: Mapping[str, str]) -> Iterator[Answer]:
        """Yield the pages of a list, by the ``Link`` header; the last may be a refusal."""
        seen = set()
        for _ in range(_MOST_PAGES):
            answer = self.get_patiently(path, query)
            yield answer
            found = _NEXT.search(answer.headers.get("link", ""))
            if not found or found[1] in seen:
                return
            seen.add(found[1])
            # Only the query: the address may be an inner one, and the token stays with this host.
            query = query_of(found[1])

    def _read_clock(self, answer: Answer) -> None:
        try:
            then = parsedate_to_datetime(answer.headers.get("date", ""))
            self.skew = then.astimezone(timezone.utc) - datetime.now(timezone.utc)
        except (OverflowError, TypeError, ValueError):
            self.skew = timedelta()

    def _checked(self, answer: Answer) -> Answer:
        status = answer.status
        if status == 401:
            raise Failure(
                Verdict.TOKEN,
                "the backend does not know the token (401): it is wrong, deleted or expired",
                "make a token in this backend; the key of a DSN is none",
            )
        if status == 429:
            wait = wait_of(answer) or 1.0
            self._busy_until = time.monotonic() + wait
            text = f"the API limits the rate of requests (429): it says to wait {wait:g} s"
            self._busy = Failure(Verdict.BACKEND, text, "try again after that time")
            raise self._busy
        if status >= 500:
            text = f"the API answers with status {status}"
            raise Failure(Verdict.BACKEND, text, "look at the backend, and at a proxy before it")
        if status < 300 and answer.json() is None:
            if answer.is_html:
                raise Failure(
                    Verdict.BACKEND, f"{place_of(self.base)}: {WRONG_BASE[0]}", WRONG_BASE[1]
                )
            raise Failure(Verdict.BACKEND, f"the API answers {status} without JSON", WRONG_BASE[1])
        return answer


def no_answer(error: Unreachable) -> Failure:
    """Return the failure of a backend that does not answer."""
    remedy = (
        "check the address, the network, and that the backend runs; --api-url names another address"
    )
    return Failure(Verdict.BACKEND, f"the backend does not answer: {error}", remedy)


def unexpected(answer: Answer, what: str) -> Failure:
    """Return the failure for a status that *what* cannot have."""
    if 300 <= answer.status < 400:
        target = place_of(answer.headers.get("location", "")) or "another path"
        text = f"{what}: the API redirects ({answer.status}) to {target}; this is not followed"
        return Failure(Verdict.BACKEND, text, "give that address with --api-url")
    hint = f" ({WRONG_BASE[0]})" if answer.is_html else ""
    return Failure(
        Verdict.BACKEND, f"{what}: unexpected status {answer.status}{hint}", WRONG_BASE[1]
    )


def detail_of(answer: Answer) -> str:
    """Return ``detail`` of the body. To compare: a text of a server is not shown."""
    body = answer.json()
    detail = body.get("detail") if isinstance(body, dict) else None
    return detail if isinstance(detail, str) else ""


def rows_of(answer: Answer) -> list[dict[str, Any]]:
    """Return the objects of a list, or of ``results``."""
    body = answer.json()
    rows = body.get("results") if isinstance(body, dict) else body
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def query_of(url: str) -> dict[str, str]:
    """Return the query of *url*."""
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def place_of(url: str) -> str:
    """Return *url* without user, query and fragment; empty if it is malformed."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    place = parts.netloc.rpartition("@")[2]
    return shown(f"{parts.scheme}://{place}{parts.path}") if place else ""


def shown(text: object, longest: int = 100) -> str:
    """Return a name that a server gave, for a message: printable, and of bounded length."""
    plain = "".join(each if each.isprintable() else "?" for each in str(text))
    return plain if len(plain) <= longest else f"{plain[: longest - 3]}..."


def names(projects: list[str]) -> str:
    """Return the names of the projects that exist, at most 20 of them."""
    if not projects:
        return "the token shows no project"
    more = f", and {len(projects) - LISTED} more" if len(projects) > LISTED else ""
    return f"it shows: {', '.join(map(shown, projects[:LISTED]))}{more}"


def wait_of(answer: Answer) -> float | None:
    """Return the seconds to wait: of ``Retry-After``, or of Sentry's headers."""
    headers, now = answer.headers, time.time()
    limits = headers.get("x-sentry-rate-limits", "").partition(":")[0]
    reset = headers.get("x-sentry-rate-limit-reset")
    for text, start in (headers.get("retry-after"), 0.0), (limits, 0.0), (reset, now):
        try:
            seconds = float(text or "") - start
        except ValueError:
            continue
        if -1.0 < seconds < 1e7:
            return max(0.5, round(seconds, 1))
    return _date_wait(headers.get("retry-after", ""), now)


def _date_wait(text: str, now: float) -> float | None:
    try:
        return max(0.5, round(parsedate_to_datetime(text).timestamp() - now, 1))
    except (TypeError, ValueError, OverflowError):
        return None
