from pathlib import Path

import pytest

from brevox.errors import SettingsError
from brevox.training.recipe import Recipe, load_recipe

TINY = Path(__file__).parent / "tiny.yaml"


def written(folder, text):
    path = folder / "recipe.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_what_a_recipe_leaves_out_has_a_default(tmp_path):
    assert load_recipe(written(tmp_path, "name: other\n")) == Recipe(name="other")
    assert load_recipe(written(tmp_path, "")) == Recipe()


def test_overrides_change_what_they_name_and_nothing_else():
    plain = load_recipe(TINY)
    changed = load_recipe(
        TINY, ["run.steps=7", "model.encoder.width=99", "optimiser.learning_rate=1e-5", "data.gain_db=[0,1]"]
    )
    assert (changed.run.steps, changed.model["encoder"]["width"]) == (7, 99)
    assert (changed.optimiser.learning_rate, changed.data.gain_db) == (1e-5, [0.0, 1.0])
    changed.run.steps, changed.model["encoder"]["width"] = plain.run.steps, plain.model["encoder"]["width"]
    changed.optimiser.learning_rate, changed.data.gain_db = plain.optimiser.learning_rate, plain.data.gain_db
    assert changed == plain


def test_the_last_override_wins():
    assert load_recipe(TINY, ["run.steps=7", "run.steps=8"]).run.steps == 8


def test_a_part_of_another_name_brings_its_own_settings():
    other = load_recipe(
        TINY, ["model.encoder={name: seanet, base_width: 4}", "model.decoder={name: spectral, width: 9}"]
    )
    assert other.model["encoder"] == {"name": "seanet", "base_width": 4}
    assert other.model["decoder"] == {**load_recipe(TINY).model["decoder"], "width": 9}


def test_a_list_is_replaced_as_a_whole():
    assert load_recipe(TINY, ["losses=[{name: time}]"]).losses == [{"name": "time"}]


@pytest.mark.parametrize(
    "override, hint",
    [
        ("run.stepz=7", "stepz.*steps"),
        ("nothing=7", "nothing"),
        ("run.steps=many", "many"),
        ("run.steps=1.5", "1.5"),
        ("run.steps", "None"),
        ("run=7", "RunSettings"),
        ("model=7", "int"),
        ("losses.0.weight=2", "merge"),
        ("name=${nowhere}", "nowhere"),
        ("data.gain_db=[low, high]", "low"),
        ("run.steps=[1", "sequence"),
    ],
)
def test_overrides_that_cannot_be_used(override, hint):
    with pytest.raises(SettingsError, match=hint) as caught:
        load_recipe(TINY, [override])
    assert str(TINY) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["a: [1", "- a\n- b", "hello", "3", "run: 3", b"\xff\xfe\x00", "name: a\nname: b", "steps: 3"]
)
def test_files_that_are_no_recipe(tmp_path, text):
    with pytest.raises(SettingsError):
        load_recipe(written(tmp_path, text))


def test_files_that_are_not_there(tmp_path):
    for path in (tmp_path, tmp_path / "missing.yaml"):
        with pytest.raises(SettingsError, match="cannot read"):
            load_recipe(path)


def test_a_recipe_runs_no_code(tmp_path):
    victim = tmp_path / "ran"
    text = f"name: !!python/object/apply:os.system ['touch {victim}']\n"
    with pytest.raises(SettingsError):
        load_recipe(written(tmp_path, text))
    assert not victim.exists()
