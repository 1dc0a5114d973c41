"""Names of applications, what a server loads, and the command that runs a server."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import inspect
import sys
import types
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from sentryinit import __main__ as program
from sentryinit import asgi, wsgi
from sentryinit._policy.application import _APP
from sentryinit._serving import loaders, objects, target, targets, uwsgi, wrapper
from sentryinit._serving.site import sitecustomize
from sentryinit.testing import capture


def application(environ: Any, start_response: Any) -> list[bytes]:
    return []


HTTP = {"type": "http", "method": "GET", "scheme": "http", "headers": [], "query_string": b""}


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    pass


def create_app(name: str = "", *, more: int = 0) -> Callable[..., Any]:
    return application


@pytest.fixture(autouse=True)
def shop(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A module ``shop`` with applications."""
    module = types.ModuleType("shop")
    vars(module).update(
        application=application, create_app=create_app, inner=types.SimpleNamespace(app=asgi_app)
    )
    monkeypatch.setitem(sys.modules, "shop", module)
    return module


@pytest.mark.parametrize(
    "name,expected",
    [
        ("shop", application),
        (" shop:application ", application),
        ("shop:inner.app", asgi_app),
        ("shop:create_app()", application),
        ("shop:create_app('x', more=1)", application),
    ],
)
def test_load_takes_the_names_that_servers_take(name: str, expected: object) -> None:
    """An attribute, with dots or as a call with literals; without one, ``application``."""
    assert targets.load(name) is expected


def test_load_takes_app_without_application(shop: types.ModuleType) -> None:
    """``application`` precedes ``app``."""
    shop.app = asgi_app  # type: ignore[attr-defined] # a module of this test
    assert targets.load("shop") is application
    del shop.application
    assert targets.load("shop") is asgi_app


@pytest.mark.parametrize(
    "name,error",
    [
        ("", ValueError),
        ("shop:", ValueError),
        ("shop..x:app", ValueError),
        ("shop:a b", ValueError),
        ("shop:apps['x']", ValueError),
        ("shop:create_app(other)", ValueError),
        ("nothing.here:app", ImportError),
        ("shop.nothing:app", ImportError),
        ("shop:nothing", ImportError),
        ("json", ImportError),
    ],
)
def test_load_names_what_is_wrong(name: str, error: type[Exception]) -> None:
    """The message has the text that is no application, and where it is from."""
    with pytest.raises(error) as caught:
        targets.load(name, "SENTRYINIT_APP=")
    assert f"SENTRYINIT_APP={name!r}" in str(caught.value)


def test_load_raises_what_the_module_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module that the application imports, and that is not there, is its own failure."""
    (tmp_path / "shop_needs.py").write_text("import what_is_not_here\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'what_is_not_here'$"):
        targets.load("shop_needs:app")


class Wsgi:
    """An application that is an object."""

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        return []


class Asgi:
    """An application that is an object."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


@pytest.mark.parametrize(
    "app,boundary",
    [(application, wsgi), (Wsgi(), wsgi), (asgi_app, asgi), (Asgi(), asgi)],
)
def test_wrap_finds_the_interface(app: Any, boundary: types.ModuleType) -> None:
    """The boundary is that of WSGI or ASGI, as the callable is; it is not wrapped twice."""
    with capture():
        wrapped = wrapper.wrap(app, "gunicorn")
        assert isinstance(wrapped, boundary.SentryInitMiddleware)
        assert wrapper.wrap(wrapped, "gunicorn") is wrapped
        outer: Any = Wsgi()
        outer.app = wrapped
        assert wrapper.wrap(outer, "gunicorn") is outer


def either(*arguments: Any) -> Any:
    """Fail with what it is called for; its signature does not tell."""

    async def fail() -> None:
        raise LookupError(arguments)

    if len(arguments) == 3:
        return fail()
    raise LookupError(arguments)


def more(environ: Any, start_response: Any, more: object = None) -> list[bytes]:
    """Serve WSGI; a server never gives the third argument."""
    raise LookupError(more)


