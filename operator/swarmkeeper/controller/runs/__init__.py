"""RunbookRuns: requests for a runbook, carried out in the passes of the objects that they are for."""
