"""How numbers are measured: candidates, ranks, metrics."""
