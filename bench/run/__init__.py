"""Which jobs, one job, many jobs."""
