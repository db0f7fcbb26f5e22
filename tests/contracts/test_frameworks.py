"""What every framework promises: a model comes back from its folder as the same function, by row and by column."""

import json
import math
import subprocess
import sys
import warnings
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
import polars as pl
import pytest
import xgboost as xgb
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from tidemill.models.loading import load_native, load_predictor
from tidemill.models.saving import save_model

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning", "ignore::FutureWarning")

ROWS = 300


def people(*, nulls: bool = True) -> pd.DataFrame:
    """Return numbers, whole numbers, truths and categories, with some missing."""
    rng = np.random.default_rng(7)
    table = pd.DataFrame(
        {
            "dep delay": rng.normal(size=ROWS) * 30,
            "carrier": rng.choice(["UA", "AA", "DL"], ROWS),
            "hour": rng.integers(0, 24, ROWS),
            "weekend": rng.random(ROWS) > 0.7,
        }
    )
    if nulls:
        table.loc[::11, "dep delay"] = np.nan
        table.loc[::13, "carrier"] = None
    return table


def truth():
    table = people(nulls=False)
    return ((table["dep delay"] + table["hour"] * 2 + (table["carrier"] == "UA") * 20) > 25).to_numpy().astype(int)


def numbers(width: int = 4) -> np.ndarray:
    return np.random.default_rng(3).normal(size=(ROWS, width))


def lightgbm_categories():
    table = people().astype({"carrier": "category"})
    return lgb.LGBMClassifier(n_estimators=12, verbose=-1).fit(table, truth()), table


def lightgbm_ordered_and_number_categories():
    table = people(nulls=False)
    size = pd.Categorical(np.where(table["hour"] > 12, "big", "small"), categories=["small", "big"], ordered=True)
    table = table.assign(carrier=table["carrier"].astype("category"), size=size, hour=table["hour"].astype("category"))
    return lgb.LGBMRegressor(n_estimators=12, verbose=-1).fit(table, table["dep delay"]), table


def lightgbm_text_labels_early_stopping():
    rows = numbers()
    labels = np.where(rows[:, 0] > 0, "late", "early")
    model = lgb.LGBMClassifier(n_estimators=40, verbose=-1)
    stop = lgb.early_stopping(2, verbose=False)
    return model.fit(rows, labels, eval_set=[(rows[:100], labels[:100])], callbacks=[stop]), rows


def lightgbm_three_classes_polars():
    table = pl.DataFrame({f"c{at}": column for at, column in enumerate(numbers().T.astype(np.float32))})
    labels = (table["c0"].to_numpy() * 2).astype(int).clip(-1, 1)
    return lgb.LGBMClassifier(n_estimators=8, verbose=-1).fit(table, labels), table


def lightgbm_linear_trees_booster():
    rows = numbers()
    data = lgb.Dataset(rows, rows[:, 0] * 3 + rows[:, 1])
    return lgb.train({"objective": "regression", "linear_tree": True, "verbose": -1}, data, 8), rows


def lightgbm_binary_booster_stopping_early_at_prediction():
    rows = numbers()
    given = {"objective": "binary", "verbose": -1, "pred_early_stop": True, "pred_early_stop_margin": 0.1}
    return lgb.train(given, lgb.Dataset(rows, (rows[:, 0] > 0).astype(int)), 30), rows


def lightgbm_own_categories_as_numbers():
    rows = np.column_stack([numbers(2), np.random.default_rng(1).integers(0, 6, ROWS)])
    model = lgb.LGBMRegressor(n_estimators=8, verbose=-1)
    return model.fit(rows, rows[:, 0] + (rows[:, 2] == 3), categorical_feature=[2]), rows


def lightgbm_ranker():
    rows = numbers()
    model = lgb.LGBMRanker(n_estimators=5, verbose=-1)
    return model.fit(rows, (rows[:, 0] > 0).astype(int), group=[30] * 10), rows


def columns_of_kinds():
    numeric = make_pipeline(SimpleImputer(), StandardScaler())
    encode = OneHotEncoder(handle_unknown="ignore")
    return make_column_transformer((numeric, ["dep delay", "hour"]), (encode, ["carrier"]))


def xgboost_missing_numbers_pandas():
    table = people()[["dep delay", "hour", "weekend"]]
    return xgb.XGBClassifier(n_estimators=6, max_depth=3).fit(table, truth()), table


def xgboost_three_classes():
    rows = numbers()
    return xgb.XGBClassifier(n_estimators=5).fit(rows, (rows[:, 0] * 2).astype(int).clip(-1, 1) + 1), rows


