"""A folder is loaded only if it is exactly what was written."""

import json
import os
import pickle
import shutil

import msgspec
import pytest

from tidemill.core.errors import MissingExtra
from tidemill.models import loading
from tidemill.models.loading import UnknownFramework, load_native, load_predictor
from tidemill.models.manifest import DamagedModel, NotAModel, UnsafeModel, read_manifest, write_manifest
from tidemill.objects import digest_file


class Payload:
    def __reduce__(self):
        return (os.system, ("touch pwned",))


def reseal(folder, name):
    """Give a changed file its right digest, as somebody would who made the folder on purpose."""
    manifest = read_manifest(folder)
    entry = msgspec.structs.replace(manifest.files[name], digest=digest_file(folder / name))
    write_manifest(folder, msgspec.structs.replace(manifest, files={**manifest.files, name: entry}))


def test_it_predicts(folder, made):
    _, model, table = made
    found = load_predictor(folder).predict_row([1.5, "a"])
    assert found == (model.predict_proba(table.iloc[:1].assign(x=1.5, kind="a").astype(table.dtypes))[0, 1], 1)


def test_the_native_model_comes_back(folder):
    assert type(load_native(folder)).__name__ == "Booster"


def test_a_pickle_is_refused_and_never_run(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder.joinpath("model.pkl").write_bytes(pickle.dumps(Payload()))
    with pytest.raises(UnsafeModel, match="pickle"):
        load_predictor(folder)
    folder.joinpath("model.pkl").unlink()
    folder.joinpath("model.lgb").write_bytes(pickle.dumps(Payload()))
    reseal(folder, "model.lgb")
    with pytest.raises(DamagedModel):
        load_predictor(folder)
    assert not tmp_path.joinpath("pwned").exists()


@pytest.mark.parametrize("keep", [0, 10, 400, -200, -30])
def test_a_cut_model_is_refused_even_with_the_right_digest(folder, keep):
    path = folder / "model.lgb"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DamagedModel, match="not what was written"):
        load_predictor(folder)
    reseal(folder, "model.lgb")
    with pytest.raises(DamagedModel):
        load_predictor(folder)


def test_missing_foreign_and_linked_files_are_refused(folder):
    extra = folder / "extra.txt"
    extra.write_text("x")
    with pytest.raises(DamagedModel, match="not part"):
        load_predictor(folder)
    extra.unlink()
    extra.symlink_to("/etc/hostname")
    with pytest.raises(UnsafeModel, match="link"):
        load_predictor(folder)
    extra.unlink()
    folder.joinpath("conda.yaml").unlink()
    with pytest.raises(DamagedModel, match="missing"):
        load_predictor(folder)


def test_no_folder_or_an_empty_one_is_not_a_model(tmp_path):
    for place in (tmp_path, tmp_path / "none"):
        with pytest.raises(NotAModel):
            load_predictor(place)


def test_an_unknown_framework_is_named_with_the_nearest(folder):
    path = folder / "tidemill.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "framework": "lightgmb"}))
    with pytest.raises(UnknownFramework) as error:
        load_predictor(folder)
    assert "lightgbm" in error.value.hint


def test_a_framework_that_is_not_installed_is_named_with_its_extra(folder, monkeypatch):
    from tidemill.integrations.frameworks.lightgbm import library

    monkeypatch.setattr(library, "find_spec", lambda _name: None)
    library.library.cache_clear()
    with pytest.raises(MissingExtra) as error:
        load_predictor(folder)
    assert "tidemill[lightgbm]" in error.value.hint
    library.library.cache_clear()


def test_a_single_row_path_that_was_found_to_differ_is_not_served(folder):
    manifest = read_manifest(folder)
    assert manifest.verification
    doubtful = msgspec.structs.replace(manifest.verification, single_row=False)
    write_manifest(folder, msgspec.structs.replace(manifest, verification=doubtful))
    predictor = load_predictor(folder)
    assert isinstance(predictor, loading._ManyRowsOnly)
    many = predictor.predict_columns({"x": [1.5], "kind": ["a"]}, 1)
    assert predictor.predict_row([1.5, "a"]) == (many["probability"][0], many["label"][0])


def test_a_folder_can_move(folder, tmp_path):
    shutil.move(folder, tmp_path / "elsewhere")
    assert load_predictor(tmp_path / "elsewhere").predict_row([None, None])
