"""A program without requests: a thread, a task and a job fail, and then the program."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import sentryinit


def bill(order_id: int) -> None:
    raise ValueError(f"order {order_id} has no address")


async def remind(order_id: int) -> None:
    bill(order_id)


async def start_reminder() -> None:
    task = asyncio.create_task(remind(17))
    await asyncio.sleep(0)
    del task


def send_reminders() -> None:
    with sentryinit.job("bills.remind"):
        bill(17)


def main() -> None:
    sentryinit.init()
    worker = threading.Thread(target=bill, args=(17,), name="bills-1")
    worker.start()
    worker.join()
    asyncio.run(start_reminder())
    with contextlib.suppress(ValueError):
        send_reminders()
    bill(17)


if __name__ == "__main__":
    main()
