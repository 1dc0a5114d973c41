"""Tasks of asyncio that fail: lost ones, those of a group, and jobs side by side."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from typing import Any

import work

work.start()


async def lost(function: Any, number: int) -> None:
    await asyncio.sleep(0)
    function(number, **work.SECRETS)


async def lose() -> None:
    """Start tasks and await none of them."""
    for number, function in enumerate(work.ALL, 1):
        called = work.wired(function.__name__)(lost)
        task = asyncio.create_task(called(function, number))
        await asyncio.wait([task])
        del task
        gc.collect()


async def group() -> None:
    """Await all tasks in a group: it raises a group of their exceptions."""
    async with asyncio.TaskGroup() as group:
        for number, function in enumerate(work.ALL, 1):
            group.create_task(work.wired(function.__name__)(lost)(function, number))


if __name__ == "__main__":
    with work.sentryinit.init():
        asyncio.run({"lost": lose, "group": group}[os.environ["POOL"]]())
    sys.exit(0)
