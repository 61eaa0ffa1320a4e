"""The command line: the only part that reads sys.argv."""
