"""Schedulers of APScheduler: jobs in threads, and in an event loop."""

from __future__ import annotations

import asyncio
import os
import time

import work
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.schedulers.background import BackgroundScheduler

work.start()
done: list[object] = []


async def in_loop(function: object, number: int) -> None:
    function(number, **work.SECRETS)  # type: ignore[operator] # one of work.ALL


def add_jobs(scheduler: object, *, is_async: bool) -> None:
    scheduler.add_listener(done.append, EVENT_JOB_ERROR | EVENT_JOB_EXECUTED)  # type: ignore[attr-defined] # either
    for number, function in enumerate(work.ALL, 1):
        called = work.wired(function.__name__)(in_loop if is_async else function)
        args = (function, number) if is_async else (number,)
        scheduler.add_job(called, args=args, kwargs={} if is_async else work.SECRETS)  # type: ignore[attr-defined] # either


async def run_in_loop() -> None:
    scheduler = AsyncIOScheduler()
    add_jobs(scheduler, is_async=True)
    scheduler.start()
    while len(done) < len(work.ALL):  # noqa: ASYNC110 # the listener is called in threads, too
        await asyncio.sleep(0.02)
    scheduler.shutdown()


def main() -> None:
    if os.environ["POOL"] == "asyncio":
        asyncio.run(run_in_loop())
        return
    # One thread: the jobs follow each other in it.
    scheduler = BackgroundScheduler(executors={"default": {"type": "threadpool", "max_workers": 1}})
    add_jobs(scheduler, is_async=False)
    scheduler.start()
    while len(done) < len(work.ALL):
        time.sleep(0.02)
    scheduler.shutdown()
