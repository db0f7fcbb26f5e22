"""Student's distribution agrees with an independent implementation."""

import pytest
from scipy import stats

from tidemill.checks.student import t_cdf, t_quantile


@pytest.mark.parametrize("df", [1, 2, 5, 13, 100, 10_000])
@pytest.mark.parametrize("value", [-7.0, -1.0, 0.0, 0.3, 2.0, 12.0])
def test_the_chance_agrees(df: int, value: float) -> None:
    assert t_cdf(value, df) == pytest.approx(stats.t.cdf(value, df), rel=1e-9, abs=1e-14)


@pytest.mark.parametrize("df", [1, 3, 13, 29, 500])
@pytest.mark.parametrize("probability", [0.01, 0.2, 0.5, 0.9, 0.95, 0.999])
def test_the_quantile_agrees(df: int, probability: float) -> None:
    assert t_quantile(probability, df) == pytest.approx(stats.t.ppf(probability, df), rel=1e-7, abs=1e-9)
