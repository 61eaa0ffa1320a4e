"""Raw files to a hashed data set."""
