"""FastAPI that calls ``sentry_sdk.init`` in its lifespan, as LiteLLM's proxy does."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import AsyncIterator

import sentry_sdk
from fastapi import FastAPI

from apps import bare_shop as shop

logger = logging.getLogger("proxy")


@contextlib.asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    sentry_sdk.init(dsn=os.environ["FOREIGN_DSN"], traces_sample_rate=1.0)
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/orders/{order_id}")
async def show(order_id: int) -> str:
    with sentry_sdk.start_span(op="work", name="show"):
        logger.error("order %s is shown", order_id) if order_id == 9 else None
    return "an order"


@app.get("/orders/{order_id}/price")
async def price(order_id: int) -> str:
    return str(shop.price(order_id))


@app.get("/orders/{order_id}/sync")
def sync(order_id: int) -> str:
    return str(shop.price(order_id))


@app.get("/orders/{order_id}/captured")
async def captured(order_id: int) -> str:
    try:
        return str(shop.price(order_id))
    except LookupError as error:
        sentry_sdk.capture_exception(error)
        logger.exception("no price")
        raise
