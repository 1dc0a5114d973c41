"""What type checkers tell users about hooks and the values of options. Checked, never run."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from typing import Any

from sentry_sdk.types import Breadcrumb, BreadcrumbHint, Event, Hint

from sentryinit import init


def scrub(event: Event, hint: Hint) -> Event | None:
    """A hook with the types of sentry_sdk."""
    return None if hint else event


def scrub_dict(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any] | None:
    """A hook with plain types."""
    return None if hint else event


def scrub_mapping(event: Mapping[str, Any], _hint: Any) -> dict[str, Any]:
    """A hook that takes more than it gets."""
    return dict(event)


def scrub_names(names: list[str], event: Event, _hint: Hint) -> Event:
    """A hook with an argument of its own."""
    assert names
    return event


class Scrubber:
    """Hooks that are an object and a method."""

    def __call__(self, event: Event, hint: Hint) -> Event | None:
        return event if self.scrub(event, hint) else None

    def scrub(self, event: Event, hint: dict[str, Any]) -> dict[str, Any] | None:
        """A hook with both kinds of types."""
        return dict(event) if hint else None


init(before_send=scrub)
init(before_send=scrub_dict)
init(before_send=scrub_mapping)
init(before_send=functools.partial(scrub_names, ["iban"]))
init(before_send=Scrubber())
init(before_send=Scrubber().scrub)
init(before_send=lambda event, hint: None if "exc_info" in hint else event)


def shorten(crumb: Breadcrumb, _hint: BreadcrumbHint) -> Breadcrumb | None:
    """A hook with the types of sentry_sdk."""
    return crumb


init(before_breadcrumb=shorten)
init(before_breadcrumb=scrub_dict)
init(before_breadcrumb=lambda crumb, _hint: crumb)


def sample(event: Event, _hint: Hint) -> float:
    """A sampler with the types of sentry_sdk."""
    return 0.5 if event.get("level") == "error" else 1


def sample_dict(_event: dict[str, Any], hint: dict[str, Any]) -> float | bool:
    """A sampler with plain types."""
    return bool(hint) or 0.5


init(error_sampler=sample)
init(error_sampler=sample_dict)
init(error_sampler=lambda event, _hint: event.get("level") == "error")


async def later(event: Event, _hint: Hint) -> Event:
    """No hook: nobody awaits it."""
    return event


def of_one(event: Event) -> Event:
    """No hook: it takes one argument."""
    return event


init(before_send=later)  # type: ignore[arg-type] # a coroutine function
init(before_send=of_one)  # type: ignore[arg-type] # two arguments
init(before_send=sample)  # type: ignore[arg-type] # it returns an event or None
init(before_send="shop.hooks:scrub")  # type: ignore[arg-type] # a name is for the environment
init(before_breadcrumb=of_one)  # type: ignore[arg-type] # two arguments
init(error_sampler=scrub)  # type: ignore[arg-type] # it returns a number

# None is not given: a variable may not be set.
init(dsn=os.environ.get("ORDERS_DSN"), before_send=None, mask_keys=None)
# A single item is a list of one; any collection is a list.
init(ignore_errors=KeyError, ignore_paths="/healthz", ignore_statuses=503, collect="query")
init(ignore_errors={KeyError, "app.Gone"}, mask_keys=frozenset(["iban"]), collect=("query",))
init(collect=["query", "cookies"], mask_ip="network", ignore_statuses=range(500, 510))

init(collect=["body"])  # type: ignore[list-item] # it is never collected
init(collect="body")  # type: ignore[arg-type] # likewise
init(mask_ip="nope")  # type: ignore[arg-type] # whole or network
init(ignore_errors=503)  # type: ignore[arg-type] # a class
init(ignore_paths=503)  # type: ignore[arg-type] # a path
init(mask_keys=b"iban")  # type: ignore[arg-type] # text
