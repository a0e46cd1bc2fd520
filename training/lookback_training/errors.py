"""What the command line tells without a traceback."""


class MendableError(Exception):
    """Something is wrong that whoever gave the command can mend, as the message says."""
