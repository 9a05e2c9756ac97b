"""The version, which a report and the command line name too."""

__version__ = "0.2.0.dev0"
