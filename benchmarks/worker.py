"""Measure one case in a process of its own, and print the result as JSON. Run by ``bench``."""

from __future__ import annotations

import concurrent.futures
import gc
import http.client
import importlib
import io
import json
import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import drive
from subjects import SUBJECTS, WsgiFloor

DSN = "https://5e9b0ac1f4de47d08c63b2a7915fd30e@sentryinit.invalid/1"
SLICES, SLICE_SECONDS = 60, 0.004


def null_transport() -> Any:
    """Return a transport that accepts everything and sends nothing."""
    from sentry_sdk.transport import Transport

    class Null(Transport):
        def capture_envelope(self, envelope: Any) -> None:
            """Discard *envelope*."""

    return Null()


def switch_on(variant: str, integration: str = "", **options: Any) -> None:
    """Initialise ``sentryinit`` or ``sentry_sdk``, as *variant* says."""
    if variant == "ours":
        import sentryinit

        sentryinit.init("shop", dsn=DSN, transport=null_transport(), **options)
    if variant in {"sdk", "slim"}:
        import sentry_sdk

        slim: dict[str, Any] = {
            "default_integrations": False,
            "auto_enabling_integrations": False,
            "auto_session_tracking": False,
            "send_client_reports": False,
            "include_local_variables": False,
            "max_breadcrumbs": 0,
        }
        slim["integrations"] = []
        for each in integration.split():
            module, _, name = each.partition(":")
            found = getattr(importlib.import_module(f"sentry_sdk.integrations.{module}"), name)
            slim["integrations"].append(found())
        given = slim if variant == "slim" else {}
        sentry_sdk.init(dsn=DSN, transport=null_transport(), **given, **options)


def microseconds(*runs: drive.Slice, slices: int = SLICES) -> list[float]:
    """Return the microseconds of a request of each of *runs*, in its best slice.

    The slices are interleaved. Other work on the machine can only make a slice slower.
    """
    for run in runs:
        run(20)
    number = max(2, int(SLICE_SECONDS / (runs[0](20) / 20)))
    taken = [[run(number) for run in runs] for _ in range(slices)]
    return [min(times) / number * 1e6 for times in zip(*taken, strict=True)]


def healthy(name: str, variant: str) -> dict[str, Any]:
    """Measure good requests."""
    subject = next(row for row in SUBJECTS if row.name == name)
    switch_on(variant, subject.integration)
    (value,) = microseconds(drive.DRIVERS[subject.protocol](subject.make(variant)))
    return {"value": value}


def beside(name: str, _variant: str) -> dict[str, Any]:
    """Measure what the empty middleware and ``sentryinit`` add to a good request.

    All three applications run in one process: two processes differ by more than these costs.
    """
    subject = next(row for row in SUBJECTS if row.name == name)
    switch_on("ours")
    variants = "bare", "floor", "ours"
    bare, floor, ours = microseconds(
        *(drive.DRIVERS[subject.protocol](subject.make(variant)) for variant in variants),
        slices=3 * SLICES,
    )
    return {"floor": floor - bare, "ours": ours - bare}


def instructions(name: str, variant: str, number: str) -> dict[str, Any]:
    """Serve a fixed number of good requests, for a tool that counts instructions."""
    subject = next(row for row in SUBJECTS if row.name == name)
    switch_on(variant, subject.integration)
    drive.DRIVERS[subject.protocol](subject.make(variant))(int(number))
    return {}


def _deep(frames: int) -> None:
    basket = {"tea": [1, 2, 3]}
    order, customer, total = f"order {frames}", ("ann", 7), 12.5
    if frames > 1:
        _deep(frames - 1)
    raise ValueError(f"no stock for {order} {customer} {total} {basket}")


def _answers(environ: Any, start_response: Any) -> Any:
    start_response("503 Service Unavailable", [("Content-Length", "2")])
    return [b"no"]


def _answers_by_hand(environ: Any, start_response: Any) -> Any:
    import sentry_sdk

    sentry_sdk.capture_message("HTTP 503 GET /orders/17", "error")
    return _answers(environ, start_response)


