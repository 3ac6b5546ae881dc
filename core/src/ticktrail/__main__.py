"""Run the program as ``python -m ticktrail``."""

from __future__ import annotations

from ticktrail.cli import main

main()
