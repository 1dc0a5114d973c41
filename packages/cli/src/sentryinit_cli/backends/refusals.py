"""What a refusal at ingestion means, for all backends; what only one does is in its module."""

from __future__ import annotations

from sentryinit_cli.backends.api import wait_of
from sentryinit_cli.http import Answer
from sentryinit_cli.verdicts import Failure, Verdict


def refusal(answer: Answer, key_hint: str, quota_hint: str) -> Failure:
    """Return what *answer*, of ingestion, means. Its body is not shown: Bugsink's has the DSN."""
    status = answer.status
    if status == 429:
        wait = wait_of(answer)
        until = f"; it says to wait {wait:g} s" if wait else "; it does not say how long"
        return _refused(f"over a quota, or throttled (429){until}", quota_hint)
    if status in {401, 403}:
        return _refused(f"the key is refused ({status})", key_hint)
    if status == 413:
        return _refused("the event is too large (413)", "send less, or raise the limit there")
    if 300 <= status < 400:
        text = f"a redirect ({status}), and nothing takes the event where it leads"
        return _refused(text, "correct scheme, host and path of the DSN, and the proxy's rules")
    if status in {404, 405}:
        text = f"there is no ingestion at the DSN's address ({status})"
        return _refused(text, "correct host and sub-path of the DSN, and the proxy's rules")
    if status == 400:
        text = "the backend finds the envelope malformed (400)"
        return _refused(text, "check the key of the DSN; a proxy may cut or change the body")
    if status >= 500:
        text = f"ingestion answers with status {status}: the event is lost"
        return Failure(Verdict.REFUSED, text, "look at the backend: its database, queue and log")
    return _refused(
        f"unexpected status {status} of ingestion", "check what answers at the DSN's host"
    )


def _refused(text: str, remedy: str) -> Failure:
    return Failure(Verdict.REFUSED, f"the event was refused: {text}", remedy)


def unknown_key(project: str) -> Failure:
    """Return the failure for a key that the project does not have; nothing was sent."""
    text = f"the key of the DSN is none of the project {project}: it was deleted, or is wrong"
    remedy = "copy the DSN from the settings of the project; nothing was sent with this key"
    return Failure(Verdict.REFUSED, text, remedy)
