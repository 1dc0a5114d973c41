"""What is around an application that a server loads: ``init`` before, a boundary after."""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Any, TypeVar

from sentryinit import _init, asgi, wsgi
from sentryinit._logger import log
from sentryinit._policy.application import note_application, note_entry
from sentryinit._state import STATE

T = TypeVar("T")

_BOUNDARIES = (wsgi.SentryInitMiddleware, asgi.SentryInitMiddleware)
# Where middlewares keep what is inside: Werkzeug's and Starlette's, Django's static files, others.
_INSIDE = "app", "application", "wsgi_app", "asgi_app"
_MOST_LAYERS = 20
# The package of a framework, and our wheel for it.
WHEELS = {
    "aiohttp": "sentryinit-aiohttp",
    "django": "sentryinit-django",
    "falcon": "sentryinit-falcon",
    "fastapi": "sentryinit-starlette",
    "flask": "sentryinit-flask",
    "starlette": "sentryinit-starlette",
}


def load(import_app: Callable[[], T]) -> T:
    """Run ``init``, then *import_app*; report what that raises before the process ends."""
    _init.init_early()
    try:
        return import_app()
    except BaseException as exc:
        report_end(exc)
        raise


@functools.cache
def watch_program() -> None:
    """Have the exception reported that ends this program before anything has run ``init``."""
    previous = sys.excepthook

    def hook(kind: type[BaseException], exc: BaseException, traceback: Any) -> None:
        # Others call it as they like, also without an exception.
        if STATE.settings is None and isinstance(exc, BaseException):
            _init.init_early()
            report_end(exc, "excepthook")
        previous(kind, exc, traceback)

    sys.excepthook = hook


def report_end(exc: BaseException, mechanism: str = "sentryinit") -> None:
    """Report *exc*, with which a program or its application does not start."""
    note_entry(exc.__traceback__)
    _init.shutdown(mechanism, exc)


def wrap(app: Any, server: str) -> Any:
    """Return *app* so that its failures are reported; where reporting is off, *app* itself.

    *app* may be a factory, as some servers take one. What cannot be wrapped is a warning.
    """
    note_application(app)
    layers = list(_layers(app))
    if any(isinstance(each, _BOUNDARIES) for each in layers):
        return app
    wired = {id(layer): wiring.wrap(layer) for layer, wiring in _wirings(layers)}
    if id(app) in wired:
        return wired[id(app)]
    wheel = "" if wired else _wheel_for(layers)
    # An application of aiohttp can be called, and is neither.
    kind = "" if wheel == "sentryinit-aiohttp" else _kind(app)
    if kind == "factory":
        return _wrap_factory(app, server)
    _init.init()
    if STATE.reporter is None:
        return app
    hint = f"; install {wheel}" if wheel else ""
    if not kind:
        what = f"a {type(app).__qualname__} is no WSGI and no ASGI 3 application"
        _warn(f"cannot wrap what {server} serves: {what}{hint}")
        return app
    if wheel:
        _warn(f"an application has no adapter: its failures have no route, or no event{hint}")
    made: Any = dict(zip(("wsgi", "asgi", "either"), (*_BOUNDARIES, _Either), strict=True))
    return made[kind](app)


def wrap_late(app: Any, server: str) -> Callable[..., Any]:
    """Return a function that calls *app*, and wraps it at its first call."""
    wrapped = functools.cache(functools.partial(wrap, app, server))
    return lambda *args: wrapped()(*args)  # noqa: PLW0108 # not before it is called


def set_up(app: Any) -> bool:
    """Have the adapter of *app* report its failures; return True if it does.

    Without the adapter, one line names its wheel; nothing can go around an object in its place.
    """
    note_application(app)
    wired = [wiring.wrap(app) for _, wiring in _wirings([app])]
    _init.init_early()
    if not wired and STATE.reporter is not None:
        hint = f"; install {_wheel_for([app])}"
        _warn(f"an application has no adapter: its failures have no route, or no event{hint}")
    return bool(wired) and STATE.reporter is not None


class _Either:
    """The boundary of an application of which only the call tells whether it is WSGI or ASGI.

    A server that looks at the application sees what it saw before: one that is not asynchronous.
    """

    def __init__(self, app: Any) -> None:
        self.app: Any = wsgi.SentryInitMiddleware(app)
        self._asgi: Any = asgi.SentryInitMiddleware(app)

    def __call__(self, *arguments: Any) -> Any:
        """Serve with two arguments a request of WSGI, with three a scope of ASGI."""
        return (self._asgi if len(arguments) == 3 else self.app)(*arguments)


@functools.cache
def _warn(text: str) -> None:
    """Log *text* once: a server may load twice."""
    log.warning("%s", text)


def _layers(app: Any) -> Iterator[Any]:
    """Yield *app* and what is inside of it, as far as middlewares show it."""
    seen: list[int] = []
    while callable(app) and id(app) not in seen and len(seen) < _MOST_LAYERS:
        yield app
        seen.append(id(app))
        inner = None
        with contextlib.suppress(Exception):  # an attribute is code of the application
            # Django Channels has one application for each protocol.
            found = [getattr(app, "application_mapping", {}).get("http")]
            found += [getattr(app, name, None) for name in _INSIDE]
            inner = next(filter(callable, found), None)
        app = inner


def _wirings(layers: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Yield each of *layers* that an adapter knows, with what wraps it."""
    for each in entry_points(group="sentryinit.frameworks"):
        # A framework that is not imported has no application here.
        if each.name not in sys.modules:
            continue
        try:
            wiring = each.load()
        except Exception as error:  # noqa: BLE001 # of another release, or broken
            log.warning("cannot use %s: %s: %s", each.value, type(error).__name__, error)
            continue
        yield from ((layer, wiring) for layer in layers if wiring.is_app(layer))


def _wheel_for(layers: list[Any]) -> str:
    """Return the wheel that is missing here and knows the framework of *layers*."""
    packages = [cls.__module__.partition(".")[0] for each in layers for cls in type(each).__mro__]
    return next((WHEELS[name] for name in packages if name in WHEELS), "")


def _kind(app: Any) -> str:
    """Return ``wsgi``, ``asgi``, ``either`` or ``factory`` for *app*; no text if it is none."""
    is_async = any(map(inspect.iscoroutinefunction, (app, getattr(app, "__call__", None))))  # noqa: B004 # what is called
    if not callable(app) or hasattr(app, "__rsgi__"):
        return ""
    try:
        signature = inspect.signature(app)
    except (TypeError, ValueError):
        # Code in C may not tell.
        return "asgi" if is_async else "either"
    zero, two, three, many = (_takes(signature, count) for count in (0, 2, 3, 99))
    if zero and not many:
        return "factory"
    if three:
        return "either" if two and not is_async else "asgi"
    return "wsgi" if two and not is_async else ""


def _takes(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


def _wrap_factory(factory: Callable[..., Any], server: str) -> Callable[..., Any]:
    @functools.wraps(factory)
    def make(*args: Any, **options: Any) -> Any:
        app = load(lambda: factory(*args, **options))
        # With arguments it is called as an application, by mistake.
        return app if args else wrap(app, server)

    @functools.wraps(factory)
    async def make_async(*args: Any, **options: Any) -> Any:
        try:
            app = await factory(*args, **options)
        except Exception as exc:
            report_end(exc)
            raise
        return app if args else wrap(app, server)

    return make_async if inspect.iscoroutinefunction(factory) else make
