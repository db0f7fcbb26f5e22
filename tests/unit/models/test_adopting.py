"""Model folders as MLflow's client writes them become folders of our own, verified; what is not safe is refused."""

import json
import zipfile

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tidemill.models.adopting import CannotPrepare, adopt
from tidemill.models.examples import ExampleUnlikeModel
from tidemill.models.formats import NotSafeFormat
from tidemill.models.loading import load_predictor
from tidemill.models.logged import InputsUnknown, rows_of
from tidemill.models.manifest import DamagedModel, UnsafeModel, UntrustedTypes
from tidemill.models.mlmodel import read_mlmodel
from tidemill.models.signatures import InvalidSignature

pytestmark = pytest.mark.filterwarnings("ignore")

SKOPS = {"serialization_format": "skops", "pickled_model": "model.skops", "sklearn_version": "1.9.1"}


def table(count=200):
    rng = np.random.default_rng(4)
    return pd.DataFrame(
        {
            "dep delay": rng.normal(size=count),
            "hour": rng.integers(0, 24, count),
            "carrier": rng.choice(["UA", "AA"], count),
        }
    )


def numbers():
    return table()[["dep delay", "hour"]]


def truth():
    """Return the labels of the table."""
    return (table()["dep delay"] > 0).to_numpy().astype(int)


def columns(frame, **optional):
    kinds = {"f": "double", "i": "long", "b": "boolean"}
    return json.dumps(
        [
            {"type": kinds.get(frame[name].dtype.kind, "string"), "name": name, "required": name not in optional}
            for name in frame.columns
        ]
    )


