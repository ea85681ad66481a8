"""An Airflow of one's own: started, watched and ended without leaving a process behind.

Nothing is imported here; ask for ``airtune.stack.stack.Stack``.
"""
