"""Servers without a command: ``python -m subjects.serve NAME PORT``.

HANDLES: the service handles SIGTERM in the server's own way.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

HANDLES = "HANDLES" in os.environ


def waitress(port: int, app: Any) -> None:
    import waitress

    waitress.serve(app, host="127.0.0.1", port=port)


def cheroot(port: int, app: Any) -> None:
    from cheroot.wsgi import Server

    Server(("127.0.0.1", port), app).safe_start()


def werkzeug(port: int, app: Any) -> None:
    from werkzeug.serving import run_simple

    run_simple("127.0.0.1", port, app, threaded=True)


def wsgiref(port: int, app: Any) -> None:
    from wsgiref.simple_server import make_server

    with make_server("127.0.0.1", port, app) as server:
        server.serve_forever()


def pywsgi(port: int, app: Any) -> None:
    from gevent.pywsgi import WSGIServer

    # It waits for the greenlets of a pool only.
    server = WSGIServer(("127.0.0.1", port), app, spawn=100 if HANDLES else "default")
    if HANDLES:
        import gevent

        gevent.signal_handler(signal.SIGTERM, server.stop)
    server.serve_forever(stop_timeout=10)


def uvicorn(port: int, app: Any) -> None:
    import uvicorn

    uvicorn.run("subjects.asgi_app:app", port=port)


if __name__ == "__main__":
    name = sys.argv[1]
    if name == "pywsgi":
        from gevent import monkey

        monkey.patch_all()
    elif HANDLES:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    app = None
    if name != "uvicorn":
        from subjects.wsgi_app import app
    globals()[name](int(sys.argv[2]), app)
