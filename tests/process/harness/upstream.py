"""An upstream server of the application, which resets every connection."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

# l_onoff, l_linger: close() sends RST.
ABORTIVE = struct.pack("ii", 1, 0)


class ResettingPeer:
    """Reads a request, and answers by RST."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, name="upstream", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """The address, for the environment of a service."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        """Stop listening."""
        # close() alone would leave the thread in accept().
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection:
                    connection.recv(100)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORTIVE)
