"""A WebSocket client on a plain socket, which can be closed at any moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from harness.wire import Wire


class Chat:
    """An open WebSocket on *wire*; the protocol of ``websockets``, without its threads."""

    def __init__(self, wire: Wire, path: str, request_id: str) -> None:
        self.wire = wire
        self._protocol = ClientProtocol(parse_uri(f"ws://shop.example{path}"))
        handshake = self._protocol.connect()
        handshake.headers["X-Request-Id"] = request_id
        self._protocol.send_request(handshake)
        self._flush()
        self._events = self._arriving()
        next(self._events)  # the answer to the handshake
        assert self._protocol.handshake_exc is None, self._protocol.handshake_exc

    def says(self, text: str) -> None:
        """Send a message."""
        self._protocol.send_text(text.encode())
        self._flush()

    def hears(self) -> str:
        """Return the next message."""
        frame = next(self._events)
        assert isinstance(frame, Frame), frame
        assert frame.opcode is Opcode.TEXT, frame
        return bytes(frame.data).decode()

    def closes(self) -> None:
        """Send a closing frame."""
        self._protocol.send_close(1000)
        self._flush()

    def ends(self) -> None:
        """Return when the server has closed the connection, with or without a closing frame."""
        rest = [event for event in self._events if getattr(event, "opcode", 0) is not Opcode.CLOSE]
        assert not rest, rest

    def _arriving(self) -> Iterator[object]:
        while data := self._data():
            self._protocol.receive_data(data)
            events: Iterable[object] = self._protocol.events_received()
            # The protocol's own replies, such as the second half of a closing handshake.
            self._flush()
            yield from events

    def _data(self) -> bytes:
        try:
            return self.wire.receive()
        except ConnectionResetError:
            # daphne closes by RST.
            return b""

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self.wire.send(data)
