"""Opens the record vectors with an implementation that shares nothing with Holdfast's: Python and its `cryptography` package.

Usage: python3 open_vectors.py [record-v1.json]. Prints how many records opened and how many were refused; exit 1 on the first surprise.
"""

import hashlib
import hmac
import json
import pathlib
import struct
import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Refused(Exception):
    pass


def derive(sek: bytes, info: str) -> bytes:
    return HKDF(algorithm=SHA512(), length=32, salt=None, info=info.encode()).derive(sek)


def lp(text: str) -> bytes:
    data = text.encode("utf-8")
    return struct.pack(">I", len(data)) + data


def additional_data(place: dict, header: bytes) -> bytes:
    names = ("install", "tenant", "table", "column", "rowId", "sessionId")
    fields = ["holdfast-record/v1"] + [place[name] for name in names]
    return b"".join(lp(field) for field in fields) + struct.pack(">Q", place["seq"]) + header


def open_record(sek: bytes, version: int, place: dict, record: bytes) -> bytes:
    if len(record) < 34:
        raise Refused("short")
    header, iv, body = record[:6], record[6:18], record[18:]
    if header != struct.pack(">BBI", 1, 1, version):
        raise Refused("header")
    try:
        return AESGCM(derive(sek, "holdfast/record/v1")).decrypt(iv, body, additional_data(place, header))
    except InvalidTag as error:
        raise Refused("tag") from error


def seal_record(sek: bytes, version: int, place: dict, iv: bytes, plaintext: bytes) -> bytes:
    header = struct.pack(">BBI", 1, 1, version)
    body = AESGCM(derive(sek, "holdfast/record/v1")).encrypt(iv, plaintext, additional_data(place, header))
    return header + iv + body


def plaintext_of(vector: dict) -> bytes:
    given = vector["plaintext"]
    if "hex" in given:
        return bytes.fromhex(given["hex"])
    pattern = bytes.fromhex(given["repeat"])
    return (pattern * (given["bytes"] // len(pattern) + 1))[: given["bytes"]]


def expect(truth: bool, what: str) -> None:
    if not truth:
        sys.exit(f"WRONG: {what}")


def main() -> None:
    default = pathlib.Path(__file__).with_name("record-v1.json")
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    cases = json.loads(path.read_text(encoding="utf-8"))
    opened = refused = 0
    for vector in cases["vectors"]:
        name, version, place = vector["name"], vector["version"], vector["place"]
        sek, plaintext = bytes.fromhex(vector["sek"]), plaintext_of(vector)
        expect(derive(sek, "holdfast/record/v1").hex() == vector["recordKey"], f"{name}: record key")
        expect(hmac.compare_digest(derive(sek, "holdfast/commit/v1").hex(), vector["commitment"]), f"{name}: commitment")
        record = seal_record(sek, version, place, bytes.fromhex(vector["iv"]), plaintext)
        if "record" in vector:
            expect(record.hex() == vector["record"], f"{name}: record")
            record = bytes.fromhex(vector["record"])
        else:
            expect(hashlib.sha256(record).hexdigest() == vector["recordSha256"], f"{name}: record")
        expect(open_record(sek, version, place, record) == plaintext, f"{name}: plaintext")
        opened += 1
    for case in cases["refused"]:
        try:
            open_record(bytes.fromhex(case["sek"]), case["version"], case["place"], bytes.fromhex(case["record"]))
        except Refused:
            refused += 1
        else:
            sys.exit(f"WRONG: opened what must not open: {case['name']}")
    print(json.dumps({"opened": opened, "refused": refused}))


if __name__ == "__main__":
    main()
