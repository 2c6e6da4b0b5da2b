"""What `podtts` alone says."""

WELCOME = """\
podtts turns a dialogue script into a finished podcast.

To begin, with the small model that comes with podtts:
  podtts init my-podcast    makes a folder with a script, recordings and the next commands
  podtts voices             lists the voices that can speak
  podtts --help             lists all commands"""


def welcome() -> None:
    """Print the commands to begin with."""
    print(WELCOME)
