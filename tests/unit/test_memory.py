"""The garbage collector is back as it was, whatever happened meanwhile."""

from __future__ import annotations

import gc

import pytest

from hubplane.memory import not_collecting


def test_collecting_goes_on_after_an_error_and_stays_off_where_it_was_off() -> None:
    with pytest.raises(RuntimeError), not_collecting():
        assert not gc.isenabled()
        raise RuntimeError
    assert gc.isenabled()
    with not_collecting():
        with not_collecting():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
