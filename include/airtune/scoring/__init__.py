"""What a trial is worth: objectives, requirements, scores, the winner. Pure, without pandas.

::

    metrics       what a measurement holds: names, units, which way is better
    objectives    the named objectives, in one table
    requirements  the task's SLO and constraints in one form
    slo           the penalty of a soft SLO
    feasible      what makes a configuration infeasible
    score         load points → one figure
    judge         a stored trial under the task as it is now
    contenders    which trials take part
    gain          one trial against another, on the raw metric
    nearest       where nothing is feasible, what came closest
    verdict       trials → the answer of a run
    statement     the answer in words
    words         figures and configurations as people read them
"""
