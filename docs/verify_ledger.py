#!/usr/bin/env python3
"""Checks a chartseal ledger with nothing but Python's standard library.

usage: verify_ledger.py LEDGER-FOLDER [PRACTICE.PUB [HEAD...]]

Prints the last entry, or the first that does not hold (exit code 4). With the practice's
public key it also checks the signed head in the folder, and every HEAD: copies of it that
were kept elsewhere, such as in the store. The format is that of docs/ledger.md.
"""
import base64, hashlib, json, pathlib, re, sys

# Ed25519 as in RFC 8032, sections 5.1 and 6: only checking, which has no secrets.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
I = pow(2, (P - 1) // 4, P)


def add(a, b):
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    return ((f - e) * (h - g) % P, (h + g) * (f + e) % P, (h - g) * (h + g) % P, (f - e) * (f + e) % P)


def times(n, a):
    out = (0, 1, 1, 0)
    while n:
        out, a, n = (add(out, a) if n & 1 else out), add(a, a), n >> 1
    return out


def point(b):
    y = int.from_bytes(b, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    x2 = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if x * x % P != x2:
        x = x * I % P
    if y >= P or x * x % P != x2 or (x == 0 and sign):
        raise ValueError("not a point of the curve")
    x = P - x if x & 1 != sign else x
    return (x, y, 1, x * y % P)


BASE = point(bytes([0x58]) + bytes([0x66]) * 31)


def signed(key, message, sig):
    a, r, s = point(key), point(sig[:32]), int.from_bytes(sig[32:], "little")
    k = int.from_bytes(hashlib.sha512(sig[:32] + key + message).digest(), "little") % L
    u, v = times(s, BASE), add(r, times(k, a))
    return s < L and (u[0] * v[2] - v[0] * u[2]) % P == 0 and (u[1] * v[2] - v[1] * u[2]) % P == 0


HEAD = rb"(chartseal ledger head v1\nsite: [A-Za-z0-9-]{1,64}\nseq: ([1-9]\d{0,18})\nhash: ([0-9a-f]{64})\nat: ([\dTZ:.-]+)\n)untrusted comment: .*\n(.+)\ntrusted comment: (.*)\n(.+)\n"


BEGIN = rb'\{"v":1,"seq":\d{1,20},"prev":"[0-9a-f]{64}","key":"[A-Za-z0-9._/:+-]{1,200}","at":"\d{4}-\d\d-\d\dT'


def fail(where, why):
    print(f"ledger is broken: {where}: {why}")
    sys.exit(4)


def read_head(path, pub, needed=True):
    """The entry, hash and time that a signed head names (minisign's format, prehashed)."""
    try:
        m = re.fullmatch(HEAD, path.read_bytes())
        sig, both = base64.b64decode(m[5]), base64.b64decode(m[7])
        ok = sig[:2] == b"ED" and sig[2:10] == pub[2:10] and len(sig) == 74 and len(both) == 64
        ok = ok and signed(pub[10:], hashlib.blake2b(m[1]).digest(), sig[10:])
        ok = ok and signed(pub[10:], sig[10:] + m[6], both)
    except (TypeError, ValueError, FileNotFoundError):
        ok = False
    if not ok and needed:
        fail(path.name, "not signed by this key")
    return (int(m[2]), m[3].decode(), m[4].decode()) if ok else None


def main(folder, key=None, *copies):
    folder, known, own, promised, restored = pathlib.Path(folder), [], None, None, []
    if key:
        pub = base64.b64decode(pathlib.Path(key).read_text().strip().split("\n")[-1])
        for c in copies:
            if not pathlib.Path(c).is_file():
                sys.exit(f"{c}: no such file")
        known = [head for head in (read_head(pathlib.Path(c), pub, needed=False) for c in copies) if head]
        if len(known) < len(copies):
            print(f"{len(copies) - len(known)} copies are not signed by this key, and say nothing", file=sys.stderr)
        promised = read_head(folder / "head.new", pub, needed=False)
        if (folder / "head").exists():
            own = read_head(folder / "head", pub)
            known.append(own)
    seq, prev, seen = 0, "0" * 64, {}
    segments = sorted(folder.glob("[0-9][0-9][0-9][0-9].jsonl"))
    for segment in segments:
        lines = segment.read_bytes().split(b"\n")
        torn = lines.pop()
        if segment == segments[-1] and not torn and lines and b"\0" in lines[-1]:
            torn = lines.pop()  # zeros, where a power cut kept the line from the disk
        if torn and segment != segments[-1]:
            fail(segment.name, "last line is incomplete")
        if torn:
            print(f"after the last entry: {len(torn)} bytes of one that was being written", file=sys.stderr)
        for number, line in enumerate(lines, 1):
            where = f"entry {seq + 1} ({segment.name} line {number})"
            tail = re.search(rb',"hash":"([0-9a-f]{64})"}$', line)
            if not tail or not re.match(BEGIN, line):
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
            seen[seq] = hash
            if entry["event"] == "restored" and "key" not in entry.get("lost", {"key": ""}):
                lost = entry["lost"]
                restored.append((lost["from"], lost["to"], max(stamp(entry["at"]), stamp(lost["at"]))))
    for at, hash, when in known:
        forgiven = any(a <= at <= b and stamp(when) <= until for a, b, until in restored)
        if seen.get(at) != hash and not forgiven:
            fail(f"entry {min(at, seq + 1)}", "cut off at the end" if at > seq else "ledger was written anew")
    covered = own[0] if own else 0
    if key and (seq > covered + 1 or seq > covered and (not promised or (seq, prev) != promised[:2])):
        fail(f"entry {covered + 1}", "not covered by the signed head" if own else "the signed head is missing")
    print(seq, prev)


def stamp(t):
    """An RFC 3339 time in UTC, so that texts compare as times."""
    return (t[:-1] + ("" if "." in t else ".")).ljust(30, "0")


if __name__ == "__main__":
    if len(sys.argv) < 2 or not pathlib.Path(sys.argv[1]).is_dir():  # also --help
        sys.exit(__doc__)
    main(*sys.argv[1:])
