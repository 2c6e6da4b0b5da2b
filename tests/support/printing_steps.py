"""A command that prints a line before each step, so that a test can stop it there.

It cannot get further than the second line after the one that the test has read (commands.py).
"""

# Prints a line before each call of a function; argument: its module, its class if any, its name.
PRINTING = """
import importlib, sys
module, owner, name = sys.argv.pop(1).split(":")
place = importlib.import_module(module)
place = getattr(place, owner) if owner else place
compute = getattr(place, name)

def printing(*arguments, **options):
    print("a step", file=sys.stderr, flush=True)
    return compute(*arguments, **options)

setattr(place, name, printing)
from podtts.cli.app import main
main()
"""
