"""Measurements of speed and memory; each script prints one line an item and writes into reports/performance/."""
