"""The baselines, each in one file or one package."""
