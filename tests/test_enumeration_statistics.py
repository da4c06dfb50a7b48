"""The statistics of `make bench-enumeration`: a difference is found, and chance is not taken for one."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.mann_whitney import z_score

samples = st.lists(st.integers(-50, 50), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        # By hand: U = 9 of 9, mean 4.5, variance 3 * 3 * 7 / 12 = 5.25.
        ([4, 5, 6], [1, 2, 3], 4.5 / 5.25**0.5),
        # With ties: ranks 1.5 1.5 | 3.5 3.5, U = 4 of 4, mean 2, variance 4/12 * (5 - 12/12) = 4/3.
        ([2, 2], [1, 1], 2 / (4 / 3) ** 0.5),
        # One tie across: ranks 1, 2.5 | 2.5, 4: U = 0.5, mean 2, variance 4/12 * (5 - 6/12) = 1.5.
        ([1, 2], [2, 3], -1.5 / 1.5**0.5),
        ([7, 7, 7], [7, 7], 0.0),
        ([1], [1], 0.0),
    ],
)
def test_z_is_what_it_is_by_hand(one: list[float], other: list[float], expected: float) -> None:
    assert z_score(one, other) == pytest.approx(expected)


@given(samples, samples)
def test_z_turns_its_sign_when_the_samples_change_places(one: list[int], other: list[int]) -> None:
    assert z_score(one, other) == pytest.approx(-z_score(other, one))


@given(samples, samples)
def test_z_depends_on_the_order_of_values_only(one: list[int], other: list[int]) -> None:
    assert z_score(one, other) == pytest.approx(z_score([v**3 for v in one], [v**3 for v in other]))


@given(samples)
def test_a_sample_does_not_differ_from_itself(one: list[int]) -> None:
    assert z_score(one, one) == pytest.approx(0)


@pytest.mark.parametrize(("one", "other"), [([], [1.0]), ([1.0], []), ([], [])])
def test_nothing_can_be_said_of_an_empty_sample(one: list[float], other: list[float]) -> None:
    with pytest.raises(ValueError, match="both samples need values"):
        z_score(one, other)


def test_a_shift_is_found_in_latencies_with_a_long_tail_and_chance_is_not() -> None:
    chance = random.Random(3)
    base, same = ([chance.lognormvariate(3.4, 0.2) for _ in range(1000)] for _ in range(2))
    assert abs(z_score(base, same)) < 3.3
    assert z_score([value + 3 for value in same], base) > 3.3
    # One outlier, as a garbage collection makes it, does not matter.
    assert abs(z_score([*same, 1e6], base)) < 3.3
