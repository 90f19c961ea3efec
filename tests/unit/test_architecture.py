"""The shape of the house, held by tests: who may import whom, where SQL may stand, what stays pure, what is too long.

Each check is a function from sources to complaints. The complaints about this repository must be none, and each check
is shown a small offence first, so that a check that has gone blind is noticed.
"""

import ast
import logging
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest
from importlinter.cli import lint_imports

from tracker.families import FAMILIES

ROOT = Path(__file__).resolve().parents[2]

# package -> what it may import of our own, itself aside. Services never import one another.
ARROWS = {
    "domain": set(),
    "store": {"domain"},
    "serving": {"domain"},
    "ingest": {"domain", "store", "serving"},
    "tracker": {"domain", "store"},
    "planning": {"domain", "store"},
    "operations": {"domain", "store"},
    "api": {"domain", "store", "planning", "serving", "operations"},
    "firmware_sim": {"domain"},
    "frostway": {"domain", "store", "serving", "ingest", "tracker", "planning", "operations", "api", "firmware_sim"},
}
# What people's clicks and facts share: pure, of our own it knows only itself. The API knows no more of operations.
DECISIONS = ("operations/unit_of_work.py", "operations/*/decide.py", "operations/*/record.py")
DECISIONS_MAY_IMPORT = {
    "__future__",
    "collections",
    "dataclasses",
    "datetime",
    "domain",
    "enum",
    "json",
    "math",
    "typing",
}
# As in pyproject.toml. Its contract looks at packages of one level; circles through several are looked for here.
FOR_TYPES_ONLY = (
    ("tracker.rules.beliefs", "tracker.rules.trips"),
    ("tracker.rules.passages", "tracker.rules.geofence"),
)
RULES_MAY_IMPORT = {
    "domain",
    "numpy",
    "shapely",
    "__future__",
    "abc",
    "bisect",
    "collections",
    "dataclasses",
    "datetime",
    "enum",
    "functools",
    "heapq",
    "itertools",
    "math",
    "operator",
    "types",
    "typing",
    "zlib",
}
DOMAIN_MUST_NOT_IMPORT = {
    "asyncio",
    "logging",
    "multiprocessing",
    "os",
    "paho",
    "pathlib",
    "psycopg",
    "random",
    "secrets",
    "shutil",
    "socket",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib",
}
CLOCK_CALLS = {"now", "utcnow", "today", "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter"}
CLOCK_OWNERS = {"datetime", "date", "time", "dt"}
IO_CALLS = {"open", "print", "input", "exec", "eval"}