def xgboost_stopped_early():
    rows = numbers()
    model = xgb.XGBRegressor(n_estimators=60, early_stopping_rounds=2)
    return model.fit(rows, rows[:, 0], eval_set=[(rows[:100], -rows[:100, 1])], verbose=False), rows


def xgboost_two_answers():
    rows = numbers()
    return xgb.XGBRegressor(n_estimators=4).fit(rows, rows[:, :2]), rows


def xgboost_ranker():
    rows = numbers()
    return xgb.XGBRanker(n_estimators=4).fit(rows, (rows[:, 0] > 0).astype(int), group=[30] * 10), rows


def sklearn_pipeline_pandas():
    table = people()
    return make_pipeline(columns_of_kinds(), LogisticRegression()).fit(table, truth()), table


def sklearn_pipeline_polars():
    table = pl.from_pandas(people(nulls=False))
    return make_pipeline(columns_of_kinds(), LogisticRegression()).fit(table, truth()), table


def sklearn_strict_encoder_with_texts():
    table = people(nulls=False)
    encode = make_column_transformer((OneHotEncoder(), ["carrier"]), (StandardScaler(), ["dep delay", "hour"]))
    return make_pipeline(encode, LogisticRegression()).fit(table, np.where(truth(), "late", "early")), table


def sklearn_forest():
    rows = numbers()
    return RandomForestClassifier(8, random_state=0).fit(rows, (rows[:, 0] > 0)), rows


def sklearn_histogram_trees():
    table = people()[["dep delay", "hour", "weekend"]]
    return HistGradientBoostingClassifier(max_iter=5).fit(table, truth()), table


def sklearn_gradient_boosting_plain_columns():
    rows = numbers()
    model = GradientBoostingRegressor(n_estimators=5).fit(rows, rows[:, 0])
    return model, {f"c{at}": rows[:, at].tolist() for at in range(4)}


def sklearn_two_answers():
    rows = numbers().astype(np.float32)
    return LinearRegression().fit(rows, rows[:, :2] * 2), rows


def sklearn_no_probability():
    rows = numbers()
    return LinearSVC().fit(rows, (rows[:, 0] > 0).astype(int)), rows


MEMBERS = [
    lightgbm_categories,
    lightgbm_ordered_and_number_categories,
    lightgbm_text_labels_early_stopping,
    lightgbm_three_classes_polars,
    lightgbm_linear_trees_booster,
    lightgbm_binary_booster_stopping_early_at_prediction,
    lightgbm_own_categories_as_numbers,
    lightgbm_ranker,
    xgboost_missing_numbers_pandas,
    xgboost_three_classes,
    xgboost_stopped_early,
    xgboost_two_answers,
    xgboost_ranker,
    sklearn_pipeline_pandas,
    sklearn_pipeline_polars,
    sklearn_strict_encoder_with_texts,
    sklearn_forest,
    sklearn_histogram_trees,
    sklearn_gradient_boosting_plain_columns,
    sklearn_two_answers,
    sklearn_no_probability,
]


class Member:
    """One trained model, what it was trained on, and its folder."""

    def __init__(self, make, place: Path) -> None:
        self.model, self.example = make()
        self.name = make.__name__
        self.folder = place / self.name
        self.manifest = save_model(self.model, self.folder, example=self.example, run_id="r1")
        self.fields = self.manifest.signature.inputs

    def rows(self):
        """Return the example's rows as a client sends them: plain values, None for a missing one."""
        if isinstance(self.example, dict):
            return list(zip(*self.example.values(), strict=True))
        if isinstance(self.example, np.ndarray):
            return self.example.tolist()
        if isinstance(self.example, pl.DataFrame):
            return self.example.rows()
        plain = [
            [None if isinstance(one, float) and math.isnan(one) else one for one in self.example[name].tolist()]
            for name in self.example
        ]
        return list(zip(*plain, strict=True))

    def wanted(self):
        """Return what the original answers, through its own front door."""
        table = np.array(list(self.example.values())).T if isinstance(self.example, dict) else self.example
        answer = np.asarray(self.model.predict(table))
        if not hasattr(self.model, "predict_proba"):
            return {"answer": answer, "probability": None}
        return {"answer": answer, "probability": np.asarray(self.model.predict_proba(table))}


@pytest.fixture(scope="module", params=MEMBERS, ids=lambda make: make.__name__)
def member(request, tmp_path_factory):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Member(request.param, tmp_path_factory.mktemp("members"))


def columns_of(member: Member, rows):
    return {field.name: [row[at] for row in rows] for at, field in enumerate(member.fields)}


