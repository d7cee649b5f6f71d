"""News: from the vendors onto the tape, into one shape, to the symbols that they are about."""
