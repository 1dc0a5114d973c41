"""Watch for servers and frameworks, in each process below ``python -m sentryinit run``.

Python imports this module at its start. It imports nothing of ours until one of them is imported.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

# The modules of servers that load applications. Each entry is a function in it: it returns the
# application, or, after the colon, takes it as this argument; with "-", it only imports it. With
# "self" the function is a method of an application, of any that serves; with "self.*" it makes what
# a boundary goes around.
LOADERS: dict[str, tuple[str, ...]] = {
    "aiohttp.web_runner": ("AppRunner.__init__:app",),
    "daphne.server": ("Server.__init__:application",),
    "daphne.utils": ("import_by_path:-",),
    "django.core.handlers.base": ("BaseHandler.load_middleware:self.*",),
    "django.core.management": (),
    "falcon.app": ("App.__call__:self",),
    "falcon.asgi.app": ("App.__call__:self",),
    "fastapi.applications": ("FastAPI.build_middleware_stack:self",),
    "flask.app": ("Flask.__call__:self",),
    "granian._internal": ("load_target",),
    "gunicorn.app.base": ("BaseApplication.wsgi",),
    "hypercorn.utils": ("wrap_app:app", "load_application:-"),
    "pyuwsgi": (),
    "starlette.applications": ("Starlette.build_middleware_stack:self",),
    "uvicorn.config": ("Config.load_app",),
    "waitress.runner": ("pkgutil.resolve_name",),
    "waitress.server": ("create_server:application",),
    "wsgiref.simple_server": ("WSGIServer.set_app:application",),
}


class _Loader:
    """Runs a module, then has us patch it; for uWSGI, which has no Python loader, the target."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def exec_module(self, module: Any) -> None:
        """Run *module*, with its own loader."""
        module.__spec__.loader = module.__loader__ = self._loader
        try:
            from sentryinit._serving import loaders
        except ImportError:
            text = f"sentryinit is not installed for {sys.executable}: nothing is wrapped"
            sys.stderr.write(f"sentryinit run: {text}\n")
            self._loader.exec_module(module)
            return
        loaders.run(module, self._loader.exec_module, LOADERS.get(module.__name__))


class _Finder:
    """Finds what other finders find, of the modules that are watched."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return the spec of *name* with our loader, None if it is not watched."""
        if name not in LOADERS and not ("uwsgi" in sys.modules and _is_target(name)):
            return None
        # Not ours: with a target of ours below ``run`` there are two.
        for finder in [each for each in sys.meta_path if type(each).__name__ != "_Finder"]:
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader)  # type: ignore[assignment] # it behaves as one
                return spec
        return None


def _is_target(name: str) -> bool:
    if name.startswith("sentryinit"):
        return False
    from sentryinit._serving import uwsgi

    return name in uwsgi.targets()


def _watch_embedded() -> None:
    """Watch for files that uWSGI runs, if this Python is in another program, as uWSGI's is."""
    if not sys.orig_argv:
        with suppress(ImportError):
            from sentryinit._serving import uwsgi

            uwsgi.watch_files()


def _run_next(ours: Path) -> None:
    """Import the ``sitecustomize`` that is next on the path, which ours hides."""
    rest = [each for each in sys.path if not each or Path(each).resolve() != ours]
    spec = PathFinder.find_spec("sitecustomize", rest)
    if spec is not None and spec.loader is not None:
        from importlib.util import module_from_spec

        sys.modules["sitecustomize"] = module = module_from_spec(spec)
        spec.loader.exec_module(module)


def watch() -> None:
    """Watch for the modules that will be imported from now on."""
    # Whoever runs the code of others cannot change what it logs at ERROR (C2).
    os.environ["SENTRYINIT_LOG_EVENTS"] = os.environ.get("SENTRYINIT_LOG_EVENTS") or "failed"
    sys.meta_path.insert(0, _Finder())


if __name__ == "sitecustomize":
    watch()
    _watch_embedded()
    _run_next(Path(__file__).resolve().parent)
