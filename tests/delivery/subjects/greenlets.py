"""A gevent program, patched before everything else: ``python -m subjects.greenlets``."""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

from subjects import program  # noqa: E402 # patched before it imports

if __name__ == "__main__":
    program.script()
