"""Django with asynchronous views under WSGI, with one middleware entry, with the REST framework."""

from __future__ import annotations

from typing import Any, ClassVar

import sentryinit_testkit as testkit

from .django import DjangoDriver, respond


class AsyncDjangoDriver(DjangoDriver):
    """Asynchronous views under WSGI."""

    variant = "async"

    def view(self, spec: testkit.AppSpec) -> Any:
        """Return the view."""

        async def order(request: Any, order_id: str) -> Any:
            return respond(await spec.arun(lambda: request.body))

        return order


class AloneDjangoDriver(DjangoDriver):
    """One entry in MIDDLEWARE: it does not see exceptions that another middleware answers."""

    variant = "alone"
    unsupported: ClassVar = DjangoDriver.unsupported | {"evidence"}
    last: ClassVar = []


class RestDjangoDriver(DjangoDriver):
    """Views of the REST framework, which has HTTP exceptions for any status."""

    variant = "rest"
    unsupported: ClassVar = frozenset({"inside"})

    def view(self, spec: testkit.AppSpec) -> Any:
        """Return the view."""
        # The import reads the settings.
        from rest_framework.views import APIView

        class Order(APIView):
            def get(self, request: Any, order_id: str) -> Any:
                return respond(spec.run(lambda: request.body))

            post = get

        return Order.as_view()

    def abort(self, status: int) -> BaseException:
        """Return the framework's exception."""
        from rest_framework.exceptions import APIException

        error = APIException()
        error.status_code = status
        return error


DRIVERS = [AsyncDjangoDriver(), AloneDjangoDriver(), RestDjangoDriver()]
