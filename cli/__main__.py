"""`python -m cli` is `league`."""

from cli.main import league

if __name__ == "__main__":
    league(prog_name="league")
