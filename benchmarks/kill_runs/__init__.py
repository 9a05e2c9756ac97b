"""Programs that are killed at random moments, one module for each, and what is checked after each kill.

`killing` forks programs and kills them; `checking` counts what is wrong with the files that they leave. Each other module has a generator
``trials(folder, moment)``: each step kills its program once more, uses the files again, and gives what was found. The first line of its
docstring says what the documentation promises. A new one is also added to ``PARTS`` in ``benchmarks/kills.py``, which imports the same from
``kill_runs``.
"""
