"""`python -m podtts`: the same as the command `podtts`."""

from podtts.cli.app import main

if __name__ == "__main__":
    main()
