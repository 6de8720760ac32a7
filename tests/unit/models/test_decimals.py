"""Arithmetic that does not depend on the application's decimal context."""

from __future__ import annotations

import decimal
import importlib.util
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from fractions import Fraction
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ambient import CONTEXTS

from kraken_connector.models import decimals
from kraken_connector.models.decimals import add, divide, multiply, subtract, total

#: Numbers as the exchange and checked parameters have them, and far beyond.
numbers = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent, decimal.Context(prec=100)),
    st.integers(-(10**64), 10**64),
    st.integers(-64, 0),
)
absurd = st.sampled_from(
    [
        Decimal(text)
        for text in (
            "0",
            "1",
            "-1",
            "1e999999999999",
            "-1e999999999999",
            "1e-999999999999",
            "9.99e999999",
            "Infinity",
            "-Infinity",
            "NaN",
            "sNaN",
        )
    ]
)
OPERATIONS: dict[Callable[[Decimal, Decimal], Decimal], Callable[[Any, Any], Fraction]] = {
    add: lambda a, b: a + b,
    subtract: lambda a, b: a - b,
    multiply: lambda a, b: a * b,
}


@pytest.fixture(params=CONTEXTS, scope="module")
def ambient(request: pytest.FixtureRequest) -> decimal.Context:
    return CONTEXTS[request.param]


@given(a=numbers, b=numbers)
def test_sums_and_products_are_exact(ambient: decimal.Context, a: Decimal, b: Decimal) -> None:
    with decimal.localcontext(ambient):
        results = {exact: ours(a, b) for ours, exact in OPERATIONS.items()}
    for exact, result in results.items():
        assert Fraction(result) == exact(Fraction(a), Fraction(b))


@given(parts=st.lists(numbers, max_size=20))
def test_total_is_exact(ambient: decimal.Context, parts: list[Decimal]) -> None:
    with decimal.localcontext(ambient):
        result = total(iter(parts))
    assert Fraction(result) == sum(map(Fraction, parts))


@given(a=numbers, b=numbers.filter(bool))
def test_quotient_has_28_digits(ambient: decimal.Context, a: Decimal, b: Decimal) -> None:
    with decimal.localcontext(ambient):
        result = divide(a, b)
    exact = Fraction(a) / Fraction(b)
    assert abs(Fraction(result) - exact) <= abs(exact) * Fraction(1, 10**27) / 2
    assert len(result.as_tuple().digits) <= 28


@given(a=absurd, b=absurd)
def test_no_number_raises_and_every_result_can_be_compared(
    ambient: decimal.Context, a: Decimal, b: Decimal
) -> None:
    with decimal.localcontext(ambient):
        results = [add(a, b), subtract(a, b), multiply(a, b), divide(a, b), total([a, b, a])]
        for result in results:
            assert isinstance(max(result, Decimal(0)), Decimal)
            # A huge exponent would need unlimited memory.
            assert len(f"{result:f}") < 2_500


def test_digits_stay_as_they_are_written() -> None:
    assert str(add(Decimal("1.10"), Decimal("2.200"))) == "3.300"
    assert str(subtract(Decimal("1.10"), Decimal("1.10"))) == "0.00"
    assert str(multiply(Decimal("1.50"), Decimal(2))) == "3.00"
    assert str(divide(Decimal(1), Decimal(3))) == "0." + "3" * 28
    assert total([]) == 0


@pytest.mark.parametrize(
    ("operation", "a", "b", "result"),
    [
        (add, "9e999", "9e999", "Infinity"),
        (multiply, "1e-900", "1e-900", "0"),
        (divide, "1", "0", "Infinity"),
        (divide, "0", "0", "0"),
        (subtract, "Infinity", "Infinity", "0"),
        (add, "1e999999999999", "1", "Infinity"),
        (subtract, "1", "1e999999999999", "-Infinity"),
        (add, "1", "1e-999999999999", "1"),
    ],
)
def test_results_without_a_useful_value(operation: Any, a: str, b: str, result: str) -> None:
    assert operation(Decimal(a), Decimal(b)) == Decimal(result)


def test_each_thread_has_its_own_context_and_the_same_results() -> None:
    parts = [Decimal("12345.678901"), Decimal("0.000000000000000000000000000001")] * 50

    def work(context: decimal.Context) -> list[Decimal]:
        decimal.setcontext(context.copy())
        return [total(parts), multiply(*parts[:2]), divide(*parts[:2])]

    with ThreadPoolExecutor(len(CONTEXTS)) as pool:
        results = list(pool.map(work, list(CONTEXTS.values()) * 4))
    assert all(result == results[0] for result in results)


def test_defaults_for_new_contexts_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    default = decimal.DefaultContext
    for name, value in {"prec": 3, "Emax": 9, "Emin": -9, "rounding": "ROUND_UP"}.items():
        monkeypatch.setattr(default, name, value)
    monkeypatch.setitem(default.traps, decimal.Inexact, True)
    module = loaded_again(decimals)
    assert module.add(Decimal("12345.678901"), Decimal("1e-40")) == add(
        Decimal("12345.678901"), Decimal("1e-40")
    )
    assert module.divide(Decimal(1), Decimal(3)) == divide(Decimal(1), Decimal(3))


def loaded_again(module: ModuleType) -> ModuleType:
    spec = importlib.util.spec_from_file_location("loaded_again", str(module.__file__))
    assert spec is not None
    assert spec.loader is not None
    fresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fresh)
    return fresh
