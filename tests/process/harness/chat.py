"""A WebSocket client whose connection is a plain socket: it can be dropped at any moment."""

from __future__ import annotations

import socket

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from harness.bounds import DEADLINE
from harness.upstream import ABORTIVE


class Chat:
    """An open WebSocket. The protocol is that of ``websockets``, without its threads."""

    def __init__(self, port: int, path: str, request_id: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        self._protocol = ClientProtocol(parse_uri(f"ws://127.0.0.1:{port}{path}"))
        handshake = self._protocol.connect()
        handshake.headers["X-Request-Id"] = request_id
        self._protocol.send_request(handshake)
        self._flush()
        self._events = iter(())
        self._next()
        assert self._protocol.handshake_exc is None, self._protocol.handshake_exc

    def says(self, text: str) -> None:
        """Send a message."""
        self._protocol.send_text(text.encode())
        self._flush()

    def hears(self) -> str:
        """Return the next message."""
        frame = self._next()
        assert frame.opcode is Opcode.TEXT, frame
        return bytes(frame.data).decode()

    def sees_close(self) -> int:
        """Return the code with which the server closes, and close as well."""
        frame = self._next()
        assert frame.opcode is Opcode.CLOSE, frame
        self._flush()
        self._socket.close()
        return int.from_bytes(frame.data[:2], "big")

    def closes(self) -> None:
        """Close as the protocol wants it: each side says so."""
        self._protocol.send_close(1000)
        self._flush()
        self.sees_close()

    def leaves(self) -> None:
        """Go without a closing frame: FIN."""
        self._socket.close()

    def resets(self) -> None:
        """Likewise: RST."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORTIVE)
        self._socket.close()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._socket.sendall(data)

    def _next(self) -> Frame:
        while True:
            for event in self._events:
                return event
            data = self._socket.recv(65536)
            assert data, "the server closed the connection"
            self._protocol.receive_data(data)
            self._events = iter(self._protocol.events_received())
