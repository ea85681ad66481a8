"""What a run leaves behind: the results file, tables, the summary, how to run it by hand.

::

    document        the results file as typed records
    build           plan + store + verdict → document
    schema          its JSON Schema
    write           document → files, replaced atomically
    table           document → rows and pandas tables
    summary         document → Markdown
    provenance      versions, model identity, hardware
    trial_result    one trial as the file shows it
    duplicates      trials with equal effective settings
    launch_command  a trial's server as one shell command
    reproduce       a trial's server and client as a script
"""
