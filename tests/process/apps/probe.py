"""Reports when a request is over and which exception escaped, outside of the code under test.

It passes the server's own callables and streams unchanged, because they decide whether an error is
the server's.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from typing import Any

from apps import shop
from apps.gate import report

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

# Warnings of sentryinit are faults, and must be recognisable in the output.
_handler = logging.StreamHandler()
_handler.setFormatter(logging.Formatter("[sentryinit] %(levelname)s %(message)s"))
logging.getLogger("sentryinit").addHandler(_handler)
logging.getLogger("sentryinit").propagate = False


def made() -> None:
    """Fail if the environment asks for it: the application is complete, and reporting is on."""
    if "PROCESS_FAIL_AT_IMPORT" in os.environ:
        shop.price(0)


def over(request_id: str, error: BaseException | None) -> None:
    if request_id:
        report(request_id, "over", type(error).__name__ if error else "")


def asgi(app: ASGIApp) -> ASGIApp:
    """Return *app* with the probe around it."""
    made()

    async def probed(scope: Scope, receive: Receive, send: Send) -> None:
        crossed: BaseException | None = None
        try:
            await app(scope, receive, send)
        except BaseException as error:
            crossed = error
            raise
        finally:
            if scope["type"] != "lifespan":
                headers = dict(scope["headers"])
                over(headers.get(b"x-request-id", b"").decode(), crossed)

    return probed


class _Body:
    def __init__(self, body: Iterable[bytes], request_id: str) -> None:
        self._body, self._request_id = body, request_id
        self._crossed: BaseException | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._body
        except GeneratorExit:
            raise
        except BaseException as error:
            self._crossed = error
            raise

    def close(self) -> None:
        close = getattr(self._body, "close", None)
        if close:
            close()
        over(self._request_id, self._crossed)


def wsgi(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Return *app* with the probe around it."""
    made()

    def probed(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request_id = environ.get("HTTP_X_REQUEST_ID", "")
        try:
            return _Body(app(environ, start_response), request_id)
        except BaseException as error:
            over(request_id, error)
            raise

    return probed
