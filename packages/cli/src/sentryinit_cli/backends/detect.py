"""Which backend answers, without a token."""

from __future__ import annotations

from typing import Any

from sentryinit_cli.backends.api import WRONG_BASE, no_answer, place_of
from sentryinit_cli.http import Answer, Http, Unreachable
from sentryinit_cli.verdicts import Failure, Verdict

_PRIVATE = (
    "name it with --backend glitchtip, bugsink or sentry; where only ingestion is public, give the "
    "address of pages and API with --api-url"
)


def recognise(http: Http, base: str) -> str:
    """Return the name of the backend at *base*; raise ``Failure`` (BACKEND) if it is unknown."""
    try:
        settings = http.get(f"{base}/api/settings/")
        if {"version", "enableUserRegistration"} <= _object(settings).keys():
            return "glitchtip"
        root = http.get(f"{base}/api/0/")
        canonical = http.get(f"{base}/api/canonical/0/")
        if _is_bugsink(root, canonical):
            return "bugsink"
        projects = http.get(f"{base}/api/0/projects/")
    except Unreachable as error:
        failure = no_answer(error)
    else:
        if _is_sentry(root, projects):
            return "sentry"
        failure = _unknown(base, [settings, root, canonical])
    raise failure


def _is_bugsink(root: Answer, canonical: Answer) -> bool:
    is_root = root.status == 401 and _object(root).get("error") == "Authorization header not found"
    scheme = canonical.headers.get("www-authenticate", "")
    return is_root or (canonical.status == 401 and bool(_object(canonical)) and scheme == "Bearer")


def _is_sentry(root: Answer, projects: Answer) -> bool:
    """Return True for Sentry's answers: the index of its API, and Django REST framework's.

    Sources: src/sentry/api/endpoints/index.py; GlitchTip answers 401 with another text.
    """
    detail = "Authentication credentials were not provided."
    is_index = root.status == 200 and _object(root).get("version") == "0"
    return is_index and projects.status == 401 and _object(projects).get("detail") == detail


def _unknown(base: str, answers: list[Answer]) -> Failure:
    place = place_of(base)
    if any(answer.status == 200 and answer.is_html for answer in answers):
        return Failure(Verdict.BACKEND, f"{place}: {WRONG_BASE[0]}", WRONG_BASE[1])
    statuses = ", ".join(str(answer.status) for answer in answers)
    text = f"{place} answers (with {statuses}), but as none of the known backends"
    return Failure(Verdict.BACKEND, text, _PRIVATE)


def _object(answer: Answer) -> dict[str, Any]:
    found = answer.json()
    return found if isinstance(found, dict) else {}
