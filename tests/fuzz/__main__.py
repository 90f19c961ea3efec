"""Tries the decoders with bytes that coverage leads to (atheris, libFuzzer).

python -m tests.fuzz [--seconds 60] [--only owntracks]

The first byte of an input chooses the decoder. What breaks one is left in tests/artifacts/fuzz/crash-*.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["domain"]):
    from tests.fuzz.target import TARGETS, examine

FOLDER = Path(__file__).resolve().parents[1] / "artifacts" / "fuzz"
SEEDS = (
    b'{"t":1764000000000,"lat":60.1,"lon":24.9,"boot":"b1","seq":1}',
    b'{"t":[1764000000000,1764000001000],"c":[4.5,4.6],"probe":"rear"}',
    b'{"_type":"location","lat":60.17,"lon":24.94,"tst":1764000000,"batt":67,"vel":36}',
    b"id=1&timestamp=1764000000&lat=60&lon=30&speed=10&bearing=90",
    b'[{"bn":"urn:dev:ow:10e2073a01080063:","bt":1.764e9,"n":"temperature","u":"Cel","v":4.5}]',
    b'{"ts":1764000000000,"values":{"temperature":4.5,"latitude":60.1,"longitude":24.9}}',
    b'{"gw_mac":"AA","rssi":-60,"ts":"1764000000","data":"0201061BFF99040512FC5394C37C0004FFFC040CAC364200CDCBB8334C884F"}',
    bytes.fromhex("043f00000020000003e900f600160080000c00038d7ea4c68000010000060000"),
    bytes.fromhex(
        "043d00000035000003ea00f0002b8d3034257bf7194e4000001a8581000186c98200038d7ea4c67c18840003" + "00" * 9
    ),
    bytes.fromhex("080100000113fc208dff000f14f650209cca80006f00d60400040004030101150316030001460000015d0001"),
)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="fuzz the decoders")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only", choices=TARGETS)
    options = parser.parse_args()
    targets = (options.only,) if options.only else TARGETS

    def one(data: bytes) -> None:
        if data:
            examine(targets[data[0] % len(targets)], data[1:])

    corpus = FOLDER / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS):
        for index in range(len(targets)):
            (corpus / f"seed-{number}-{index}").write_bytes(bytes([index]) + seed)
    arguments = [sys.argv[0], str(corpus), f"-max_total_time={options.seconds}", f"-artifact_prefix={FOLDER}/"]
    atheris.Setup([*arguments, "-max_len=4096", "-timeout=10", "-print_final_stats=1"], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
