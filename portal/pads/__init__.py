"""The doctor's pad: a prescription as it is being written, with templates, last time's, and what pharmacies have."""
