"""Whether the client of a WSGI request has given up its upload: the server's socket tells."""

from __future__ import annotations

import _socket  # the socket of gevent would switch to another greenlet
import os
import socket
import stat
import sys
from collections.abc import MutableMapping
from contextlib import closing
from typing import Any

# The first byte of struct tcp_info is the state, as in net/tcp_states.h of Linux.
_CLOSE, _CLOSE_WAIT = 7, 8
# What comes before a body, at least. That of HTTP/2 and of TLS is longer.
_HEAD = len("PUT / HTTP/1.1\nContent-Length:1\n\n")
# The size that Sentry, GlitchTip and Bugsink set for a body that they decode.
_ANY_SIZE = 2**32 - 1
# The key of a reset that we have got, and nobody before us.
_RESET_KEY = "sentryinit.reset"


def client_gone(environ: MutableMapping[str, Any]) -> bool:
    """Return True if the client has ended its connection before its upload was complete.

    An end alone says nothing: a client that has sent all may close its side and wait for the
    answer. So fewer bytes have come than the body has, or a read of the body has got a reset; and
    all that came was read, or else the application has not noticed. Nothing is taken from the
    connection, and nothing waits. False if the server shows no socket of TCP, and on any system
    other than Linux.
    """
    size = environ.get("CONTENT_LENGTH") or "0"
    if sys.platform != "linux" or (size == "0" and "HTTP_TRANSFER_ENCODING" not in environ):
        return False
    stream: Any = environ.get("wsgi.input")
    given = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    try:
        # Django's server has a stream of its own around that of wsgiref.
        stream = getattr(getattr(stream, "_read", None), "__self__", stream)
        # gevent and cheroot have a file on the stream; that of wsgiref and uWSGI has a descriptor.
        descriptor = (given or getattr(stream, "rfile", stream)).fileno()
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return False
        descriptor = os.dup(descriptor)
        # With SOCK_NONBLOCK, Python leaves the mode of the connection alone (init_sockobject).
        with closing(_socket.socket(socket.AF_INET, socket.SOCK_NONBLOCK, 0, descriptor)) as ours:
            info = ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 136)
            if info[0] not in {_CLOSE, _CLOSE_WAIT}:
                return False
            # Linux tells a reset once: to who reads the body, or else to us.
            if info[0] == _CLOSE and ours.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                environ[_RESET_KEY] = True
            if ours.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                return False
        if info[0] == _CLOSE and _RESET_KEY not in environ:
            return True
        # tcpi_bytes_received, since Linux 4.1; before, and where it is not filled in, 0.
        received = int.from_bytes(info[128:136], sys.byteorder)
        return _is_short(environ, stream, given, int(size), received)
    except (AttributeError, OSError, TypeError, ValueError):
        return False


def _is_short(
    environ: MutableMapping[str, Any], stream: Any, given: Any, size: int, received: int
) -> bool:
    """Return True if *received* bytes are too few for the body that *stream* has."""
    reader = getattr(stream, "reader", None)
    # gunicorn's parser of chunks is None after a whole body, and is kept if it has raised.
    if getattr(getattr(reader, "parser", None), "gi_frame", 0) is None:
        return True
    # A middleware that decodes the body may have set the size after that, and another stream.
    is_servers = reader or given is None or isinstance(stream.raw, socket.SocketIO)
    is_encoded = "HTTP_CONTENT_ENCODING" in environ or "HTTP_TRANSFER_ENCODING" in environ
    return is_servers and not is_encoded and size < _ANY_SIZE and 0 < received < size + _HEAD
