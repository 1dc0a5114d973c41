"""Programs without a server: ``python -m subjects.program NAME``; each queues three events."""

from __future__ import annotations

import asyncio
import atexit
import os
import subprocess
import sys
import threading
import time

import sentryinit
from subjects import work


def script() -> None:
    sentryinit.init()
    work.queue()
    work.wait()


def block() -> None:
    with sentryinit.init():
        work.queue()
        work.wait()


def ends() -> None:
    sentryinit.init()
    work.queue()


def raises() -> None:
    with sentryinit.init():
        work.fail()


def exits() -> None:
    with sentryinit.init():
        work.queue(2)
        sys.exit(3)


def loop() -> None:
    async def main() -> None:
        sentryinit.init()
        work.queue()
        work.say("ready")
        await asyncio.sleep(60)

    asyncio.run(main())


def scheduler() -> None:
    from apscheduler.schedulers.blocking import BlockingScheduler

    def job() -> None:
        work.queue()
        work.say("ready")

    sentryinit.init()
    blocking = BlockingScheduler()
    blocking.add_job(job, "date")
    blocking.start()


def handles_sigterm() -> None:
    import signal

    sentryinit.init()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(4))
    work.queue()
    work.wait()


def os_exit() -> None:
    sentryinit.init()
    work.queue()
    os._exit(3)


def execv() -> None:
    sentryinit.init()
    work.queue()
    os.execv(sys.executable, ["python", "-c", "raise SystemExit(5)"])  # noqa: S606 # the case


def daemonize() -> None:
    """Queue one event in the parent, which ends by ``os._exit``, and two in the daemon."""
    sentryinit.init()
    work.queue(1)
    if os.fork():
        os._exit(0)
    os.setsid()
    work.queue(2)


def fork_exit() -> None:
    sentryinit.init()
    pid = os.fork()
    if not pid:
        work.queue()
        os._exit(0)
    os.waitpid(pid, 0)


def fork_return() -> None:
    sentryinit.init()
    pid = os.fork()
    work.queue()
    if pid:
        os.waitpid(pid, 0)


def exit_hook() -> None:
    sentryinit.init()
    atexit.register(work.queue)


def early_exit_hook() -> None:
    atexit.register(work.queue)
    sentryinit.init()


def late_thread() -> None:
    """Fail in a thread, after the main thread has ended."""

    def fail() -> None:
        threading.main_thread().join()
        work.queue()

    sentryinit.init()
    threading.Thread(target=fail).start()


def first_process() -> None:
    """Run *script* as PID 1 of its own namespace."""
    command = ["unshare", "--fork", "--pid", "--mount-proc", "--kill-child"]
    child = subprocess.Popen([*command, sys.executable, "-m", "subjects.program", "script"])
    sys.exit(child.wait())


def exit_in_request() -> None:
    """End by ``sys.exit(3)`` in a request; say how long the delivery took."""
    started = 0.0
    atexit.register(lambda: work.say(f"took {time.monotonic() - started:.3f}"))
    from subjects import wsgi_app

    environ = {"PATH_INFO": "/exit", "REQUEST_METHOD": "GET", "wsgi.url_scheme": "http"}
    environ |= {"SERVER_NAME": "shop.example", "SERVER_PORT": "80"}
    work.queue()
    started = time.monotonic()
    wsgi_app.app(environ, lambda *_: None)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
