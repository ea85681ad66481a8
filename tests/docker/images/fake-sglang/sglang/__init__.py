"""Stands where SGLang's package would; it runs no model."""
