"""What freezer-paste.ini names, and what uWSGI loads."""

from __future__ import annotations

from typing import Any

from freezer_api.service import freezer_appv2_factory, initialize_app

import sentryinit_falcon
from sentryinit.wsgi import SentryInitMiddleware


def api(global_conf: Any, **conf: Any) -> Any:
    """Return Freezer's own Falcon application, observed."""
    app = freezer_appv2_factory(global_conf, **conf)
    sentryinit_falcon.install(app)
    return app


# Its middlewares answer some requests without the application.
application = SentryInitMiddleware(initialize_app())
