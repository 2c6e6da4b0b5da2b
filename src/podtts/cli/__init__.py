"""The command line: commands, flags, messages and progress bars."""
