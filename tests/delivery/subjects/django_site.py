"""Settings and pages of a Django project."""

from __future__ import annotations

import asyncio

from django.http import HttpRequest, HttpResponse
from django.urls import path

from subjects import work

DEBUG = False
SECRET_KEY = "only for these tests"
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["subjects.stock", "sentryinit_django"]
MIDDLEWARE = ["sentryinit_django.middleware.SentryInitMiddleware"]
ROOT_URLCONF = "subjects.django_site"


def fail(request: HttpRequest) -> HttpResponse:
    work.fail()
    return HttpResponse()


async def late(request: HttpRequest) -> HttpResponse:
    work.say("working")
    await asyncio.sleep(1)
    work.fail()
    return HttpResponse()


urlpatterns = [path("fail", fail), path("late", late)]
