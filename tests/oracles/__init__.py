"""Models written naively, straight from their specs."""
