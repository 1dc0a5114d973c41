"""F3 with many failures at once: delivered + suppressed + dropped = failures, exactly."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import sentryinit
from conftest import UNMEASURED
from sentryinit import testing
from sentryinit.asgi import SentryInitMiddleware

# A burst that is used up soon, and a rate that refills it while the test runs.
TIGHT: dict[str, Any] = {"storm_guard": True, "storm_burst": 2, "storm_per_minute": 6000}
Send = Callable[[dict[str, Any]], Awaitable[None]]


def told(event: dict[str, Any]) -> int:
    """Return the number of suppressed failures that *event* reports."""
    return int(event.get("contexts", {}).get("sentryinit", {}).get("suppressed", 0))


def total(events: list[dict[str, Any]]) -> tuple[int, int]:
    """Return the number of failures that are events, and of those that these report."""
    return sum(event["level"] == "error" for event in events), sum(map(told, events))


# -- what applications do ------------------------------------------------------------------------


async def answer(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": b""})


async def good(send: Send) -> None:
    await answer(send, 200)


async def lost(send: Send) -> None:
    await answer(send, 404)


async def unavailable(send: Send) -> None:
    await answer(send, 503)


async def gateway(send: Send) -> None:
    await answer(send, 502)


async def wrong(send: Send) -> None:
    raise ValueError


async def missing(send: Send) -> None:
    await asyncio.sleep(0)
    raise KeyError from OSError()


async def handled(send: Send) -> None:
    try:
        raise LookupError
    except LookupError:
        await answer(send, 500)


async def mended(send: Send) -> None:
    try:
        raise LookupError
    except LookupError:
        await answer(send, 409)


async def torn(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await asyncio.sleep(0)
    raise RuntimeError


async def child_task(send: Send) -> None:
    await asyncio.create_task(wrong(send))


async def given_up(send: Send) -> None:
    asyncio.current_task().cancel()  # type: ignore[union-attr] # a coroutine runs in a task
    await asyncio.sleep(0)


FAILING = (unavailable, gateway, wrong, missing, handled, torn, child_task)
PASSING = (good, lost, mended, given_up)


def served() -> Any:
    """Return the middleware around an application that runs the function in its scope."""

    async def app(scope: Any, receive: Any, send: Send) -> None:
        await asyncio.sleep(0)
        await scope["deed"](send)

    return SentryInitMiddleware(app)


async def request(app: Any, deed: Any) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: dict[str, Any]) -> None:
        await asyncio.sleep(0)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "deed": deed}
    try:
        await app(scope, receive, send)
    except (Exception, asyncio.CancelledError):
        # What reaches the server, which keeps running.
        return


class Third:
    """A ``before_send`` that drops each third event, and counts the failures among them."""

    def __init__(self) -> None:
        self.seen = self.failures = 0

    def __call__(self, event: Any, hint: Any) -> Any:
        self.seen += 1
        if self.seen % 3:
            return event
        self.failures += event["level"] == "error"
        return None


@pytest.mark.parametrize("seed", range(3))
def test_tasks(seed: int) -> None:
    """Concurrent tasks that fail in several ways, with a hook that drops, and with flushes."""
    deeds = [*FAILING * 100, *PASSING * 100]
    random.Random(seed).shuffle(deeds)  # noqa: S311 # the order of the work is no secret
    hook = Third()

    async def main() -> None:
        app, tasks = served(), []
        for number, deed in enumerate(deeds):
            tasks.append(asyncio.create_task(request(app, deed)))
            if number % 50 == 0:
                await asyncio.sleep(0.001)
            if number % 200 == 0:
                sentryinit.init()()
        await asyncio.gather(*tasks)

    with testing.capture("shop", before_send=hook, **TIGHT) as box:
        asyncio.run(main())
        # If the hook drops a summary, its count is in the next one.
        for _ in range(3):
            sentryinit.init()()
        stats = sentryinit.stats()

    delivered, suppressed = total(box.events)
    assert stats["failures"] == 100 * len(FAILING)
    assert (delivered, suppressed, hook.failures) == (
        stats["delivered"],
        stats["suppressed"],
        stats["dropped"],
    )
    assert delivered + suppressed + hook.failures == stats["failures"]
    assert min(delivered, suppressed, hook.failures) > 0


FORKS = """
import itertools, os, threading
from sentryinit import adapters

class Files(Transport):
    # One file for each process: in one pipe the lines could be mixed up.
    def capture_envelope(self, envelope):
        line = b"".join(b"%s\\n" % item.get_bytes() for item in envelope.items)
        with open(os.path.join(os.environ["FOLDER"], str(os.getpid())), "ab") as file:
            file.write(line)

adapter = adapters.Adapter("test", lambda request: adapters.RequestInfo("GET", "http", "h", "/"))
numbers = itertools.count()
drop = lambda event, hint: event if next(numbers) % 3 else None
flush = sentryinit.init(
    "shop", dsn=DSN, transport=Files(), before_send=drop, storm_burst=2, storm_per_minute=6000
)

def fail(times):
    for number in range(times):
        capture = adapter.open("request")
        if number % 2:
            capture.response_started(500 + number % 5)
        else:
            capture.exception_escaped([ValueError(), KeyError(), OSError()][number % 3])
        capture.close()

def at_once(threads, times):
    started = [threading.Thread(target=fail, args=(times,)) for _ in range(threads)]
    for thread in started:
        thread.start()
    return started

def end(threads):
    for thread in threads:
        thread.join()
    for _ in range(3):
        flush()
    told = json.dumps([os.getpid(), sentryinit.stats()])
    os.write(1, f"{told}\\n".encode())

threads, children = at_once(3, 400), []
for _ in range(5):
    children.append(os.fork())
    if children[-1] == 0:
        end(at_once(2, 100))
        os._exit(0)
    fail(20)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
end(threads)
"""


def test_processes(child: Callable[..., Any], tmp_path: Path) -> None:
    """Forks while threads fail: each process reports its own failures."""
    done = child(FORKS, FOLDER=str(tmp_path), **UNMEASURED)
    assert done.code == 0, done.err
    stats = dict(map(json.loads, done.lines))

    assert sorted(each["failures"] for each in stats.values()) == [200] * 5 + [3 * 400 + 5 * 20]
    ids = []
    for process, counted in stats.items():
        lines = (tmp_path / str(process)).read_text().splitlines()
        events = [json.loads(line) for line in lines]
        ids += [event["event_id"] for event in events]
        assert total(events) == (counted["delivered"], counted["suppressed"])
        assert counted["failures"] == sum(
            counted[what] for what in ("delivered", "suppressed", "dropped")
        )
    assert len(set(ids)) == len(ids)
