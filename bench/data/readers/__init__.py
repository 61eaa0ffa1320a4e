"""Readers, one per layout of files; every mistake in a file is an error that names the file and the line."""
