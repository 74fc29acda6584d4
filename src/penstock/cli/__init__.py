"""The command line: from arguments to a session, from its end to an exit code.

Knows click, signals and standard streams. Does not know how anything is fetched, stored
or shown.
"""

from penstock.cli.group import main

__all__ = ["main"]
