"""The application: how it is found, its layers, and whether the boundary is the outermost."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Iterator
from typing import Any

from sentryinit import adapters, asgi, diagnostics, wsgi
from sentryinit_cli.doctor.catalog import Finding, found, of_problem

# The packages of the frameworks, and the adapter of each.
ADAPTERS = {
    package: wheel.removeprefix("sentryinit-") for package, wheel in diagnostics.WHEELS.items()
}
BOUNDARIES = wsgi.SentryInitMiddleware, asgi.SentryInitMiddleware
# What a middleware calls the application inside of it.
_INNER = "app", "_app", "application", "wsgi_app", "asgi_app", "get_response", "func", "__wrapped__"
# An object may have every attribute, such as a mock.
_MOST_LAYERS = 20
# Layers that have to be outside, and do not fail.
_HARMLESS = {"asgiref", "a2wsgi", "channels", "functools", "werkzeug", "sentryinit"}
_MISSING = adapters.no_boundary("").number


def load(target: str, flask_app: str | None = None) -> Any:
    """Return the application of *target*; of Django, that of the settings module.

    *flask_app*: what Flask's own command was given. Raises what the application raises.
    """
    if "" not in sys.path:
        sys.path.insert(0, os.getcwd())  # noqa: PTH109 # as servers do
    if flask_app is not None:
        cli: Any = importlib.import_module("flask.cli")
        return cli.ScriptInfo(app_import_path=flask_app or None).load_app()
    module = importlib.import_module(target) if _is_module(target) else None
    if module is not None and (
        hasattr(module, "INSTALLED_APPS") or hasattr(module, "ROOT_URLCONF")
    ):
        return _load_django(target)
    return diagnostics.load(target)


def _is_module(target: str) -> bool:
    return bool(target) and all(part.isidentifier() for part in target.split("."))


def _load_django(settings_module: str) -> Any:
    os.environ["DJANGO_SETTINGS_MODULE"] = settings_module
    django: Any = importlib.import_module("django")
    django.setup()
    settings: Any = importlib.import_module("django.conf").settings
    named = getattr(settings, "WSGI_APPLICATION", None) or getattr(settings, "ASGI_APPLICATION", "")
    if named:
        return importlib.import_module("django.utils.module_loading").import_string(named)
    return importlib.import_module("django.core.wsgi").get_wsgi_application()


def import_failed(target: str, error: BaseException) -> Finding:
    """Return the finding of *error*: its class and place; its text may have a secret."""
    if isinstance(error, SyntaxError):
        place = f"{error.filename}, line {error.lineno}"
        hint = "Correct it."
    else:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [each for each in frames if "sentryinit_cli" not in each.filename]
        last = ours[-1] if ours else frames[-1]
        place, hint = f"{last.filename}, line {last.lineno}", "Correct what it raises."
        if "_serving" in last.filename:
            # Of our own loader: it names the target.
            return found("target-wrong", text=error)
        if _module_of(error).startswith("sentryinit."):
            # Our own texts have no secret.
            if isinstance(error, RuntimeError):
                return found("required", text=error)
            if isinstance(error, (TypeError, ValueError)):
                return found("settings-refused", text=error)
    if isinstance(error, ModuleNotFoundError) and error.name:
        hint = f"{error.name} is not installed here: run it in the environment of the application."
    return found("import-failed", target=target, error=type(error).__name__, place=place, hint=hint)


def _module_of(error: BaseException) -> str:
    """Return the module that raised *error*."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return str(last.tb_frame.f_globals.get("__name__", "")) if last is not None else ""


def kind_of(app: Any) -> str:
    """Return ``wsgi``, ``asgi`` or ``aiohttp``; an empty text if it is no application."""
    if framework_of(app) == "aiohttp":
        return "aiohttp"
    if not callable(app) or isinstance(app, type):
        return ""
    call = getattr(app, "__call__", app)  # noqa: B004 # not whether it is callable
    if inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(call):
        return "asgi"
    try:
        # Of an instance whose class has a bound method as __call__, as Falcon's has once it is set
        # up, Python 3.10 takes away one argument too many.
        subject = app if inspect.isroutine(app) else call
        given = inspect.signature(subject).parameters.values()
    except (TypeError, ValueError):
        return "wsgi"
    needed = [
        each for each in given if each.default is each.empty and each.kind < each.VAR_POSITIONAL
    ]
    return {2: "wsgi", 3: "asgi"}.get(
        len(needed), "wsgi" if any(e.kind is e.VAR_POSITIONAL for e in given) else ""
    )


