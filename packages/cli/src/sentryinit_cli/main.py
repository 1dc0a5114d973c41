"""The commands and their options."""

from __future__ import annotations

import click


@click.group()
@click.version_option(package_name="sentryinit-cli")
def cli() -> None:
    """Explain how a service reports its errors, and prove that they arrive."""


def run() -> None:
    """Run the command of this process."""
    cli()
