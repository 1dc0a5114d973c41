"""A worker of RQ, which runs the jobs that it has sent, and ends."""

from __future__ import annotations

import os

import rq
import work
from redis import Redis

if work.INIT == "module":
    work.start("rq:RqIntegration")

fail, log_and_fail, look = (work.wired(f"tasks_rq.{f.__name__}")(f) for f in work.ALL)


class Worker(rq.Worker if os.environ["POOL"] == "horse" else rq.SimpleWorker):  # type: ignore[misc] # a choice
    """Starts reporting in the work horse, after the fork."""

    def perform_job(self, *args: object, **kwargs: object) -> bool:
        work.start("rq:RqIntegration")
        return bool(super().perform_job(*args, **kwargs))


def main() -> None:
    connection = Redis.from_url(os.environ["BROKER"])
    queue = rq.Queue(f"queue-{os.getpid()}", connection=connection)
    for number, function in enumerate(work.ALL, 1):
        queue.enqueue(f"tasks_rq.{function.__name__}", number, **work.SECRETS)
    Worker([queue], connection=connection).work(burst=True)
