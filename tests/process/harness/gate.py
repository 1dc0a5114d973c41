"""The test's side of the gate: where a handler is, and when it may continue (apps/gate.py)."""

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
    """Handlers report what happens in them, and wait at some points until they are released."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._changed = threading.Condition()
        self._reports: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self._released: dict[str, float] = {}
        threading.Thread(target=self.serve_forever, args=(0.05,), name="gate", daemon=True).start()

    @property
    def address(self) -> str:
        """The address, for the environment of a service."""
        return f"127.0.0.1:{self.server_address[1]}"

    def heard(self, request_id: str, point: str, detail: str, *, wait: bool) -> float:
        """Record that a handler is at *point*; return when it may continue.

        Returns for how many seconds it continues if nothing stops it.
        """
        with self._changed:
            self._reports[request_id].append((point, detail))
            self._changed.notify_all()
            if wait:
                # There may be no release: the process is killed, or the handler is cancelled.
                self._changed.wait_for(lambda: request_id in self._released, DEADLINE * 2)
            return self._released.get(request_id, 0.0)

    def wait_for(self, request_id: str, point: str) -> str:
        """Return the detail that the request reported at *point*, when it gets there."""
        with self._changed:
            wait_until(
                self._changed,
                lambda: bool(self.reported(request_id, point)),
                lambda: f"{point!r} expected of {request_id}, got {self._reports[request_id]}",
            )
            return self.reported(request_id, point)[0]

    def release(self, request_id: str, patience: float = 0.0) -> None:
        """Let the request continue, now and at its later points, for *patience* seconds."""
        with self._changed:
            self._released[request_id] = patience
            self._changed.notify_all()

    def reported(self, request_id: str, point: str) -> list[str]:
        """Return the details that the request has reported at *point* so far."""
        return [detail for at, detail in list(self._reports[request_id]) if at == point]

    def handle_error(self, request: object, client_address: object) -> None:
        """Write nothing: services are killed while they wait."""
