"""The search for a model's settings: a fixed number of trials, judged on validation only."""
