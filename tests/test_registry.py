import pytest
from torch import nn

from brevox.errors import SettingsError
from brevox.registry import Registry

TOOLS = Registry("tool")


@TOOLS.register("saw")
class Saw:
    def __init__(self, blade, teeth, handle="wood"):
        self.blade, self.teeth, self.handle = blade, teeth, handle


@TOOLS.register("hammer")
class Hammer(nn.Module):  # has a constructor that takes anything
    pass


def test_builds_what_is_named_from_settings_and_what_is_given():
    saw = TOOLS.build({"name": "saw", "teeth": 40}, blade="steel", weight=3)
    assert (type(saw), saw.blade, saw.teeth, saw.handle) == (Saw, "steel", 40, "wood")
    assert isinstance(TOOLS.build({"name": "hammer"}, blade="steel"), Hammer)


def test_settings_are_left_as_they_were():
    settings = {"name": "saw", "teeth": 40}
    TOOLS.build(settings, blade="steel")
    assert settings == {"name": "saw", "teeth": 40}


@pytest.mark.parametrize(
    "settings, hints",
    [
        ({"name": "axe"}, ["tool", "'axe'", "hammer, saw"]),
        ({"teeth": 40}, ["tool", "None", "hammer, saw"]),
        ({"name": "saw", "teeth": 40, "tooth": 1}, ["'saw'", "no tooth", "teeth, handle"]),
        ({"name": "hammer", "args": 1}, ["'hammer'", "no args", "nothing"]),
        ({"name": "saw"}, ["'saw'", "needs teeth"]),
        ({"name": "saw", "teeth": 40, "blade": "tin"}, ["'saw'", "no blade", "teeth, handle"]),
    ],
    ids=[
        "unknown name",
        "no name",
        "unknown entry",
        "any entry",
        "missing entry",
        "an entry that is not the recipe's to choose",
    ],
)
def test_a_mistake_is_told_in_a_sentence(settings, hints):
    with pytest.raises(SettingsError) as caught:
        TOOLS.build(settings, blade="steel")
    for hint in hints:
        assert hint in str(caught.value)


@pytest.mark.parametrize(
    "settings, meant", [({"name": "hamer"}, "hammer"), ({"name": "saw", "teeth": 4, "hanlde": 1}, "handle")]
)
def test_a_slip_of_the_pen_is_told_with_what_was_meant(settings, meant):
    with pytest.raises(SettingsError, match=f"did you mean '{meant}'"):
        TOOLS.build(settings, blade="steel")
