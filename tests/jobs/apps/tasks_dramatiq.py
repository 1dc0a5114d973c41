"""An application of Dramatiq that sends its messages, and then is the worker."""

from __future__ import annotations

import os
import sys

import dramatiq
import work
from dramatiq.brokers.redis import RedisBroker

work.start("dramatiq:DramatiqIntegration")
broker = RedisBroker(url=os.environ["BROKER"], namespace=os.environ["NAMESPACE"])
dramatiq.set_broker(broker)

actors = [
    dramatiq.actor(work.wired(f.__name__)(f), actor_name=f.__name__, max_retries=0)
    for f in work.ALL
]


def main() -> None:
    for number, actor in enumerate(actors, 1):
        actor.send(number, **work.SECRETS)
    # The worker has to import the application itself: its middlewares start threads.
    command = [sys.executable, "-m", "dramatiq", "tasks_dramatiq", "--processes=1", "--threads=1"]
    os.execv(sys.executable, command)  # noqa: S606 # no shell
