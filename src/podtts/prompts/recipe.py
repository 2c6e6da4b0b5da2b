"""The version of the computation from a recording to its prompt (extract.py)."""

RECIPE_VERSION = 1  # raise when anything changes the tensors: cached prompts are then made again
