"""`python -m swarmkeeper`: the same as the console script."""

from swarmkeeper.cli import main

if __name__ == "__main__":
    main()
