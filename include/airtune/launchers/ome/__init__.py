"""Servers as InferenceServices of OME, the Open Model Engine."""
