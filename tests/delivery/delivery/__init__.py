"""What is delivered when a process ends, or its backend is away: cases, backend, runner.

``python -m delivery`` runs all cases many times; ``test_delivery.py`` runs each of them once.
"""
