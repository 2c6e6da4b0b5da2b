"""Publishing: from synthesized turns to the files of an episode."""
