"""Children of ``multiprocessing``: ``python -m subjects.children METHOD NAME``."""

from __future__ import annotations

import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import sentryinit
from subjects import work

# At the import: in the parent, and in a child that does not inherit its memory.
sentryinit.init()


def task(_: int = 0) -> None:
    work.queue()


def process(context: Any) -> None:
    child = context.Process(target=task)
    child.start()
    child.join()


def pool(context: Any) -> None:
    with context.Pool(1) as workers:
        workers.map(task, [0])
        workers.close()
        workers.join()


def pool_terminated(context: Any) -> None:
    """Leave the block, which terminates the workers."""
    with context.Pool(1) as workers:
        workers.map(task, [0])


def executor(context: Any) -> None:
    with ProcessPoolExecutor(1, mp_context=context) as workers:
        workers.submit(task).result()


def terminated(context: Any) -> None:
    started = context.Event()
    child = context.Process(target=queue_and_tell, args=(started,))
    child.start()
    started.wait()
    child.terminate()
    child.join()


def queue_and_tell(started: Any) -> None:
    work.queue()
    started.set()
    time.sleep(60)


if __name__ == "__main__":
    globals()[sys.argv[2]](multiprocessing.get_context(sys.argv[1]))