@pytest.mark.parametrize("app", [either, more])
def test_wrap_leaves_the_interface_to_the_call(app: Any) -> None:
    """Where the callable takes two arguments and three, the call decides, for each request."""
    with capture() as box:
        wrapped = wrapper.wrap(app, "uvicorn")
        assert not inspect.iscoroutinefunction(wrapped.__call__)
        assert wrapper.wrap(wrapped, "uvicorn") is wrapped
        environ: dict[str, Any] = {}
        setup_testing_defaults(environ)
        with pytest.raises(LookupError):
            wrapped(environ, None)
        if app is either:
            with pytest.raises(LookupError):
                asyncio.run(wrapped({**HTTP, "path": "/"}, None, None))
    kinds = [event["exception"]["values"][-1]["mechanism"]["type"] for event in box.events]
    assert kinds == (["wsgi", "asgi"] if app is either else ["wsgi"])


@pytest.mark.parametrize("app", [application, asgi_app])
def test_wrap_is_the_application_itself_where_off(app: Any) -> None:
    """Without a DSN nothing is wrapped (E3)."""
    with capture(dsn=""):
        assert wrapper.wrap(app, "gunicorn") is app


def test_wrap_takes_a_factory() -> None:
    """What a factory makes is wrapped; the name of the factory stays."""
    with capture():
        factory = wrapper.wrap(create_app, "uvicorn")
        assert factory.__name__ == "create_app"
        assert isinstance(factory(), wsgi.SentryInitMiddleware)
        assert factory("with an argument") is application


class Rsgi:
    """An application of granian's own interface."""

    def __rsgi__(self, scope: Any, protocol: Any) -> None: ...

    def __call__(self, environ: Any, start_response: Any) -> None: ...


@pytest.mark.parametrize("app", [lambda scope: None, Rsgi(), "shop:app", object()])
def test_wrap_says_what_it_cannot_wrap(app: Any, said: Any) -> None:
    """It is served as it is, and a warning says so, once."""
    wrapper._warn.cache_clear()
    with capture():
        assert [wrapper.wrap(app, "granian") for _ in range(2)] == [app, app]
    (text,) = said()
    assert text.startswith("cannot wrap what granian serves")


def test_wrap_names_the_wheel_of_a_framework(said: Any) -> None:
    """A framework without its adapter gets the generic boundary, and a line names the wheel."""
    wrapper._warn.cache_clear()
    app = type("Flask", (Wsgi,), {"__module__": "flask.app"})()
    with capture():
        assert isinstance(wrapper.wrap(app, "gunicorn"), wsgi.SentryInitMiddleware)
    (text,) = said()
    assert text.endswith("install sentryinit-flask")


def test_failing_import_is_reported() -> None:
    """An application that cannot be imported is one event, and still an error of the server."""

    def load() -> None:
        raise LookupError("at import")

    with capture() as mailbox:
        with pytest.raises(LookupError):
            wrapper.load(load)
        assert len(mailbox.events) == 1


EARLY = """
import sentryinit
from sentryinit._serving import wrapper
from sentryinit._state import STATE
wrapper.load(lambda: None)
print(sentryinit.is_on(), STATE.settings.service)
sentryinit.init("shop", environment="tests")
print(sentryinit.is_on(), STATE.settings.service, STATE.settings.environment)
"""


def test_the_set_up_of_the_application_counts(child: Any) -> None:
    """``init`` before the import is for that time; the first call of the application counts."""
    done = child(EARLY, prelude="", SENTRY_DSN="http://key@127.0.0.1:1/1")
    assert done.out.split("\n")[:2] == ["True unknown_service", "True shop tests"]
    assert done.err == ""


def test_a_name_that_has_moved_is_said(said: Any) -> None:
    """A server whose loader has another name, or other arguments, is served without us."""
    module = types.ModuleType("gunicorn.app.base")
    module.load = lambda other: other  # type: ignore[attr-defined] # a module of this test
    loaders.run(module, lambda _: None, ("Application.wsgi", "load:app", "load"))
    moved, changed = said()
    assert moved.startswith(
        "cannot wrap what gunicorn loads: its gunicorn.app.base.Application.wsgi"
    )
    assert "it has no argument app" in changed
    with capture():
        assert isinstance(module.load(application), wsgi.SentryInitMiddleware)


