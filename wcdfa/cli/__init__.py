"""The command line, one file per command. It only handles arguments and printing."""
