"""Write every page: ``python docs/generate``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from generate import write

write()
