"""The command line, which alone reads sys.argv."""
