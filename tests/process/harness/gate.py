"""The test's end of the talk with a handler: where it is, and when it may go on (apps/gate.py)."""

from __future__ import annotations

import json
import socketserver
import threading
from collections import defaultdict

from harness.bounds import DEADLINE, wait_until


class _Handler(socketserver.StreamRequestHandler):
    server: Gate

    def handle(self) -> None:
        line = self.rfile.readline()
        if line:
            patience = self.server.heard(**json.loads(line))
            self.wfile.write(b"%f\n" % patience)


class Gate(socketserver.ThreadingTCPServer):
    """Handlers tell it what happens in them; at some points they wait until they are let go."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._changed = threading.Condition()
        self._told: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self._free: dict[str, float] = {}
        threading.Thread(target=self.serve_forever, args=(0.05,), name="gate", daemon=True).start()

    @property
    def address(self) -> str:
        """Where it listens, for a service's environment."""
        return f"127.0.0.1:{self.server_address[1]}"

    def heard(self, request_id: str, point: str, detail: str, *, wait: bool) -> float:
        """A handler says that it is at *point*; it is answered when it may go on.

        Returns for how many seconds it is then to go on, if nothing stops it.
        """
        with self._changed:
            self._told[request_id].append((point, detail))
            self._changed.notify_all()
            if wait:
                # Nobody may come: the process is to be killed, or the handler cancelled.
                self._changed.wait_for(lambda: request_id in self._free, DEADLINE * 2)
            return self._free.get(request_id, 0.0)

    def wait_for(self, request_id: str, point: str) -> str:
        """Return what the request said at *point*, once it gets there."""
        with self._changed:
            wait_until(
                self._changed,
                lambda: bool(self.said(request_id, point)),
                lambda: f"{point!r} expected of {request_id}, heard {self._told[request_id]}",
            )
            return self.said(request_id, point)[0]

    def let_go(self, request_id: str, patience: float = 0.0) -> None:
        """Let the request go on, now and at all its points to come, for *patience* seconds."""
        with self._changed:
            self._free[request_id] = patience
            self._changed.notify_all()

    def said(self, request_id: str, point: str) -> list[str]:
        """Return what the request said at *point* so far."""
        return [detail for at, detail in list(self._told[request_id]) if at == point]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: services are killed here while they wait."""
