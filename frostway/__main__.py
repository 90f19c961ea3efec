"""`python -m frostway`."""

from frostway.cli import main

main()