def _raises(environ: Any, start_response: Any) -> Any:
    _deep(19)


def failing(case: str, variant: str) -> dict[str, Any]:
    """Measure failing requests: *case* is the failure, then a detail."""
    failure, _, detail = case.partition(" ")
    app: Any = {"503": _answers, "exception": _raises}[failure]
    options: dict[str, Any] = {}
    if detail == "without source lines":
        options["include_source_context"] = False
    if variant == "ours":
        options["storm_guard"] = detail == "held back"
        options |= {"storm_burst": 1, "storm_per_minute": 0.0}
    switch_on(variant, **options)
    if variant == "ours":
        app = importlib.import_module("sentryinit.wsgi").SentryInitMiddleware(app)
    elif variant in {"sdk", "slim"}:
        # sentry-sdk does not see a failed response: the application captures it itself.
        app = _answers_by_hand if failure == "503" else app
        app = importlib.import_module("sentry_sdk.integrations.wsgi").SentryWsgiMiddleware(app)
    elif variant == "floor":
        app = WsgiFloor(app)
    run = drive.wsgi(app)
    (value,) = microseconds(run, slices=SLICES if detail == "held back" else 40)
    return {"value": value}


class _Socket:
    """A socket of a server that has already responded."""

    def sendall(self, data: bytes) -> None:
        """Discard *data*."""

    def makefile(self, mode: str) -> io.BytesIO:
        """Return the response."""
        return io.BytesIO(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    def close(self) -> None:
        """Do nothing."""


def _fetch() -> None:
    connection = http.client.HTTPConnection("shop.example")
    connection.sock = _Socket()  # type: ignore[assignment] # only the methods that http.client calls
    connection.request("GET", "/")
    connection.getresponse().read()


def _thread() -> None:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()


def _repeat(function: Callable[[], Any]) -> drive.Slice:
    def run(number: int) -> float:
        begun = time.perf_counter()
        for _ in range(number):
            function()
        return time.perf_counter() - begun

    return run


def aside(case: str, variant: str) -> dict[str, Any]:
    """Measure other work of an application."""
    logging.basicConfig(handlers=[logging.NullHandler()], level=logging.INFO)
    log, pool = logging.getLogger("shop.orders"), concurrent.futures.ThreadPoolExecutor(1)
    switch_on(variant)
    if case.endswith("in a request"):
        _begin(variant)
    work: dict[str, Callable[[], Any]] = {
        "log record": lambda: log.info("sold %s of %s", 3, "tea"),
        "log record in a request": lambda: log.info("sold %s of %s", 3, "tea"),
        "outgoing HTTP call": _fetch,
        "thread": _thread,
        "executor submit": lambda: pool.submit(int).result(),
    }
    (value,) = microseconds(_repeat(work[case]))
    return {"value": value}


def _begin(variant: str) -> None:
    if variant == "ours":
        wsgi = importlib.import_module("sentryinit.wsgi")
        wsgi.ADAPTER.open(drive.ENVIRON.copy())
    elif variant in {"sdk", "slim"}:
        scope = importlib.import_module("sentry_sdk").isolation_scope()
        scope.__enter__()


def memory(case: str, variant: str) -> dict[str, Any]:
    """Serve many requests; return how many more blocks are allocated than after the first 2000."""
    failing_, number = case.startswith("failing"), int(case.rsplit(maxsplit=1)[-1])
    switch_on(variant)
    app = importlib.import_module("sentryinit.wsgi").SentryInitMiddleware(
        _raises if failing_ else SUBJECTS[0].make("bare")
    )
    run = drive.wsgi(app)
    run(2000)
    gc.collect()
    before = sys.getallocatedblocks()
    run(number)
    gc.collect()
    return {"value": sys.getallocatedblocks() - before}


if __name__ == "__main__":
    kind, *details = sys.argv[1:]
    found = globals()[kind](*details)
    sys.stdout.write(json.dumps(found) + "\n")
