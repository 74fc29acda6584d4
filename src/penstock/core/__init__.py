"""The pure core: functions of their arguments and their own fields.

Nothing here reads a clock, draws a random number, opens anything, logs or awaits. ``now`` and ``draw``
are parameters; the core answers and never calls out.
"""
