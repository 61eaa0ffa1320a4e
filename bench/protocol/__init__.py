"""What a number means: candidates, ranks, metrics."""
