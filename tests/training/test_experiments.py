from pathlib import Path

import pytest
from typer.testing import CliRunner

from brevox.cli.app import app
from brevox.errors import SettingsError
from brevox.training.checkpoint import LAST, load_checkpoint
from brevox.training.experiments import is_experiments, load_experiments

RECIPE = "name: base\nseed: 5\nmodel: {latent: 8}\nlosses: [{name: mel}]\n"


@pytest.fixture
def write(tmp_path):
    """Write an experiments file beside a recipe; gives its path."""
    (tmp_path / "recipe.yaml").write_text(RECIPE)

    def write(text):
        path = tmp_path / "experiments.yaml"
        path.write_text(text)
        return path

    return write


def test_each_run_is_the_recipe_with_its_overrides_and_seeds(write):
    path = write(
        "recipe: recipe.yaml\noverrides: [run.steps=7, data.batch=3]\nseeds: [1, 2]\n"
        "runs: {plain: [], small: [data.batch=1, model.latent=4]}\n"
    )
    recipes = load_experiments(path, ["run.steps=9"])
    assert list(recipes) == ["plain-1", "plain-2", "small-1", "small-2"]
    for name, recipe in recipes.items():
        small = name.startswith("small")
        assert (recipe.name, recipe.seed, recipe.run.steps) == (name, int(name[-1]), 9)
        assert (recipe.data.batch, recipe.model["latent"]) == ((1, 4) if small else (3, 8))


def test_one_seed_alone_is_not_in_the_name_and_a_run_may_have_its_own(write):
    recipes = load_experiments(write("recipe: recipe.yaml\nruns: {one: [], other: [seed=4]}\n"))
    assert {name: recipe.seed for name, recipe in recipes.items()} == {"one": 0, "other": 4}


def test_sizes_of_the_codebook_are_a_list_too(write):
    path = write("recipe: recipe.yaml\ncodes: [10, 44]\nseeds: [1, 2]\nruns: {one: [], two: [model.latent=4]}\n")
    recipes = load_experiments(path)
    assert list(recipes) == [f"{run}-{codes}-{seed}" for run in ("one", "two") for codes in (10, 44) for seed in (1, 2)]
    for name, recipe in recipes.items():
        run, codes, seed = name.split("-")
        assert (recipe.model["bottleneck"], recipe.seed) == ({"codes": int(codes)}, int(seed))
        assert recipe.model["latent"] == (8 if run == "one" else 4)
    single = load_experiments(write("recipe: recipe.yaml\ncodes: [10]\nruns: {one: []}\n"))
    assert single["one"].model["bottleneck"] == {"codes": 10}


def test_a_recipe_is_not_taken_for_experiments(write, tmp_path):
    assert is_experiments(write("recipe: recipe.yaml\nruns: {a: []}\n"))
    assert not is_experiments(tmp_path / "recipe.yaml")
    assert not is_experiments(tmp_path / "missing.yaml")
    assert not is_experiments(write("a: [unclosed"))


@pytest.mark.parametrize(
    "text, hint",
    [
        ("recipe: recipe.yaml\nruns: {}\n", "no runs"),
        ("recipe: recipe.yaml\nseeds: []\nruns: {a: []}\n", "no seeds"),
        ("recipe: recipe.yaml\nruns: {a: []}\nseed: [1]\n", "seed"),
        ("recipe: recipe.yaml\nruns: {a/b: []}\n", "a/b"),
        ("recipe: other.yaml\nruns: {a: []}\n", "other.yaml"),
        ("recipe: recipe.yaml\nruns: {a: [data.btach=3]}\n", "btach"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(write, text, hint):
    with pytest.raises(SettingsError, match=hint):
        load_experiments(write(text))


def test_one_command_trains_them_all_and_again_goes_on(corpus, tmp_path):
    path = tmp_path / "two.yaml"
    path.write_text(f"recipe: {Path(__file__).parent / 'tiny.yaml'}\nruns: {{a: [], b: [seed=9]}}\n")
    command = ["train", str(path), f"data.corpus={corpus}", "--run", str(tmp_path / "runs")]
    for steps in (1, 2):
        assert CliRunner().invoke(app, [*command, f"run.steps={steps}"]).exit_code == 0
        states = [load_checkpoint(tmp_path / "runs" / name / LAST) for name in "ab"]
        assert [(state["step"], state["recipe"]["seed"]) for state in states] == [(steps, 0), (steps, 9)]
