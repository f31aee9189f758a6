"""`portal backup FILE` and `portal restore FILE`: one file with everything but the keys, which shows any damage.

It stands above the domains: what it saves is the whole database, and what it checks afterwards is the audit's chains.
"""


class BackupError(Exception):
    """A back-up cannot be made or put back; the text is one line for the operator."""
