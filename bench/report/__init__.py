"""Records to tables; needs no torch."""
