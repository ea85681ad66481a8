"""Measurements of airtune itself; each folder has a README with what it says."""
