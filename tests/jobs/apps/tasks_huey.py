"""A consumer of Huey, with the tasks that it has sent in a file."""

from __future__ import annotations

import os

import work
from huey import SqliteHuey

work.start("huey:HueyIntegration")
huey = SqliteHuey(filename=os.path.join(os.environ["FOLDER"], "huey.db"))  # noqa: PTH118 # as an application has it
tasks = [huey.task(name=f.__name__)(work.wired(f.__name__)(f)) for f in work.ALL]


def main() -> None:
    for number, task in enumerate(tasks, 1):
        task(number, **work.SECRETS)
    huey.create_consumer(workers=1, worker_type=os.environ["POOL"], periodic=False).run()
