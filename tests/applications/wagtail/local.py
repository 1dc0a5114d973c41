"""The settings file mysite/settings/local.py of a project that ``wagtail start`` has made."""

from __future__ import annotations

from .base import INSTALLED_APPS, MIDDLEWARE

SECRET_KEY = "of a site that lives for a minute"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["sentryinit_django", *INSTALLED_APPS]
MIDDLEWARE = ["sentryinit_django.middleware.SentryInitMiddleware", *MIDDLEWARE]
