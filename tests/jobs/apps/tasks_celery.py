"""An application of Celery that sends its own tasks as soon as the worker is ready."""

from __future__ import annotations

import os
from typing import Any

import celery
import work
from celery import signals

ROOT = os.environ["FOLDER"]

app = celery.Celery("tasks_celery", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": ROOT,
    "data_folder_out": ROOT,
    "control_folder": f"{ROOT}/control",
}
app.conf.worker_max_tasks_per_child = int(os.environ.get("MAX_TASKS", "0")) or None


def start(**_: Any) -> None:
    work.start("celery:CeleryIntegration")


if work.INIT == "module":
    start()
else:
    getattr(signals, work.INIT).connect(start, weak=False)

tasks = [
    app.task(
        work.wired(f"tasks_celery.{function.__name__}")(function),
        name=f"tasks_celery.{function.__name__}",
    )
    for function in work.ALL
]


@app.task(bind=True, name="tasks_celery.again")
def again(self: Any) -> None:
    with work.sentryinit.job("again"):
        raise self.retry(countdown=3600)


@signals.worker_ready.connect
def send(**_: Any) -> None:
    for number, task in enumerate(tasks, 1):
        task.delay(number, **work.SECRETS)
    again.delay()
