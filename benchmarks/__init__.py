"""Measurements of speed and memory; each script prints one line per item and writes to reports/performance/."""
