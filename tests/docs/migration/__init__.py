"""Run applications as they were before and are after a migration, and compare what each reports."""
