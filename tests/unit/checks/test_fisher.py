import pytest
from scipy import stats

from tidemill.checks.fisher import beta_share, f_quantile, student_quantile


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (2, 7), (40, 1.5), (300, 250)])
@pytest.mark.parametrize("value", [0.001, 0.2, 0.5, 0.77, 0.999])
def test_the_beta_share_is_scipys(a, b, value):
    assert beta_share(value, a, b) == pytest.approx(stats.beta.cdf(value, a, b), rel=1e-9, abs=1e-14)


@pytest.mark.parametrize(("above", "below"), [(1, 6), (3, 18), (9.5, 4), (1, 200)])
@pytest.mark.parametrize("chance", [0.05, 0.5, 0.9, 0.999])
def test_the_f_quantile_is_scipys(above, below, chance):
    assert f_quantile(chance, above, below) == pytest.approx(stats.f.ppf(chance, above, below), rel=1e-6)


@pytest.mark.parametrize("df", [1, 6, 30, 1000])
@pytest.mark.parametrize("chance", [0.01, 0.5, 0.95, 0.975])
def test_the_student_quantile_is_scipys(df, chance):
    assert student_quantile(chance, df) == pytest.approx(stats.t.ppf(chance, df), rel=1e-6, abs=1e-9)
