from __future__ import annotations

import sys
from pathlib import Path

# `standin` is a program too, so that it stands beside the tests that import it.
sys.path.insert(0, str(Path(__file__).parent))
