"""Care Portal: one application for clinics, doctors, patients and pharmacies."""

__version__ = "0.1.0"
