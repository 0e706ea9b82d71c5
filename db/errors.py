"""What can go wrong between the application and its database; each message says what to do."""


class DatabaseError(Exception):
    """Base of this package's errors."""


class Unreachable(DatabaseError):
    """The database can't be reached, or went away in the middle of work."""


class DataDirectoryInUse(DatabaseError):
    """Another server runs on this data directory."""


class SchemaMismatch(DatabaseError):
    """The database's schema is not one that this version knows."""
