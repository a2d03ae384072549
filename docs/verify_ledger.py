"""Checks a chartseal ledger with nothing but Python's standard library.

usage: verify_ledger.py LEDGER-FOLDER [PRACTICE.PUB [HEAD...]]

Prints the last entry, or the first that does not hold (exit code 4). With the practice's key it also checks
the signed head in the folder, and every HEAD: copies of it kept elsewhere. The format is that of docs/ledger.md."""
import base64, hashlib, json, pathlib, re, sys

BEGIN = rb'\{"v":1,"seq":(\d{1,20}),"prev":"([0-9a-f]{64})","key":"[A-Za-z0-9._/:+-]{1,200}","at":"(\d{4})-\d\d-\d\dT'
END = rb',"hash":"([0-9a-f]{64})"}$'
HEAD = (rb"(chartseal ledger head v1\nsite: [A-Za-z0-9-]{1,64}\nseq: ([1-9]\d{0,18})\nhash: ([0-9a-f]{64})\nat: ([\dTZ:.-]+)\n)"
        rb"untrusted comment: [^\r\n]*\n(.+)\ntrusted comment: (.*)\n(.+)\n")
P, L, D = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493, -121665 * pow(121666, -1, 2**255 - 19)  # RFC 8032, 5.1

def plus(a, b):
    t = D * a[0] * a[1] * b[0] * b[1] % P
    return (a[0] * b[1] + a[1] * b[0]) * pow(1 + t, -1, P) % P, (a[1] * b[1] + a[0] * b[0]) * pow(1 - t, -1, P) % P

def times(n, a):
    half = times(n // 2, plus(a, a)) if n else (0, 1)
    return plus(half, a) if n & 1 else half

def point(b):
    y = int.from_bytes(b, "little") % 2**255
    x2 = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    for x in (pow(x2, (P + 3) // 8, P), pow(x2, (P + 3) // 8, P) * pow(2, (P - 1) // 4, P) % P):
        if x * x % P == x2 and y < P and (x or b[31] < 128):
            return (x if x & 1 == b[31] >> 7 else P - x, y)
    raise ValueError("not a point of the curve")

def signed(key, message, sig):
    k = int.from_bytes(hashlib.sha512(sig[:32] + key + message).digest(), "little") % L
    s, base = int.from_bytes(sig[32:], "little"), point(bytes([0x58]) + bytes([0x66]) * 31)
    return s < L and times(s, base) == plus(point(sig[:32]), times(k, point(key)))

def read_head(path, pub):
    """The entry, hash and time that a signed head names; entry 0 if this key did not sign it."""
    try:
        m = re.fullmatch(HEAD, path.read_bytes())
        sig, both = (base64.b64decode(m[n], validate=True) for n in (5, 7))
        ok = sig[:10] == b"ED" + pub[2:10] and len(sig) == 74 and len(both) == 64 and signed(pub[10:], sig[10:] + m[6], both)
        ok = ok and signed(pub[10:], hashlib.blake2b(m[1]).digest(), sig[10:])
        return (int(m[2]), m[3].decode(), stamp(m[4].decode())) if ok else (0, "", "")
    except (TypeError, ValueError, FileNotFoundError):
        return 0, "", ""

def stamp(time):  # RFC 3339 and UTC, in a form that compares as a text
    return (time[:-1] + ("" if "." in time else ".")).ljust(30, "0")

def fail(where, why):
    sys.exit(print(f"ledger is broken: {where}: {why}") or 4)

def read_chain(folder):
    """The hash of each entry, and of the one before the first; and the entries that excuse what is missing."""
    hashes, excuses, segments = {}, [], sorted(folder.glob("[0-9][0-9][0-9][0-9].jsonl"))
    for segment in segments:
        *lines, rest = segment.read_bytes().split(b"\n")
        if segment != segments[-1]:
            lines += [rest + b" is incomplete"] if rest else []
        elif not rest and lines and b"\0" in lines[-1]:
            lines.pop()  # zeros, where a power cut kept the line from the disk
        for number, line in enumerate(lines, 1):
            where = f"entry {next(reversed(hashes), 0) + 1} ({segment.name} line {number})"
            begin, end = re.match(BEGIN, line), re.search(END, line)
            if not begin or not end or hashlib.sha256(line[: end.start()] + b"}").hexdigest() != end[1].decode():
                fail(where, "edited, or not a line of a ledger")
            seq, prev, entry = int(begin[1]), begin[2].decode(), json.loads(line)
            hashes = hashes or {seq - 1: prev if seq > 1 else "0" * 64}
            if hashes.get(seq - 1) != prev or seq in hashes or number == 1 and begin[3].decode() != segment.stem:
                fail(where, "does not follow the entry before, or is of another year")
            hashes[seq] = entry["hash"]
            excuses += [entry] if entry["event"] in ("restored", "purged") else []
    return hashes or {0: "0" * 64}, excuses

def main(folder, key=None, *copies):
    hashes, excuses = read_chain(pathlib.Path(folder))
    first, last = min(hashes), max(hashes)
    purged = [(s["to"], s["hash"], e["at"]) for e in excuses for s in e.get("segments", []) if int(e["at"][:4]) > int(s["file"][:4]) + 6]
    cut = min([stamp(at) for to, hash, at in purged if (to, hash) == (first, hashes[first])], default="")
    losses = [{"until": max(e["at"], e["lost"]["at"], key=stamp)} | e["lost"] for e in excuses if "lost" in e]
    if first and not cut:
        fail(f"entry {first + 1}", "those before it are missing, and no entry says that they were purged")
    pub = base64.b64decode(pathlib.Path(key).read_text().strip().split("\n")[-1]) if key else b""
    own, promised, *heads = [read_head(pathlib.Path(p), pub) for p in (f"{folder}/head", f"{folder}/head.new", *copies)]
    for seq, hash, at in [h for h in (own, *heads) if h[0]]:
        forgiven = any("key" not in l and l["from"] <= seq <= l["to"] and at <= stamp(l["until"]) for l in losses)
        if (seq <= first and str(int(at[:4]) + 6) + at[4:] > cut or seq >= first and hashes.get(seq) != hash) and not forgiven:
            fail(f"entry {min(seq, last + 1)}", "cut off at the end" if seq > last else "purged too early, or ledger was written anew")
    covered = last <= own[0] or last == own[0] + 1 and promised[:2] == (last, hashes[last])
    if key and not (covered and (own[0] or not pathlib.Path(folder, "head").exists())):
        fail(f"entry {own[0] + 1}", "not covered by the signed head, which is missing, older, or not signed by this key")
    foreign = sum(seq == 0 for seq, _, _ in heads)
    if first or foreign:
        print(f"verified from entry {first + 1} on; {foreign} copies are not signed by this key, and say nothing", file=sys.stderr)
    print(last, hashes[last])

if __name__ == "__main__":
    if len(sys.argv) < 2 or not all(pathlib.Path(a).exists() for a in sys.argv[1:]):  # also --help
        sys.exit(__doc__)
    main(*sys.argv[1:])
