"""Records on disk: where they lie, how they are written, read and checked."""
