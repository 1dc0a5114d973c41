"""No text makes masking slow: it takes as long as a text is long, whatever is in it."""

from __future__ import annotations

import time

import pytest

from sentryinit._redact import Redactor

MEBIBYTE = 2**20
PLAIN = "The order of the customer could not be found in the shop, and so nothing was sent. "
# What a pattern begins with, or goes on with, over and over; some in front of what they look for.
PIECES = (
    *("a", "@", "1", "1 ", "1.", ".", ":", "::", "a@", "a@a ", "@a.", "'", "\\'", "\0", "\n", "é"),
    *("eyJ", "_eyJ", "eyJa.", "AKIA", "ghp_", "sk-", "SG.aaaa", "QUJD1", "hooks.slack.com/"),
    *("://", "://a:", "://a:b@", "jdbc:oracle:thin:", "=", "a=", "password=", "password='"),
    *("password=[", "token:", '"token":"', "--token ", "<token>", "</", "%3D", "%26token%3D"),
    *("-----BEGIN ", "-----END ", "Bearer ", "Basic ", "cookie: ", "token={", "[secret]"),
    *("aa11", "DE89 3704", "1.1.1.1 ", "4111 ", "4111-", "%40", "a%40", "ip-1-1-1-1"),
)


def cost(redactor: Redactor, text: str, times: int = 5) -> float:
    """Return the seconds of processor time that *text* costs, the least of several."""
    found = []
    for _ in range(times):
        start = time.process_time()
        redactor.event({"extra": {"a": text}})
        found.append(time.process_time() - start)
    return min(found)


@pytest.mark.parametrize("piece", ["a", "@", "1", "1234567890"])
def test_a_mebibyte_of_one_thing(piece: str) -> None:
    """It costs at most three times what a plain text of that length does."""
    redactor = Redactor()
    plain, long = ((text * (MEBIBYTE // len(text) + 1))[:MEBIBYTE] for text in (PLAIN, piece))

    # Machines that run this are shared: the best of three.
    assert min(cost(redactor, long) / cost(redactor, plain) for _ in range(3)) <= 3


@pytest.mark.parametrize("piece", PIECES)
def test_four_times_the_length(piece: str) -> None:
    """It costs about four times as much, and nowhere near sixteen times."""
    redactor = Redactor(limit=10**6)
    texts = ["a@b " + (piece * size)[:size] + "@ = : token=x eyJ 1.1.1.1" for size in (5000, 20000)]
    short, long = (cost(redactor, text, 3) for text in texts)

    assert long <= 10 * short
