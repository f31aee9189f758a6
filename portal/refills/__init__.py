"""More of the same: the patient asks, the doctor answers."""
