"""What the original of Signet does with keys and files, written anew from its
description, by Python and gpg alone:

    make KEY ID...   prints a repository with an attestation about each ID
    check KEYRING    reads a repository and verifies it and all it holds
"""

import base64
import json
import os
import subprocess
import sys
import tempfile

WORDS = ["plain", "caf\u00e9 \U0001f600 \"quoted\" \\ back", "line\nbreak\ttab \x7f"]


def gpg(*arguments, data=b""):
    done = subprocess.run(["gpg", "--batch", "--status-fd", "2", *arguments], input=data,
                          capture_output=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr.decode())
    return done.stdout, done.stderr.decode()


def spelled(data):
    return json.dumps(data, sort_keys=True).encode("ascii")


def attest(data, key):
    signature, _ = gpg("--detach-sign", "--digest-algo=sha256", "-u", key, "-o", "-", "-",
                       data=spelled(data))
    return {"data": data, "sig": base64.b64encode(signature).decode("ascii"), "key": key}


def verify(attestation, keyring):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "data")
        with open(path, "wb") as file:
            file.write(spelled(attestation["data"]))
        _, status = gpg("--no-default-keyring", "--keyring", keyring, "--verify", "-", path,
                        data=base64.b64decode(attestation["sig"]))
    valid = [line.split() for line in status.splitlines() if " VALIDSIG " in line]
    if not valid or valid[0][2] != attestation["key"]:
        raise SystemExit("invalid signature")


def make(key, identities):
    attestations = {}
    for number, identity in enumerate(identities):
        data = {"id": identity, "ok": True, "reviewed": True,
                "comment": WORDS[number % len(WORDS)], "extra": [1, 1.0, 1e-7, 0.1, None, {"z": {}}]}
        attestations[identity] = [attest(data, key)]
    json.dump(attest({"attestations": attestations, "version": "0.0.1"}, key), sys.stdout)


def check(keyring):
    repository = json.load(sys.stdin)
    verify(repository, keyring)
    for identity, attestations in repository["data"]["attestations"].items():
        for attestation in attestations:
            assert attestation["data"]["id"] == identity
            verify(attestation, keyring)
            print(json.dumps(attestation["data"], sort_keys=True))


if sys.argv[1] == "make":
    make(sys.argv[2], sys.argv[3:])
else:
    check(sys.argv[2])
