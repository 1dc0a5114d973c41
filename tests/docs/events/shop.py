"""A service of Flask: it fails in each way that a request can fail."""

from __future__ import annotations

import logging
import time

import flask

import sentryinit
from sentryinit_flask import SentryInit, debug_panic

app = flask.Flask("shop")
SentryInit(app)
app.add_url_rule("/debug/sentry-panic", view_func=debug_panic)
log = logging.getLogger("orders")
log.setLevel(logging.INFO)
PRICES = {"tea": 4}


@app.get("/orders/<int:order_id>")
def order(order_id: int) -> str:
    log.info("order %s is read", order_id)
    item = "coffee"
    try:
        price = PRICES[item]
    except KeyError as error:
        raise LookupError(f"order {order_id} has no price") from error
    return str(price)


@app.get("/stock")
def stock() -> tuple[str, int]:
    return "the stock is being counted", 503


@app.get("/mail/<int:order_id>")
def mail(order_id: int) -> str:
    log.error("no mail for order %s", order_id)
    return "sent without a mail"


@app.get("/rates/<currency>")
def rates(currency: str) -> tuple[str, int]:
    return f"no rate for {currency}", 502


DEBUG = {"X-Sentryinit-Debug-Token": "v7Qm2xZr9KpL4sTn8bWc", "X-Sentryinit-Nonce": "run-4711"}


def main() -> None:
    client = app.test_client()
    curl = {"User-Agent": "curl/8.14.1"}
    for path in ("/orders/17", "/stock", "/mail/17"):
        client.get(path, headers=curl)
    client.get("/debug/sentry-panic", headers=curl | DEBUG)
    # Two at once leave, and then one in three seconds.
    for _ in range(4):
        client.get("/rates/EUR", headers=curl)
    time.sleep(3.1)
    for _ in range(3):
        client.get("/rates/EUR", headers=curl)
    sentryinit.init()()


if __name__ == "__main__":
    main()
