"""Measure the CPU time of one start-up; import nothing before it."""

from __future__ import annotations

import sys
import time

if __name__ == "__main__":
    case, variant = sys.argv[1:]
    # The SDK imports Django if it is installed.
    if "Django" not in case:
        sys.modules["django"] = None  # type: ignore[assignment] # as if it were not installed
    dsn = "https://5e9b0ac1f4de47d08c63b2a7915fd30e@sentryinit.invalid/1"
    if case.startswith("with a DSN"):
        import sentry_sdk
    begun = time.process_time()
    if case == "import sentry_sdk":
        import sentry_sdk
    elif variant == "ours":
        import sentryinit

        sentryinit.init("shop", dsn=dsn if case.startswith("with") else None)
    else:
        slim = {"default_integrations": False, "auto_enabling_integrations": False}
        sentry_sdk.init(dsn=dsn, **(slim if variant == "slim" else {}))
    taken = (time.process_time() - begun) * 1e3
    assert ("sentry_sdk" in sys.modules) is (case != "no DSN")
    print(f'{{"value": {taken}}}')  # noqa: T201 # json is an import
