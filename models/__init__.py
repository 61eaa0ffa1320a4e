"""The models under study."""
