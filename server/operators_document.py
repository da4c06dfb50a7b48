"""What `hearth operators` prints: the Markdown of `docs/operators.md`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from domain.features_table import operators_document
from domain.profile import ProfileRejected, read_profiles
from server.edge_settings import PREFIX, ROOT
from server.failure import StartFailure


def print_operators(ids: Sequence[str]) -> None:
    """Print the table of these operators, in this order; of all of them where none is named.

    The other settings are not read: a document needs neither a secret nor a database. Raises StartFailure for a
    broken profile and for an operator that there is not.
    """
    folder = Path(os.environ.get(f"{PREFIX}OPERATORS_PATH") or ROOT / "operators")
    try:
        profiles = read_profiles(folder)
    except ProfileRejected as rejected:
        raise StartFailure(*rejected.problems) from rejected
    if unknown := [each for each in ids if each not in profiles]:
        raise StartFailure(f"There is no operator {unknown[0]!r}, only {', '.join(profiles)}")
    print(operators_document([profiles[each] for each in ids or profiles]), end="")
