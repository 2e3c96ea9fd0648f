from bench.__main__ import found, main

NOBODY = "postgres://postgres@127.0.0.1:1/none"


def test_a_bench_that_breaks_says_why_and_the_others_go_on(monkeypatch, capfd):
    monkeypatch.setenv("DATABASE_URL", NOBODY)
    assert main(["nothing", "ledger", "sockets", "--quick"]) == 1
    rows = capfd.readouterr().out.splitlines()[2:]
    assert [row.split(maxsplit=2)[:2] for row in rows] == [
        ["nothing", "failed:"],
        ["ledger", "failed:"],
        ["sockets", "failed:"],
    ]
    assert all("port 1 failed" in row for row in rows[1:])


def test_every_bench_can_be_run_small(monkeypatch, capfd):
    monkeypatch.setenv("DATABASE_URL", NOBODY)
    assert main(["--quick", "--markdown"]) == 1
    rows = capfd.readouterr().out.splitlines()[2:]
    assert len(rows) == len(found())
    assert all("port 1 failed" in row for row in rows)  # none stops at its options
