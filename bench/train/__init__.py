"""Training, and the one place that meets RecBole."""
