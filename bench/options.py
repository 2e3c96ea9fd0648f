"""The options that all benches share."""

import argparse


def parser(module: str, doc: str | None) -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog=f"python -m {module}", description=doc)
    found.add_argument("--quick", action="store_true", help="few and small, to see that it runs: no figures to keep")
    return found
