"""A module that cannot be imported."""

from __future__ import annotations

from apps import bare_shop as shop

app = application = shop.price(7)
