"""Commands of the project in manage.py."""
