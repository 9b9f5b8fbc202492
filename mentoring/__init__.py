"""The rules of a mentoring program: values in, values out.

Nothing in this package opens a file of the user, talks to a network or a database, or reads the environment or a clock:
time, seed and policy are arguments. `tasks` is the outside world, `flows` puts both together.
"""
