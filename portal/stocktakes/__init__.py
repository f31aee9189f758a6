"""Counting what is really there, and stock as tables of other programs: CSV in and out."""
