"""The one place that builds an HTTP client: retries, pacing, limits, redaction, and answers turned into errors."""

import sys
from importlib.util import find_spec

# httpx brings a command of its own, for which it loads a terminal library; nobody calls it here.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

if find_spec("sniffio") is None:
    # httpcore looks for it at every request; that it is not there is told once, not searched for each time.
    sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]
