"""The `frostway` command: one file a group of commands, named as it is typed; `work` holds what they do.

`work` is loaded when a command runs, so that `frostway --help` is quick.
"""

from frostway.cli.root import app, main

__all__ = ["app", "main"]