def test_the_target_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """``SENTRYINIT_APP`` is needed only by a server that has the target."""
    for name in ("", "sentryinit.wsgi:application"):
        monkeypatch.setenv("SENTRYINIT_APP", name)
        with pytest.raises(ValueError, match=r"^SENTRYINIT_APP.*expected module:attribute"):
            _ = wsgi.application
    monkeypatch.setenv("SENTRYINIT_APP", "shop")
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    with capture():
        try:
            assert isinstance(wsgi.application, wsgi.SentryInitMiddleware)
            assert asgi.application is wsgi.application
            assert type(sys.meta_path[0]) is sitecustomize._Finder
        finally:
            target.application.cache_clear()
    with pytest.raises(AttributeError):
        _ = wsgi.other  # type: ignore[attr-defined] # it is not there


def test_an_attribute_that_the_application_misses_is_no_missing_target(
    shop: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server takes an ``AttributeError`` for the name of our target, and hides the failure."""
    shop.create = lambda: shop.nothing  # type: ignore[attr-defined] # as an application does
    monkeypatch.setenv("SENTRYINIT_APP", "shop:create()")
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    with (
        pytest.raises(ImportError, match="cannot be loaded: module 'shop' has no attribute"),
        capture() as mailbox,
    ):
        _ = wsgi.application
    (event,) = mailbox.events
    assert event["exception"]["values"][-1]["type"] == "AttributeError"


@pytest.fixture
def uwsgi_options(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The options of uWSGI, whose module is there only in its processes."""
    options: dict[str, Any] = {"enable-threads": True, "py-call-uwsgi-fork-hooks": True}
    monkeypatch.setitem(sys.modules, "uwsgi", types.SimpleNamespace(opt=options))  # type: ignore[arg-type] # as a module
    uwsgi.targets.cache_clear()
    yield options
    uwsgi.targets.cache_clear()


def test_uwsgi_names_its_targets(uwsgi_options: dict[str, Any]) -> None:
    """By module and by mount point; a module may end like a file."""
    uwsgi_options |= {"module": b"shop.wsgi", "callable": b"create()", "mount": [b"/a=b:c", b"/"]}
    assert uwsgi.targets() == {"shop.wsgi": "create()", "b": "c"}


@pytest.mark.parametrize(
    "words,flags",
    [
        (["/usr/bin/python3", "-sE", "x.py", "-I"], "sE"),
        (["/usr/bin/env", "-S", "python3", "-I"], "I"),
        (["python", "-X", "E", "-WI", "-m", "x"], ""),
        (["gunicorn", "-E"], ""),
        ([], ""),
    ],
)
def test_flags_are_those_of_python(words: list[str], flags: str) -> None:
    """The arguments of a program are not flags of Python."""
    assert "".join(program._flags(words)) == flags


def test_a_shebang_that_ignores_the_path_is_said(tmp_path: Path) -> None:
    """Such a script of Python runs nothing of ours."""
    script = tmp_path / "gunicorn"
    script.write_text("#!/usr/bin/python3 -E\n")
    (doubt,) = program._doubts([str(script), "shop:app"], str(script))
    assert doubt.startswith("/usr/bin/python3 is called with -E")
    script.write_text("#!/usr/bin/python3\n")
    assert list(program._doubts([str(script), "shop:app"], str(script))) == []


def test_watched_modules_have_spec_and_loader(tmp_path: Path) -> None:
    """A watched module ends with its own loader; others are not looked at."""
    finder = sitecustomize._Finder()
    assert finder.find_spec("json") is None
    assert finder.find_spec("daphne.nothing") is None


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package with a loader, which is watched as those of servers are."""
    (tmp_path / "fakeserver.py").write_text("def serve(app):\n    return app\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(sitecustomize.LOADERS, "fakeserver", ("serve:app",))
    monkeypatch.setattr(sys, "meta_path", [sitecustomize._Finder(), *sys.meta_path])
    yield "fakeserver"
    sys.modules.pop("fakeserver", None)


def test_a_watched_server_is_patched_when_it_is_imported(server: str) -> None:
    """Its loader gets the application in the boundary; the module has its own loader again."""
    module = importlib.import_module(server)
    assert not isinstance(module.__loader__, sitecustomize._Loader)
    assert module.__spec__ is not None
    assert module.__spec__.loader is module.__loader__
    with capture():
        assert isinstance(module.serve(application), wsgi.SentryInitMiddleware)


def test_a_python_without_us_is_served_and_said(
    server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server in another environment runs as it is; one line says that nothing is wrapped."""
    monkeypatch.setitem(sys.modules, "sentryinit._serving", None)
    module = importlib.import_module(server)
    assert module.serve(application) is application
    assert "sentryinit is not installed for" in capsys.readouterr().err


class Framework:
    """The class of an application of a framework, and the adapter's wiring for it."""

    def __init__(self) -> None:
        self.wrapped = 0

    def __call__(self, environ: Any) -> tuple[int, Any]:
        return self.wrapped, environ

    def load(self) -> None:
        self.wrapped += 10

    async def serve(self, scope: Any) -> tuple[int, Any]:
        return self.wrapped, scope


@pytest.fixture
def framework(monkeypatch: pytest.MonkeyPatch) -> type[Framework]:
    """A subclass of ``Framework`` with an adapter, which nothing has patched yet."""
    cls = type("Application", (Framework,), {})

    def wrap(app: Framework) -> None:
        app.wrapped += 1

    wiring = types.SimpleNamespace(wrap=wrap)
    monkeypatch.setattr(wrapper, "_wirings", lambda layers: [(each, wiring) for each in layers])
    return cls


@pytest.mark.parametrize("place", ["Application.__call__:self", "Application.serve:self"])
def test_an_application_is_set_up_when_it_serves(framework: Any, place: str) -> None:
    """Each one before its first call, and once; also one of a subclass."""
    loaders._patch(types.SimpleNamespace(__name__="fake", Application=framework), *place.split(":"))  # type: ignore[arg-type] # as a module
    is_async = inspect.iscoroutinefunction(framework.serve) and place.endswith("serve:self")

    def call(app: Any) -> Any:
        return asyncio.run(app.serve(7)) if is_async else app(7)

    with capture():
        for app in framework(), type("Mine", (framework,), {})():
            assert app.wrapped == 0
            assert [call(app), call(app)] == [(1, 7), (1, 7)]


def test_what_a_method_loads_is_set_up_after_it(framework: Any) -> None:
    """With ``self.*`` the boundary goes around what the method has made."""
    seen: list[int] = []
    wrapper._wirings([None])[0][1].wrap = lambda app: seen.append(app.wrapped)  # type: ignore[index] # a list here
    objects.watch(framework, "load", is_loader=True)
    with capture():
        app = framework()
        app.load()
        app.load()
    assert seen == [10]


def test_the_boundary_may_be_another_class(framework: Any) -> None:
    """As Falcon's: the first request of the application goes through it already."""

    def change(app: Any) -> None:
        app.__class__ = type("Reporting", (framework,), {"__call__": lambda self, _: "reported"})

    wrapper._wirings([None])[0][1].wrap = change  # type: ignore[index] # a list here
    objects.watch(framework, "__call__", is_loader=False)
    with capture():
        assert framework()(7) == "reported"


@pytest.mark.parametrize("place", ["__call__", "load"])
def test_where_nothing_is_reported_a_class_is_as_it_was(framework: Any, place: str) -> None:
    """The first application that serves gives back the method (E3)."""
    original = getattr(framework, place)
    objects.watch(framework, place, is_loader=place == "load")
    assert getattr(framework, place) is not original
    with capture(dsn=""):
        app = framework()
        assert app(7)[1] == 7 if place == "__call__" else app.load() is None
    assert getattr(framework, place) is original


@pytest.mark.parametrize("is_on", [True, False])
def test_the_patch_of_another_library_stays(framework: Any, *, is_on: bool) -> None:
    """It has come after ours: sentry-sdk's integrations patch the same methods (E3)."""
    objects.watch(framework, "__call__", is_loader=False)
    ours = framework.__call__
    framework.__call__ = lambda app, number: ("patched", *ours(app, number))
    with capture() if is_on else capture(dsn=""):
        app = framework()
        assert [app(7), app(8)] == [("patched", 1, 7), ("patched", 1, 8)]


def test_code_around_the_first_call_runs_once(framework: Any) -> None:
    """The boundary is another class, and a patch or a subclass has called the method."""
    seen: list[str] = []

    class Boundary:
        def __init__(self, app: Any) -> None:
            self._app = app

        def __call__(self, number: int) -> Any:
            seen.append("boundary")
            return self._app(number)

    def change(app: Any) -> None:
        call = Boundary(app.__call__).__call__
        app.__class__ = type("Reporting", (type(app),), {"__call__": call})

    class Mine(framework):  # type: ignore[misc] # a fixture
        def __call__(self, number: int) -> Any:
            seen.append("mine")
            return super().__call__(number)

    wrapper._wirings([None])[0][1].wrap = change  # type: ignore[index] # a list here
    objects.watch(framework, "__call__", is_loader=False)
    with capture():
        app = Mine()
        assert app(7) == (0, 7)
        assert seen == ["mine", "boundary"]
        assert app(8) == (0, 8)
    assert sorted(seen) == ["boundary", "boundary", "mine", "mine"]


def test_arguments_may_have_names(framework: Any) -> None:
    """As each caller of the framework's method may give them."""
    objects.watch(framework, "__call__", is_loader=False)
    objects.watch(framework, "serve", is_loader=False)
    with capture():
        assert framework()(environ=7) == (1, 7)
        assert asyncio.run(framework().serve(scope=7)) == (1, 7)


@pytest.mark.parametrize("place", ["__call__", "load"])
def test_an_application_that_is_dropped_is_freed(
    framework: Any, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Wagtail makes a handler of Django for each preview. The first one is no exception."""
    monkeypatch.setattr(_APP, "served", lambda: None)
    objects.watch(framework, place, is_loader=place == "load")
    with capture():
        app = framework()
        assert app(7)[1] == 7 if place == "__call__" else app.load() is None
        gone = weakref.ref(app)
        del app
        gc.collect()
        assert gone() is None


def test_a_framework_without_its_adapter_is_said(
    framework: Any, monkeypatch: pytest.MonkeyPatch, said: Any
) -> None:
    """One line names the wheel; the class is as it was, and what it serves too."""
    wrapper._warn.cache_clear()
    framework.__module__ = "flask.app"
    monkeypatch.setattr(wrapper, "_wirings", lambda _: [])
    objects.watch(framework, "__call__", is_loader=False)
    with capture():
        assert [framework()(7) for _ in range(2)] == [(0, 7)] * 2
    assert said() == [
        "an application has no adapter: its failures have no route, or no event; "
        "install sentryinit-flask"
    ]
    assert framework.__call__ is Framework.__call__


def test_the_next_sitecustomize_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours hides that of the user, and therefore runs it."""
    ours = Path(sitecustomize.__file__).resolve().parent
    (tmp_path / "sitecustomize.py").write_text("here = __file__\n")
    monkeypatch.setattr(sys, "path", [str(ours), str(tmp_path)])
    monkeypatch.delitem(sys.modules, "sitecustomize", raising=False)
    sitecustomize._run_next(ours)
    found = sys.modules.pop("sitecustomize")
    assert found.here == str(tmp_path / "sitecustomize.py")


def test_uwsgi_watches_its_targets(
    uwsgi_options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The module that uWSGI imports has its application in the boundary."""
    uwsgi_options["module"] = b"till:app"
    (tmp_path / "till.py").write_text("def app(environ, start_response):\n    return []\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", [sitecustomize._Finder(), *sys.meta_path])
    assert not sitecustomize._is_target("sentryinit.wsgi")
    with capture():
        try:
            module = importlib.import_module("till")
            assert isinstance(module.app, wsgi.SentryInitMiddleware)
        finally:
            sys.modules.pop("till", None)


@pytest.mark.parametrize("source", ["def application(a, b): ...", "1 / 0"])
def test_uwsgi_wraps_what_a_file_defines(
    uwsgi_options: dict[str, Any], monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    """A file is wrapped when it ends; one that fails is one event, and nothing is left behind."""
    bootstrap: Any = importlib._bootstrap_external  # type: ignore[attr-defined] # Python's own
    monkeypatch.setattr(bootstrap, "_fix_up_module", lambda *_: None)
    before, names = sys.gettrace(), {}
    with capture() as mailbox:
        uwsgi.watch_files()
        bootstrap._fix_up_module(names, "another", "x.py")
        assert sys.gettrace() is before
        bootstrap._fix_up_module(names, "uwsgi_file_x", "x.py")
        with contextlib.suppress(ZeroDivisionError):
            exec(compile(source, "x.py", "exec"), names)  # noqa: S102 # as uWSGI runs a file
        assert sys.gettrace() is before
    assert isinstance(names.get("application"), (wsgi.SentryInitMiddleware, type(None)))
    assert len(mailbox.events) == ("application" not in names)
