"""The benchmarks: each figure over HTTP, beside its limit, measured in one run.

    make bench                      the table, in about five minutes
    make bench ARGS="--quick"       the same with fewer requests, to see that it works
    make bench ARGS="--only hot"    figures whose name contains a text
    make bench ARGS="--write"       also into docs/benchmarks.md

The servers, the database and the load are processes of their own on this machine.
"""

from __future__ import annotations

import argparse

from benchmarks.figures import Bench
from benchmarks.report import ROOT, as_markdown, as_page
from tests import servers


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure.")
    parser.add_argument("--quick", action="store_true", help="fewer requests")
    parser.add_argument("--only", default="", metavar="TEXT", help="figures named like this")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2], metavar="N")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    arguments = parser.parse_args()
    with (
        servers.postgresql_server(servers.WITH_DURABILITY) as server_url,
        servers.redis_server() as redis_url,
        servers.fresh_database(server_url) as database_url,
    ):
        bench = Bench(database_url, redis_url, only=arguments.only, quick=arguments.quick)
        for processes in arguments.processes:
            bench.measure(processes)
        bench.paint()
        measured = bench.finish()
    print(as_markdown(measured))
    if arguments.write:
        (ROOT / "docs/benchmarks.md").write_text(as_page(measured))


if __name__ == "__main__":
    main()
