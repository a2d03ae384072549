#!/usr/bin/env python3
"""Checks a chartseal ledger with nothing but the standard library.

usage: verify.py LEDGER-FOLDER [SEQ HASH]

Prints the head, or the first entry that does not hold. SEQ and HASH name an
entry that is known from elsewhere, such as a receipt.
"""
import hashlib, json, pathlib, re, sys


def fail(where, why):
    sys.exit(f"ledger is broken: {where}: {why}")


def main(folder, known_seq=None, known_hash=None):
    seq, prev, seen = 0, "0" * 64, known_seq is None
    for segment in sorted(pathlib.Path(folder).glob("[0-9][0-9][0-9][0-9].jsonl")):
        lines = segment.read_bytes().split(b"\n")
        if lines.pop() != b"":
            fail(segment.name, "last line is incomplete")
        for number, line in enumerate(lines, 1):
            where = f"entry {seq + 1} ({segment.name} line {number})"
            tail = re.search(rb',"hash":"([0-9a-f]{64})"}$', line)
            if not tail:
                fail(where, "not a line of a ledger")
            hash = tail[1].decode()
            if hashlib.sha256(line[: tail.start()] + b"}").hexdigest() != hash:
                fail(where, "edited")
            entry = json.loads(line)
            if entry["v"] != 1 or entry["seq"] != seq + 1 or entry["prev"] != prev:
                fail(where, "does not follow the entry before")
            if number == 1 and not segment.name.startswith(entry["at"][:4]):
                fail(where, "segment named after another year")
            seq, prev = seq + 1, hash
            if str(seq) == known_seq:
                if hash != known_hash:
                    fail(where, "ledger was written anew")
                seen = True
    if not seen:
        fail(f"entry {seq + 1}", "cut off at the end")
    print(seq, prev)


if __name__ == "__main__":
    main(*sys.argv[1:])
