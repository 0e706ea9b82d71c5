"""The application: HTTP, pages, command line and reports over `db`, `scheduler` and `media`."""

__version__ = "0.1.0"
