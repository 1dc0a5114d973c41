"""Patch the functions by which servers load applications."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

from sentryinit._logger import log
from sentryinit._serving import objects, uwsgi
from sentryinit._serving.wrapper import load, watch_program, wrap, wrap_late


def run(
    module: ModuleType, run_module: Callable[[Any], None], names: tuple[str, ...] | None
) -> None:
    """Run *module*: of a server, with its loaders *names* in ``site``; or the target of uWSGI."""
    watch_program()
    if names is None:
        load(lambda: run_module(module))
        uwsgi.wrap_names(vars(module), uwsgi.targets()[module.__name__])
        return
    run_module(module)
    if module.__name__ == "pyuwsgi":
        uwsgi.watch_files()
    for each in names:
        path, _, argument = each.partition(":")
        try:
            _patch(module, path, argument)
        except (AttributeError, TypeError, ValueError) as error:
            server = module.__name__.partition(".")[0]
            log.warning(
                "cannot wrap what %s loads: its %s.%s is not there, or has changed (%s). Add the "
                "middleware of sentryinit to the application, or give the server our target: "
                "SENTRYINIT_APP=shop:app %s sentryinit.wsgi:application",
                *(server, module.__name__, path, error, server),
            )


def _patch(module: ModuleType, path: str, argument: str) -> None:
    *parents, name = path.split(".")
    owner: Any = functools.reduce(getattr, parents, module)
    if isinstance(owner, ModuleType) and owner is not module:
        # Only for this server.
        owner = SimpleNamespace(**vars(owner))
        setattr(module, parents[0], owner)
    if argument in {"self", "self.*"}:
        objects.watch(owner, name, is_loader=argument == "self.*")
        return
    make = _around_argument if argument.isidentifier() else _around_result
    setattr(owner, name, make(getattr(owner, name), module.__name__.partition(".")[0], argument))


def _around_result(original: Callable[..., Any], server: str, argument: str) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(*args: Any, **options: Any) -> Any:
        result = load(lambda: original(*args, **options))
        return result if argument else wrap(result, server)

    return call


def _around_argument(original: Callable[..., Any], server: str, name: str) -> Callable[..., Any]:
    signature = inspect.signature(original)
    if name not in signature.parameters:
        raise TypeError(f"it has no argument {name}")

    @functools.wraps(original)
    def call(*args: Any, **options: Any) -> Any:
        given = signature.bind_partial(*args, **options)
        if name in given.arguments:
            # By wsgiref metrics are served, often before the application itself has run `init`.
            make = wrap_late if server == "wsgiref" else wrap
            given.arguments[name] = make(given.arguments[name], server)
        return original(*given.args, **given.kwargs)

    return call
