"""`python -m flowrun`: the same command as `flowrun`."""

from flowrun.cli import main

if __name__ == "__main__":
    main()
