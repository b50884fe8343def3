"""What the codes of a model mean: pictures and numbers from what it makes of speech, and from the logs of its training.

Start with `observe.observe`, which makes an `observed.Observation` of a run; every evaluation is a function of one.
"""
