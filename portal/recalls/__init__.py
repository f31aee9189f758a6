"""Recalls: a batch that must not be given out any more is stopped at once, and who had of it is found."""
