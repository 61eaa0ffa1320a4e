"""The search for a model's settings: a budget of trials, on validation only."""
