"""podtts turns a dialogue script into a finished podcast with the SoulX-Podcast model family."""

__version__ = "0.1.0"