SQL = re.compile(
    r"""\s*(--[^\n]*\n\s*)* (
        SELECT\s[^;]*?\sFROM\s | SELECT\s+\w+\( | INSERT\s+INTO\s | UPDATE\s+[\w.]+\s+SET\s | DELETE\s+FROM\s
      | WITH\s+(RECURSIVE\s+)?\w+\s*(\([^)]*\)\s*)?AS\s*\( | COPY\s+[\w.]+\s*(\(|FROM\s|TO\s) | TRUNCATE\s
      | (CREATE|ALTER|DROP)\s+(OR\s+REPLACE\s+|UNIQUE\s+|TEMP(ORARY)?\s+)*
        (TABLE|INDEX|VIEW|SCHEMA|FUNCTION|ROLE|EXTENSION|DATABASE)\s
      | MERGE\s+INTO\s | (UN)?LISTEN\s+\w+\s*;?\s*$ | NOTIFY\s+\w+ | SET\s+(LOCAL|SESSION)\s | LOCK\s+TABLE\s
    )""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 70


def python_files(*packages: str) -> Iterator[Path]:
    for package in packages:
        yield from (path for path in sorted((ROOT / package).rglob("*.py")) if "node_modules" not in path.parts)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def complaints(check: Callable[[str, str], list[str]], *packages: str) -> list[str]:
    return [c for path in python_files(*packages) for c in check(name_of(path), path.read_text())]


def imported_modules(tree: ast.Module, package: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """(line, absolute dotted name) of every import, wherever in the module it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            yield node.lineno, ".".join([*base, *([node.module] if node.module else [])])


def import_complaints(name: str, source: str) -> list[str]:
    package = tuple(Path(name).parts[:-1])
    allowed = ARROWS[package[0]] | {package[0]}
    return [
        f"{name}:{line}: {package[0]} must not import {module}"
        for line, module in imported_modules(ast.parse(source, name), package)
        if module.split(".")[0] in {*ARROWS, "tests"} - allowed
    ]


def sql_complaints(name: str, source: str) -> list[str]:
    """String literals that read like a statement. Docstrings may talk about SQL."""
    tree = ast.parse(source, name)
    docstrings = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    return [
        f"{name}:{node.lineno}: SQL belongs into store/queries: {node.value.strip()[:60]!r}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docstrings
        and SQL.match(node.value)
    ]


def clock_and_io_complaints(name: str, source: str) -> list[str]:
    """Calls by which pure code would reach the clock, a file or the terminal."""
    found = []
    for node in ast.walk(ast.parse(source, name)):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in IO_CALLS:
            found.append(f"{name}:{node.lineno}: {called.id}() in pure code")
        if isinstance(called, ast.Attribute) and called.attr in CLOCK_CALLS:
            owner = called.value.attr if isinstance(called.value, ast.Attribute) else getattr(called.value, "id", "")
            if owner in CLOCK_OWNERS:
                found.append(f"{name}:{node.lineno}: {owner}.{called.attr}() reads the clock; take now instead")
    return found


def rule_import_complaints(name: str, source: str) -> list[str]:
    return [
        f"{name}:{line}: a rule must not import {module}"
        for line, module in imported_modules(ast.parse(source, name), tuple(Path(name).parts[:-1]))
        if module.split(".")[0] not in RULES_MAY_IMPORT and not f"{module}.".startswith("tracker.rules.")
    ]


def decisions() -> list[Path]:
    return sorted(path for pattern in DECISIONS for path in ROOT.glob(pattern))


def decision_import_complaints(name: str, source: str) -> list[str]:
    """Imports of `operations` that are not its pure parts; in a pure part itself any that is not pure."""
    pure = {name_of(path).removesuffix(".py").replace("/", ".") for path in decisions()}
    others_too = not name.startswith("operations/")
    return [
        f"{name}:{line}: must not import {module}"
        for line, module in imported_modules(ast.parse(source, name), tuple(Path(name).parts[:-1]))
        if not (module in pure or (module.split(".")[0] != "operations" and others_too))
        and module.split(".")[0] not in DECISIONS_MAY_IMPORT
    ]


def domain_import_complaints(name: str, source: str) -> list[str]:
    return [
        f"{name}:{line}: domain is pure and must not import {module}"
        for line, module in imported_modules(ast.parse(source, name), tuple(Path(name).parts[:-1]))
        if module.split(".")[0] in DOMAIN_MUST_NOT_IMPORT and module != "urllib.parse"  # it only takes text apart
    ]


def function_length_complaints(name: str, source: str) -> list[str]:
    return [
        f"{name}:{node.lineno}: {node.name} has {length} lines, at most {MAX_FUNCTION_LINES}"
        for node in ast.walk(ast.parse(source, name))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > MAX_FUNCTION_LINES
    ]


def test_programs_import_only_along_the_arrows() -> None:
    assert import_complaints("ingest/loop.py", "def f():\n    from tracker.rules import visits\n")
    assert import_complaints("store/log.py", "import frostway.settings")
    assert import_complaints("firmware_sim/world.py", "import store")
    assert not import_complaints("api/feed/hub.py", "from planning import eta\nfrom .auth import user\nimport numpy")
    assert complaints(import_complaints, *ARROWS) == []


def circles(imports: dict[str, set[str]]) -> list[str]:
    """A circle of modules that import one another, if there is one."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return error.args[1]
    return []


OFFENCE = """
[tool.importlinter]
root_packages = ["serving", "domain"]
[[tool.importlinter.contracts]]
name = "broken"
type = "forbidden"
source_modules = ["serving"]
forbidden_modules = ["domain"]
"""


@pytest.fixture
def loggers() -> Iterator[None]:
    """As they are: import-linter silences every logger that there is, also for the tests behind."""
    known = [each for each in logging.Logger.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    before = [(each, each.disabled) for each in known]
    yield
    for each, disabled in before:
        each.disabled = disabled


@pytest.mark.usefixtures("loggers")
def test_the_contracts_of_the_house_are_kept(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pyproject.toml").write_text(OFFENCE)
    assert lint_imports(str(tmp_path / "pyproject.toml"), no_cache=True) != 0
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert set(settings["root_packages"]) == set(ARROWS)
    assert {package for contract in settings["contracts"] for package in contract.get("ancestors", ())} == set(ARROWS)
    status = lint_imports(str(ROOT / "pyproject.toml"), no_cache=True)
    assert status == 0, capfd.readouterr().out


def test_no_modules_import_one_another_in_a_circle() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    graph = grimp.build_graph(*ARROWS, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    for importer, imported in FOR_TYPES_ONLY:
        imports[importer].remove(imported)
    assert circles(imports) == []


def test_every_package_has_its_arrows_declared() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert packages <= set(ARROWS), "declare in ARROWS what a new package may import"


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT id FROM device",
        "select pg_notify('x', '')",
        "INSERT INTO device VALUES (1)",
        "\n  update device set id = 1",
        "WITH x AS (SELECT 1) SELECT * FROM x",
        "COPY reading (time) FROM STDIN (FORMAT BINARY)",
        "create table t (id int)",
        "LISTEN changes",
        "-- why\nDELETE FROM t",
    ],
)
def test_a_statement_in_python_is_found(statement: str) -> None:
    assert sql_complaints("api/x.py", f"Q = {statement!r}")
    assert sql_complaints("api/x.py", f"Q = f{statement!r}")
    assert not sql_complaints("api/x.py", f"def f():\n    {statement!r}\n")  # a docstring


@pytest.mark.parametrize(
    "text",
    ["copy it", "update available", "set the table", "listen on 127.0.0.1", "with care"],
)
def test_prose_is_not_taken_for_a_statement(text: str) -> None:
    assert not sql_complaints("api/x.py", f"M = {text!r}")


def test_sql_stands_in_the_store_only() -> None:
    others = set(ARROWS) - {"store"}
    assert complaints(sql_complaints, *sorted(others)) == []


def test_rules_see_numpy_shapely_and_domain_only() -> None:
    assert rule_import_complaints("tracker/rules/forecast.py", "import time")
    assert rule_import_complaints("tracker/rules/forecast.py", "from tracker import state")
    assert rule_import_complaints("tracker/rules/forecast.py", "from .. import state")
    assert not rule_import_complaints(
        "tracker/rules/forecast.py", "import numpy\nfrom domain.facts import Visit\nfrom . import base"
    )
    assert complaints(rule_import_complaints, "tracker/rules") == []


def test_decisions_are_pure_and_all_that_the_api_knows_of_operations() -> None:
    assert decision_import_complaints("operations/cases/decide.py", "import psycopg")
    assert decision_import_complaints("operations/cases/record.py", "from store.db import queries")
    assert decision_import_complaints("operations/cases/record.py", "from operations.service import run")
    assert decision_import_complaints("api/alerts.py", "from operations.cases.follow import follow")
    assert not decision_import_complaints("api/alerts.py", "import operations.cases.decide, psycopg")
    assert {"operations/cases/decide.py", "operations/cases/record.py"} <= {name_of(path) for path in decisions()}
    found = [c for path in decisions() for c in decision_import_complaints(name_of(path), path.read_text())]
    found += [c for path in decisions() for c in clock_and_io_complaints(name_of(path), path.read_text())]
    assert found + complaints(decision_import_complaints, "api") == []


def test_rules_and_domain_read_no_clock_and_touch_no_file() -> None:
    for offence in ("datetime.now(UTC)", "time.time()", "datetime.datetime.utcnow()", "open('x')", "print(1)"):
        assert clock_and_io_complaints("tracker/rules/x.py", offence), offence
    assert not clock_and_io_complaints("tracker/rules/x.py", "batch.time.min(); state.open(now)")
    assert complaints(clock_and_io_complaints, "tracker/rules", "domain") == []


def test_domain_imports_nothing_that_reaches_outside() -> None:
    assert domain_import_complaints("domain/readings.py", "from pathlib import Path")
    assert DOMAIN_MUST_NOT_IMPORT - {"paho", "psycopg"} <= sys.stdlib_module_names
    assert complaints(domain_import_complaints, "domain") == []


def test_no_file_is_longer_than_one_can_hold_in_mind() -> None:
    sources = [
        *python_files(*ARROWS, "tests"),
        *ROOT.glob("*.py"),
        *(ROOT / "store").glob("*.sql"),
        *(ROOT / "store/queries").rglob("*.sql"),
    ]
    pages = (path for pattern in ("*.ts", "*.svelte", "*.css") for path in (ROOT / "api/web").rglob(pattern))
    generated = {"node_modules", ".svelte-kit", "schema.d.ts"}  # the last by `make types`
    sources += [path for path in pages if not generated & set(path.parts)]
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in sources}
    assert {name: n for name, n in lengths.items() if n > MAX_FILE_LINES} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    assert function_length_complaints("api/x.py", "def f():\n" + "    pass\n" * MAX_FUNCTION_LINES)
    assert complaints(function_length_complaints, *ARROWS, "tests") == []


def cut_complaints(path: str, source: str) -> list[str]:
    """Files that cut connections without naming the database: tests side by side share a server."""
    cuts, named = len(re.findall(r"pg_terminate_backend\((?!pg_backend_pid)", source)), source.count("datname")
    return [f"{path}: cuts connections of other databases too"] if cuts > named else []


def test_a_test_cuts_connections_of_its_own_database_alone() -> None:
    assert cut_complaints("tests/x.py", "select pg_terminate_" + "backend(pid) from pg_stat_activity")
    assert complaints(cut_complaints, *ARROWS, "tests") == []


def test_migrations_are_numbered_one_after_the_other() -> None:
    assert numbering_complaints(["0001_a.sql", "0002_b.sql"]) == []
    assert numbering_complaints(["0001_a.sql", "0003_b.sql"]) == ["0003_b.sql: 0002 is wanted"]
    assert numbering_complaints(["0001_a.sql", "0001_b.sql"]) == ["0001_b.sql: 0002 is wanted"]
    assert numbering_complaints([path.name for path in (ROOT / "store/migrations").glob("*.sql")]) == []


def numbering_complaints(names: list[str]) -> list[str]:
    """Migrations whose number is another's, or leaves a hole: two people may take the same."""
    return [f"{name}: {n:04} is wanted" for n, name in enumerate(sorted(names), 1) if name[:5] != f"{n:04}_"]


def test_lock_files_pin_by_hash_and_carry_no_address() -> None:
    locks = sorted((ROOT / "requirements").glob("*.lock"))
    assert [path.name for path in locks] == ["build.lock", "dev.lock", "fuzz.lock", "run.lock"]
    for path in locks:
        text = path.read_text()
        assert "://" not in text
        assert "--index-url" not in text
        blocks = re.split(r"\n(?=[a-z0-9])", text)[1:]
        assert blocks
        assert [b.splitlines()[0] for b in blocks if "==" not in b.splitlines()[0] or "--hash=sha256:" not in b] == []
    web_lock = ROOT / "api/web/package-lock.json"
    assert not web_lock.exists() or '"resolved"' not in web_lock.read_text()


def family_complaints(name: str, source: str, after: dict[str, set[str]]) -> list[str]:
    """The engine knows no family; a family knows the engine, rules, and those it comes after."""
    package = tuple(Path(name).parts[:-1])
    room = package[1]
    allowed = {"config", "rules", "engine", *({room} | after[room] if room in after else ())}
    return [
        f"{name}:{line}: {room} must not import {module}"
        for line, module in imported_modules(ast.parse(source, name), package)
        if module.startswith("tracker.") and module.split(".")[1] not in allowed
    ]


def test_the_engine_knows_no_family_and_a_family_only_those_it_comes_after() -> None:
    after = {family.name: set(family.after) for family in FAMILIES}
    assert family_complaints("tracker/engine/x.py", "from tracker.vehicles.facts import VISIT", after)
    assert family_complaints("tracker/vehicles/x.py", "from tracker.shipments.rows import ShipmentRows", after)
    assert not family_complaints("tracker/shipments/x.py", "from tracker.vehicles.rows import VehicleRows", after)
    rooms = [path for path in python_files("tracker") if len(path.relative_to(ROOT).parts) > 2]
    found = [(name_of(path), path.read_text()) for path in rooms if "rules" not in path.parts]
    assert {Path(name).parts[1] for name, _ in found} == {"engine", *after}
    assert [c for name, source in found for c in family_complaints(name, source, after)] == []


# What an effect draws as a whole, and so may read of its props as it comes.
DRAWN_WHOLE = {
    ("DayPlot.svelte", "days"),
    ("DayPlot.svelte", "height"),
    ("MiniMap.svelte", "shipment"),
    ("MiniMap.svelte", "style"),
    ("MiniMap.svelte", "t"),
    ("TempChart.svelte", "height"),
    ("TempChart.svelte", "latest"),
    ("TempChart.svelte", "to"),
}


def bodies_of_effects(source: str) -> Iterator[str]:
    """What stands in the parentheses of each `$effect`, without remarks."""
    source = re.sub(r"(?<!:)//.*", "", source)
    for found in re.finditer(r"\$effect(?:\.pre)?\(", source):
        end, depth = found.end(), 1
        while depth and end < len(source):
            depth += {"(": 1, ")": -1}.get(source[end], 0)
            end += 1
        yield source[found.end() : end]


def effect_complaints(name: str, source: str) -> list[str]:
    """Effects that read a prop: it may be a member of an object that is another one at every update of the feed."""
    props = re.search(r"let \{([^}]*)\}[^=]*= \$props\(\)", source)
    names = re.findall(r"(?:^|,)\s*(\w+)", props[1]) if props else []
    bodies = list(bodies_of_effects(source))
    return [
        f"{name}: an effect reads the prop {prop}; let it read a $derived of what it depends on"
        for prop in names
        if (Path(name).name, prop) not in DRAWN_WHOLE
        and any(re.search(rf"(?<![\w.$]){prop}\b(?!\s*:)", body) for body in bodies)
    ]


def test_an_effect_runs_again_only_when_what_it_depends_on_is_another() -> None:
    offence = "let { vehicle }: { vehicle: Vehicle } = $props()\n$effect(() => {\n  void load(vehicle.id)\n})"
    assert effect_complaints("X.svelte", offence)
    mended = offence.replace("$effect", "const id = $derived(vehicle.id)\n$effect").replace(
        "load(vehicle.id)", "load(id)"
    )
    assert not effect_complaints("X.svelte", mended)
    sources = [(name_of(path), path.read_text()) for path in (ROOT / "api/web/src").rglob("*.svelte")]
    assert len(sources) > 50
    assert [c for name, source in sources for c in effect_complaints(name, source)] == []
