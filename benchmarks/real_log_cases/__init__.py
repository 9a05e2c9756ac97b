"""Logs as people have them, one module for each kind of tool, and what is right for each.

`cases` has what they share: a case is a function that writes a log into a folder and returns a `Log`, which says where it lies and what the
command must find in it. `checking` runs the command and compares. Values and steps are those that the tool's own library reads from the
same log where it has a reader, else those that were logged. A new module is also added to ``KINDS`` in ``benchmarks/real_logs.py``.
"""
