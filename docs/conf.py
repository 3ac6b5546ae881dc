"""How Sphinx builds the documentation."""

from importlib.metadata import version as installed

project = "ticktrail"
author = "the ticktrail developers"
release = version = installed("ticktrail")

extensions = ["myst_parser"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "ticktrail"
html_show_copyright = False
