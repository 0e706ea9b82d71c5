"""`python -m classroom_sync` is the command line."""

from classroom_sync.cli import main

main()
