"""The catalogue: every medicine that is prescribed from a list or kept in stock, once for all places."""
