"""What can go wrong between the application and its database; each message says what to do."""


class DatabaseError(Exception):
    """Base of this package's errors."""


class Unreachable(DatabaseError):
    """The database can't be reached, or went away in the middle of work."""


class DataDirectoryInUse(DatabaseError):
    """Another server runs on this data directory."""


class SchemaMismatch(DatabaseError):
    """The database's schema is not one that this version knows."""


class Unwritable(Exception):
    """A text holds what no database can hold: U+0000, or half of a surrogate pair. Whoever sent it
    is told so; it says nothing of the database."""
