"""The shop on Starlette and FastAPI, without sentryinit."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from apps import bare_shop as shop


async def price(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(shop.price(7)))


def create_app() -> Starlette:
    return Starlette(routes=[Route("/orders/{order_id}/price", price)])


app = application = create_app()
fastapi_app = FastAPI()


@fastapi_app.get("/orders/{order_id}/price")
def fastapi_price(order_id: int) -> str:
    return str(shop.price(order_id))
