"""What the tests of the runbook run its blocks with."""
