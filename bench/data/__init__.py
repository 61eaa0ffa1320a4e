"""From raw files to a data set with a content hash."""
