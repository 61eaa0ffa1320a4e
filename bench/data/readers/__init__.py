"""Files of one layout to a data set: every mistake in them is one error with file and line."""
