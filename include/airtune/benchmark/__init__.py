"""The benchmark client: its command line, its run, what it left, and whether that can be believed.

Nothing is imported here: ``airtune.benchmark.tokenizer`` runs in the client's own environment.
"""
