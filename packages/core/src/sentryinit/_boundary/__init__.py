"""One request, as an adapter sees it."""
