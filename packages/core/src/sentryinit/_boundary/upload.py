"""Whether the client of a WSGI request has given up its upload: the server's socket tells."""

from __future__ import annotations

import _socket  # the socket of gevent would switch to another greenlet
import os
import socket
import sys
from collections.abc import Mapping
from contextlib import closing
from typing import Any

# The first byte of struct tcp_info is the state, as in net/tcp_states.h of Linux.
_CLOSE, _CLOSE_WAIT = 7, 8
# What comes before a body, at least. That of HTTP/2 and of TLS is longer.
_HEAD = len("PUT / HTTP/1.1\nContent-Length:1\n\n")


def client_gone(environ: Mapping[str, Any]) -> bool:
    """Return True if the client has ended its connection before its upload was complete.

    An end alone says nothing: a client that has sent all may close its side and wait for the
    answer. So fewer bytes have come than the body has, or a read of the body has got a reset.
    Nothing is read, and nothing waits. False if the server shows no socket of TCP, and on any
    system other than Linux.
    """
    size = environ.get("CONTENT_LENGTH") or "0"
    if sys.platform != "linux" or (size == "0" and "HTTP_TRANSFER_ENCODING" not in environ):
        return False
    stream: Any = environ.get("wsgi.input")
    given = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    # gunicorn's parser of chunks is None after a whole body, and is kept if it has raised.
    parser = getattr(getattr(stream, "reader", None), "parser", None)
    try:
        # gevent and cheroot have a file on the stream; that of wsgiref and uWSGI has a descriptor.
        descriptor = os.dup((given or getattr(stream, "rfile", stream)).fileno())
        # With SOCK_NONBLOCK, Python leaves the mode of the connection alone (init_sockobject).
        with closing(_socket.socket(socket.AF_INET, socket.SOCK_NONBLOCK, 0, descriptor)) as ours:
            info = ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 136)
            # tcpi_bytes_received, since Linux 4.1; before, and where it is not filled in, 0.
            state, received = info[0], int.from_bytes(info[128:136], sys.byteorder)
            # A middleware that decodes the body may have set the size after that.
            is_short = "HTTP_CONTENT_ENCODING" not in environ and 0 < received < int(size) + _HEAD
            if is_short or getattr(parser, "gi_frame", 0) is None:
                return state in {_CLOSE, _CLOSE_WAIT}
            # Linux tells a reset once: to who reads the body, or else to us.
            return state == _CLOSE and not ours.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    except (AttributeError, OSError, TypeError, ValueError):
        return False
