"""Until jinja2 is pinned in pyproject.toml an environment may lack it; then these tests are left out, and the run says so."""

from __future__ import annotations

import importlib.util
import warnings

if importlib.util.find_spec("jinja2") is None:
    warnings.warn("tests/unit/mail is left out: jinja2==3.1.6 is not installed, pin it in pyproject.toml", stacklevel=1)
    collect_ignore_glob = ["test_*.py"]