def test_many_rows_are_answered_bit_for_bit_as_by_the_original(member):
    rows = member.rows()
    found = load_predictor(member.folder).predict_columns(columns_of(member, rows), len(rows))
    wanted = member.wanted()
    if wanted["probability"] is None:
        names = [name for name in found if name.startswith(("prediction", "probability"))] or ["label"]
        assert np.array_equal(np.array([found[name] for name in names]).T.squeeze(), wanted["answer"])
        return
    assert found["label"] == wanted["answer"].tolist()
    numbers_found = [found[name] for name in found if name.startswith("probability")]
    kept = wanted["probability"][:, 1:] if len(numbers_found) == 1 else wanted["probability"]
    assert np.array_equal(np.array(numbers_found).T, kept)


def test_one_row_is_answered_as_the_original_answers_one_row(member):
    predictor = load_predictor(member.folder)
    names = [field.name for field in predictor.signature.outputs]
    for row in member.rows()[:20]:
        one = predictor.predict_columns(columns_of(member, [row]), 1)
        assert predictor.predict_row(row) == tuple(one[name][0] for name in names)


def test_no_rows_give_no_answers(member):
    predictor = load_predictor(member.folder)
    found = predictor.predict_columns({field.name: [] for field in member.fields}, 0)
    assert found == {field.name: [] for field in predictor.signature.outputs}


def test_answers_are_plain_values_of_the_types_the_signature_says(member):
    kinds = {"double": float, "long": int, "string": str, "boolean": bool}
    predictor = load_predictor(member.folder)
    for field, value in zip(predictor.signature.outputs, predictor.predict_row(member.rows()[0]), strict=True):
        assert type(value) is kinds[field.type]


def test_the_folder_says_how_it_was_verified(member):
    report = member.manifest.verification
    assert report.plans[-1].agrees
    assert report.single_row
    assert report.chosen == report.plans[-1].plan
    assert report.edge_rows > 0
    assert report.plans[-1].row_us > 0


def test_the_library_s_own_model_comes_back(member):
    native = load_native(member.folder)
    assert hasattr(native, "predict")


def test_lightgbm_is_served_by_its_own_library(tmp_path):
    model, table = lightgbm_categories()
    manifest = save_model(model, tmp_path / "m", example=table)
    assert manifest.verification
    assert manifest.verification.chosen == "native"
    assert [field.name for field in manifest.signature.inputs] == list(table.columns)
    assert sum(manifest.importances.values()) > 0


def test_serving_lightgbm_imports_nothing_heavy(tmp_path):
    model, table = lightgbm_categories()
    save_model(model, tmp_path / "m", example=table)
    program = (
        "import sys; from pathlib import Path; from tidemill.models.loading import load_predictor\n"
        "load_predictor(Path(sys.argv[1])).predict_row([1.0, 'UA', 3, True])\n"
        "heavy = 'lightgbm numpy pandas polars scipy sklearn skops sqlalchemy ruamel'.split()\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program, tmp_path / "m"], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def mlflow_python(tmp_path_factory):
    """Give the Python of an environment with the real MLflow."""
    place = tmp_path_factory.mktemp("mlflow")
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    python = place / "bin" / "python"
    wanted = ["mlflow-skinny>=3", "lightgbm", "scikit-learn", "skops", "pandas", "polars"]
    ran = subprocess.run([python, "-m", "pip", "install", "-q", *wanted], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"this needs a package index: {ran.stderr[-500:]}"
    return python


MLFLOW = """
import json, sys, warnings
warnings.simplefilter("ignore")
import mlflow, pandas as pd
answers = []
for folder in sys.argv[1:]:
    model = mlflow.pyfunc.load_model(folder)
    given = json.load(open(folder + "/input_example.json"))
    names = model.metadata.signature.inputs.input_names()
    assert names == given["columns"], (names, given["columns"])
    found = model.predict(pd.DataFrame(given["data"], columns=given["columns"]))
    answers.append([given["data"], found.tolist()])
print(json.dumps(answers))
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_real_mlflow_loads_the_folders_and_answers_the_same(tmp_path, mlflow_python):
    makes = [lightgbm_categories, lightgbm_text_labels_early_stopping, sklearn_pipeline_pandas, sklearn_forest]
    members = [Member(make, tmp_path) for make in makes]
    places = [str(member.folder) for member in members]
    ran = subprocess.run([mlflow_python, "-c", MLFLOW, *places], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    for member, (rows, answers) in zip(members, json.loads(ran.stdout.splitlines()[-1]), strict=True):
        found = load_predictor(member.folder).predict_columns(columns_of(member, rows), len(rows))
        assert answers == found["probability" if member.name.startswith("lightgbm") else "label"]