def framework_of(app: Any) -> str:
    """Return the framework of *app*, by the packages of its classes; else an empty text."""
    if isinstance(app, type):
        return ""
    names = [each.__module__.partition(".")[0] for each in type(app).__mro__]
    classes = {each.__qualname__ for each in type(app).__mro__}
    is_app = classes & {"Flask", "App", "Starlette", "FastAPI", "Application", "BaseHandler"}
    return next((name for name in names if name in ADAPTERS), "") if is_app else ""


def layers(app: Any) -> list[Any]:
    """Return *app* and what is inside of it, down to the application of a framework."""
    chain = [app]
    while len(chain) < _MOST_LAYERS and not framework_of(chain[-1]):
        inner = _inner(chain[-1])
        if inner is None or any(inner is each for each in chain):
            break
        chain.append(inner)
    return chain


def _inner(layer: Any) -> Any:
    routed = getattr(layer, "application_mapping", None)  # that of Django Channels
    if isinstance(routed, dict):
        return routed.get("http")
    for name in _INNER:
        with contextlib.suppress(Exception):
            inner = getattr(layer, name, None)
            if callable(inner) or framework_of(inner):
                return inner
    cells = getattr(layer, "__closure__", None) or ()
    for cell in cells:
        with contextlib.suppress(ValueError):  # an empty cell
            if isinstance(cell.cell_contents, BOUNDARIES) or framework_of(cell.cell_contents):
                return cell.cell_contents
    return None


def wiring(app: Any) -> Iterator[Finding]:
    """Yield whether the boundary is there, and outermost."""
    chain = layers(app)
    around = [each for each in chain if isinstance(each, BOUNDARIES)]
    framework = framework_of(chain[-1])
    outside = _names(chain[: chain.index(around[0])] if around else chain[:-1])
    findings = list(_inside(chain[-1], framework, bool(around)))
    is_there = bool(around) or (framework and not any(each.level == "error" for each in findings))
    if not is_there and not framework:
        hint = "Wrap it: app = SentryInitMiddleware(app), of sentryinit.wsgi or sentryinit.asgi."
        yield of_problem(adapters.no_boundary(hint))
    elif is_there and outside:
        names = ", ".join(outside)
        text = f"Outside of sentryinit's middleware: {names}; errors there are not reported."
        hint = "Put SentryInitMiddleware of sentryinit.wsgi or sentryinit.asgi around them."
        yield found("middleware-order", 9, text=text, hint=hint)
    if is_there and not any(each.id == "middleware-order" for each in findings) and not outside:
        yield found("middleware", where=", outermost")
    yield from findings


def _names(outside: list[Any]) -> list[str]:
    named = [getattr(each, "__qualname__", "") or type(each).__qualname__ for each in outside]
    roots = [
        (getattr(each, "__module__", "") or type(each).__module__ or "").partition(".")[0]
        for each in outside
    ]
    return [name for name, root in zip(named, roots, strict=True) if root not in _HARMLESS]


def _inside(app: Any, framework: str, has_outer: bool) -> Iterator[Finding]:  # noqa: FBT001 # private
    """Yield what the adapter of *framework* says about *app*."""
    if not framework:
        return
    adapter = ADAPTERS[framework]
    names = {"framework": framework, "wheel": f"sentryinit-{adapter}"}
    module = diagnostics.frameworks().get(adapter)
    if module is None:
        yield found("middleware-generic" if has_outer else "adapter-missing", **names)
        return
    problems = list(module.problems(app))
    is_missing = any(each.number == _MISSING for each in problems)
    if has_outer:
        yield found("middleware-generic" if is_missing else "middleware-both", **names)
    for problem in problems:
        if not (has_outer and problem.number in {9, _MISSING}):
            yield of_problem(problem)