def tensor(*shape):
    return json.dumps([{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": list(shape)}}])


@pytest.fixture
def logged(tmp_path):
    """Give a function that writes a folder as MLflow's client does."""

    def write(flavor, about, files, *, inputs="", example=None):
        folder = tmp_path / "logged"
        folder.mkdir()
        text = {"flavors": {"python_function": {"loader_module": f"mlflow.{flavor}"}, flavor: about}}
        if inputs:
            text["signature"] = {"inputs": inputs, "outputs": tensor(-1), "params": None}
        if example is not None:
            is_frame = isinstance(example, pd.DataFrame)
            text["saved_input_example_info"] = {
                "artifact_path": "input_example.json",
                "type": "dataframe" if is_frame else "ndarray",
            }
            rows = example.to_json(orient="split", index=False) if is_frame else json.dumps(example.tolist())
            folder.joinpath("input_example.json").write_text(rows)
        folder.joinpath("MLmodel").write_text(json.dumps(text))
        folder.joinpath("requirements.txt").write_text("mlflow==3.17.2\n# why\nscikit-learn==1.9.1\n")
        for name, content in files.items():
            folder.joinpath(name).write_bytes(content)
        return folder

    return write


def adopted(folder, **more):
    return adopt(folder, folder.with_name("model"), run_id="r1", **more)


def skops_of(logged, model, flavor="sklearn", **more):
    about = SKOPS if flavor == "sklearn" else {"data": "model.skops", "serialization_format": "skops"}
    return logged(flavor, about, {"model.skops": skops.io.dumps(model)}, **more)


def pipeline():
    encode = make_column_transformer((OneHotEncoder(), ["carrier"]), (StandardScaler(), ["dep delay", "hour"]))
    return make_pipeline(encode, LogisticRegression()).fit(table(), truth())


def test_an_estimator_answers_as_it_did_where_it_was_logged(logged):
    model = pipeline()
    found = adopted(skops_of(logged, model, example=table().head(5), inputs=columns(table())))

    rows = table().tail(20)
    answers = load_predictor(found.folder).predict_columns({name: rows[name].tolist() for name in rows}, 20)

    assert answers["probability"] == pytest.approx([two for _, two in model.predict_proba(rows)], abs=1e-12)
    assert [(field.name, field.type) for field in found.manifest.signature.inputs] == [
        ("dep delay", "double"),
        ("hour", "long"),
        ("carrier", "string"),
    ]
    assert found.requirements == ["mlflow==3.17.2", "scikit-learn==1.9.1"]
    assert found.notes == []


def test_an_estimator_fitted_on_arrays_takes_the_columns_of_an_array(logged):
    model = LogisticRegression().fit(numbers().to_numpy(), truth())
    found = adopted(skops_of(logged, model, example=numbers().to_numpy()[:3], inputs=tensor(-1, 2)))

    assert [field.name for field in found.manifest.signature.inputs] == ["x0", "x1"]


def test_trees_of_a_forest_need_nobody_s_word_because_they_are_looked_at(logged):
    forest = RandomForestClassifier(3, max_depth=2, random_state=0).fit(numbers(), truth())

    found = adopted(skops_of(logged, forest, example=numbers().head(3)))

    assert found.manifest.trusted == ()


def test_without_an_example_the_signature_says_what_rows_may_hold(logged):
    model = LogisticRegression().fit(numbers(), truth())
    found = adopted(skops_of(logged, model, inputs=columns(numbers())))

    assert [field.name for field in found.manifest.signature.inputs] == ["dep delay", "hour"]
    assert "no input example" in found.notes[0]


def test_a_column_that_may_be_missing_stays_so_whatever_the_example_holds(logged):
    model = lgb.train({"objective": "binary", "verbose": -1}, lgb.Dataset(numbers(), truth()), 3)
    text = {"model.lgb": model.model_to_string().encode()}
    about = {"data": "model.lgb", "lgb_version": "3.0"}
    found = adopted(logged("lightgbm", about, text, example=numbers().head(2), inputs=columns(numbers(), hour=1)))

    answers = load_predictor(found.folder).predict_columns({"dep delay": [0.5], "hour": [None]}, 1)

    assert answers["probability"] == list(model.predict(pd.DataFrame({"dep delay": [0.5], "hour": [np.nan]})))
    assert found.notes[0].startswith("Logged with lightgbm 3.0, read with ")


@pytest.mark.parametrize("signed", [True, False])
def test_an_example_with_gaps_shows_which_columns_may_lack_a_value(logged, signed):
    rows = numbers().assign(hour=numbers()["hour"].astype(float))
    rows.loc[2, "hour"] = np.nan
    model = lgb.train({"objective": "binary", "verbose": -1}, lgb.Dataset(rows, truth()), 3)
    text = {"model.lgb": model.model_to_string().encode()}
    about = {"data": "model.lgb", "serialization_format": "skops"}
    folder = logged("lightgbm", about, text, example=rows.head(5), inputs=columns(rows) if signed else "")
    split = {"columns": list(rows), "data": rows.head(5).to_numpy().tolist()}
    folder.joinpath("input_example.json").write_text(json.dumps(split))  # as MLflow's client writes it: with NaN
    shown = rows_of(folder, read_mlmodel(folder, is_foreign=True))

    answers = load_predictor(adopted(folder).folder).predict_columns({"dep delay": [0.5], "hour": [None]}, 1)

    assert [(field.name, field.required) for field in shown.fields] == [("dep delay", True), ("hour", False)]
    assert answers["probability"] == list(model.predict(pd.DataFrame({"dep delay": [0.5], "hour": [np.nan]})))


def test_a_gap_in_an_array_is_a_missing_value_too(logged):
    folder = logged("sklearn", SKOPS, {}, example=np.array([[1.0, np.nan], [2.0, np.inf]]), inputs=tensor(-1, 2))
    shown = rows_of(folder, read_mlmodel(folder, is_foreign=True))

    assert [field.required for field in shown.fields] == [True, False]
    assert shown.columns["x1"][:2] == [None, np.inf]


@pytest.mark.parametrize("word", ["cloudpickle", "pickle", "skops"])
def test_a_booster_is_text_whatever_format_is_said_of_other_models(logged, word):
    model = lgb.train({"objective": "binary", "verbose": -1}, lgb.Dataset(numbers(), truth()), 3)
    about = {"data": "model.lgb", "serialization_format": word}  # MLflow 3.10 says it of every model of LightGBM
    found = adopted(
        logged("lightgbm", about, {"model.lgb": model.model_to_string().encode()}, example=numbers().head(3))
    )

    assert found.manifest.framework == "lightgbm"


def test_a_pickle_that_is_called_a_booster_is_not_read(logged):
    with pytest.raises(DamagedModel):
        adopted(logged("lightgbm", {"data": "model.lgb"}, {"model.lgb": b"\x80\x04."}, example=numbers()))


def test_made_up_texts_that_the_model_refuses_ask_for_an_example(logged):
    with pytest.raises(ExampleUnlikeModel, match="fails on the example") as refused:
        adopted(skops_of(logged, pipeline(), inputs=columns(table())))

    assert "input_example=" in refused.value.hint


def test_without_signature_and_example_it_is_said_how_to_log_them(logged):
    with pytest.raises(InputsUnknown) as refused:
        adopted(skops_of(logged, LogisticRegression().fit(numbers(), truth())))

    assert "signature=" in refused.value.hint


@pytest.mark.parametrize("labels", [truth(), np.where(truth(), "late", "early")])
@pytest.mark.parametrize("flavor", ["lightgbm", "sklearn"])
def test_a_lightgbm_classifier_is_lightgbm_s_whichever_flavour_logged_it(logged, labels, flavor):
    model = lgb.LGBMClassifier(n_estimators=4, verbose=-1).fit(numbers(), labels)
    found = adopted(skops_of(logged, model, flavor, example=numbers().head(3)))

    rows = numbers().tail(9)
    answers = load_predictor(found.folder).predict_columns({name: rows[name].tolist() for name in rows}, 9)

    assert found.manifest.framework == "lightgbm"
    assert answers["label"] == list(model.predict(rows))
    assert answers["probability"] == [two for _, two in model.predict_proba(rows)]


@pytest.mark.parametrize("about", [{"serialization_format": "cloudpickle"}, {"serialization_format": "pickle"}, {}])
@pytest.mark.parametrize("flavor", ["sklearn", "lightgbm"])
def test_a_pickle_is_refused_and_the_safe_way_told(logged, flavor, about):
    key = "pickled_model" if flavor == "sklearn" else "data"
    folder = logged(flavor, {**about, key: "model.pkl"}, {"model.pkl": b"\x80\x04."}, example=numbers())

    with pytest.raises(NotSafeFormat) as refused:
        adopted(folder)

    assert 'serialization_format="skops"' in refused.value.hint


def test_a_pickle_that_is_called_skops_is_not_read(logged):
    with pytest.raises(DamagedModel):
        adopted(logged("sklearn", SKOPS, {"model.skops": b"\x80\x04."}, example=numbers()))


class Twice(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    def fit(self, rows, truth=None):
        self.fitted_ = True
        return self

    def transform(self, rows):
        return rows * 2


def test_the_word_of_the_author_makes_no_type_trusted(logged):
    model = make_pipeline(Twice(), LogisticRegression()).fit(numbers(), truth())
    about = {**SKOPS, "skops_trusted_types": [f"{__name__}.Twice"]}
    folder = logged("sklearn", about, {"model.skops": skops.io.dumps(model)}, example=numbers().head(3))

    with pytest.raises(UntrustedTypes) as refused:
        adopted(folder)
    found = adopted(folder, trusted=[f"{__name__}.Twice"])

    assert refused.value.details["types"] == [f"{__name__}.Twice"] == list(found.manifest.trusted)


def bent(content, change):
    """Return a file of skops whose schema was changed."""
    with zipfile.ZipFile(content) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(files["schema.json"])
    change(schema)
    files["schema.json"] = json.dumps(schema).encode()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)


def crafted_tree(schema):
    handle = schema["content"]["content"]["_Booster"]["content"]["content"]["_handle"]
    handle["content"] = handle["content"].replace("split_feature=0", "split_feature=900000", 1)


def no_text(schema):
    schema["content"]["content"]["_Booster"]["content"]["content"]["_handle"] = {"__loader__": "CachedNode"}


def code(schema):
    schema["content"]["content"]["objective"] = {
        "__class__": "function",
        "__module__": "builtins",
        "__loader__": "FunctionNode",
        "content": "os.system",
    }


@pytest.mark.parametrize(("change", "refusal"), [(crafted_tree, DamagedModel), (no_text, DamagedModel)])
def test_a_booster_inside_skops_is_looked_at_before_lightgbm_sees_it(logged, change, refusal):
    model = lgb.LGBMClassifier(n_estimators=4, verbose=-1).fit(numbers(), truth())
    folder = skops_of(logged, model, "lightgbm", example=numbers().head(3))
    bent(folder / "model.skops", change)

    with pytest.raises(refusal):
        adopted(folder)


def test_a_function_that_runs_programs_is_refused_whoever_vouches(logged):
    model = lgb.LGBMClassifier(n_estimators=4, verbose=-1).fit(numbers(), truth())
    folder = skops_of(logged, model, "lightgbm", example=numbers().head(3))
    bent(folder / "model.skops", code)

    with pytest.raises(UnsafeModel):
        adopted(folder, trusted=["os.system", "posix.system", "builtins.function"])


def test_a_flavour_that_nobody_here_reads_is_named(logged):
    with pytest.raises(CannotPrepare, match="prophet"):
        adopted(logged("prophet", {"data": "model"}, {}, example=numbers()))


def test_an_example_whose_rows_do_not_fit_is_told(logged):
    folder = skops_of(logged, LogisticRegression().fit(numbers(), truth()), example=numbers())
    folder.joinpath("input_example.json").write_text('{"columns": ["a", "b"], "data": [[1]]}')

    with pytest.raises(InvalidSignature, match="do not fit"):
        adopted(folder)
