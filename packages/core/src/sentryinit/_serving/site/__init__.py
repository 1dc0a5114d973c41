"""The folder that ``python -m sentryinit run`` puts on PYTHONPATH."""
