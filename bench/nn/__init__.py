"""What model files may share."""
