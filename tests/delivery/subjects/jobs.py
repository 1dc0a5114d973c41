"""Jobs of RQ and Celery, without an integration of sentry-sdk: ``python -m subjects.jobs NAME``."""

from __future__ import annotations

import os
import sys
from typing import Any

import sentryinit
from subjects import work

BROKER, QUEUE = os.environ["DELIVERY_BROKER"], os.environ["DELIVERY_RUN"]


def job() -> None:
    work.queue()


def rq() -> None:
    """Run one job in a work horse, and end."""
    from redis import Redis
    from rq import Queue, Worker

    sentryinit.init()
    connection = Redis.from_url(BROKER)
    queue = Queue(QUEUE, connection=connection)
    queue.enqueue("subjects.jobs.job")
    Worker([queue], connection=connection).work(burst=True)


def celery() -> None:
    """Run two tasks in children that end after one task; wait for a signal."""
    from celery import Celery
    from celery.signals import worker_ready

    sentryinit.init()
    app = Celery("shop", broker=BROKER, include=[])
    app.conf.task_default_queue = QUEUE

    @app.task
    def fail(last: bool) -> None:
        work.queue()
        if last:
            work.say("ready")

    @worker_ready.connect(weak=False)
    def send(**_: Any) -> None:
        fail.delay(False)
        fail.delay(True)

    app.worker_main(["worker", "--pool=prefork", "--concurrency=1", "--max-tasks-per-child=1"])


if __name__ == "__main__":
    globals()[sys.argv[1]]()
