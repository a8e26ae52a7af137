"""What a service refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.services.errors import DomainError, InvalidInput


def refusal(
    error: type[DomainError], act: Callable[..., Any], *args: Any, **kwargs: Any
) -> DomainError:
    """The error that the command raises, which is this one and not one derived from it."""
    with pytest.raises(error) as refused:
        act(*args, **kwargs)
    assert type(refused.value) is error
    return refused.value


def wrong_fields(act: Callable[..., Any], *args: Any, **kwargs: Any) -> list[str]:
    """The fields that the command finds wrong."""
    return list(refusal(InvalidInput, act, *args, **kwargs).extra["errors"])
