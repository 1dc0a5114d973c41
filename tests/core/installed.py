"""An application that is an installed distribution, with what it depends on, in a folder."""

from __future__ import annotations

from pathlib import Path

# By distribution: its files, and lines of its entry_points.txt.
DISTRIBUTIONS: dict[str, tuple[dict[str, str], str]] = {
    "label_shop-1.0": (
        {
            "label_shop/__init__.py": "",
            # The application does what a service does that sets itself up.
            "label_shop/wsgi.py": """
import sentryinit
from sentryinit.wsgi import SentryInitMiddleware
from label_core.views import respond

sentryinit.init("shop")
application = SentryInitMiddleware(respond)
""",
            "label_shop/by_company.py": """
import acme.company
from label_core.views import respond

application = acme.company.set_up(respond)
""",
            "label_shop/plain.py": """
from label_core.views import respond


def application(environ, start_response):
    return respond(environ, start_response)
""",
            "label_shop/asgi.py": """
from label_core.views import respond


async def application(scope, receive, send):
    if scope["type"] == "http":
        respond({"PATH_INFO": scope["path"]}, None)
""",
            "label_shop/framework.py": """
from sentryinit_starlette import SentryInitMiddleware
from starlette.applications import Starlette
from label_core.views import respond


def page(request):
    respond({"PATH_INFO": request.url.path}, None)


def create_app():
    app = Starlette()
    app.add_route("/{name}", page)
    app.add_middleware(SentryInitMiddleware)
    return app


app = create_app()
""",
            "label_shop/pages.py": """
from flask import Flask
from label_core.views import respond

app = Flask(__name__)


@app.get("/<name>")
def page(name):
    respond({"PATH_INFO": f"/{name}"}, None)
""",
            "label_shop/broken.py": """
import flask
from label_core.views import respond

respond({"PATH_INFO": "/orders"}, None)
""",
            "label_shop/cli.py": """
import sys


def main():
    import sentryinit
    from label_shop.wsgi import application
    for path in sys.argv[1:]:
        try:
            application({"PATH_INFO": path}, None)
        except LookupError:
            pass
    sentryinit.flush()
""",
            "label_shop/__main__.py": "from label_shop.cli import main\nmain()\n",
            "label_core/__init__.py": "",
            "label_core/views.py": """
import acme.tools
from acme.prices import price


def orders():
    acme.tools.query()


def invoices():
    acme.tools.query()


def first():
    price()


def second():
    price()


def respond(environ, start_response):
    acme.tools.call(globals()[environ["PATH_INFO"][1:]])
""",
            "acme/prices.py": "import acme.tools\n\n\ndef price():\n    acme.tools.query()\n",
        },
        "[console_scripts]\nlabel-shop = label_shop.cli:main\n",
    ),
    "acme_tools-2.0": (
        {
            "acme/tools.py": """
def query():
    raise LookupError("not found")


def call(function):
    function()
""",
        },
        "",
    ),
    "acme_company-3.0": (
        {
            "acme/company.py": """
import sentryinit
from sentryinit.wsgi import SentryInitMiddleware


def set_up(application):
    sentryinit.init("shop")

    @SentryInitMiddleware
    def guarded(environ, start_response):
        return application(environ, start_response)

    return guarded
""",
        },
        "[console_scripts]\nacme = acme.company:set_up\n",
    ),
}
# What of these is the application's.
OWN = {"label_shop", "label_core", "acme.prices"}

# As pip writes it.
SCRIPT = """\
#!/usr/bin/python3
import sys
from label_shop.cli import main
if __name__ == '__main__':
    sys.exit(main())
"""


def install(folder: Path) -> Path:
    """Install all in *folder*, as pip does; return the folder of the packages."""
    site = folder / "lib" / "site-packages"
    for name, (files, scripts) in DISTRIBUTIONS.items():
        metadata = site / f"{name}.dist-info"
        metadata.mkdir(parents=True)
        title, version = name.split("-")
        text = f"Metadata-Version: 2.1\nName: {title.replace('_', '-')}\nVersion: {version}\n"
        (metadata / "METADATA").write_text(text)
        (metadata / "entry_points.txt").write_text(scripts)
        record = [f"{metadata.name}/{each},," for each in ("METADATA", "RECORD")]
        if name == "label_shop-1.0":
            # What pip makes of an entry point, also on Windows; and a file of scripts.
            record += [f"../../bin/{each},," for each in ("label-shop", "label-shop.exe", "label")]
        for path, source in files.items():
            (site / path).parent.mkdir(exist_ok=True)
            (site / path).write_text(source)
            record.append(
                f"{path},sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,{len(source)}"
            )
        (metadata / "RECORD").write_text("\n".join([*record, ""]))
    # A broken one, and one without a list of its files.
    (site / "broken-1.0.dist-info").mkdir()
    (site / "broken-1.0.dist-info" / "RECORD").write_bytes(b"\xff\xfe\n")
    (site / "label_without-1.0.dist-info").mkdir()
    return site
