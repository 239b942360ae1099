"""Runs the S3 service of SeaweedFS until its input ends.

Takes the key and the secret key that it knows, and eight free ports, the first for S3. Prints a line when it answers.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request


def get(url):
    """Returns the name of the server that answers, and the answer's body."""
    try:
        try:
            answer = urllib.request.urlopen(url, timeout=5)
        except urllib.error.HTTPError as error:
            answer = error
        return answer.headers.get("Server", ""), answer.read()
    except OSError:
        return "", b""


def is_ready():
    # It can store something once a volume is there to be assigned.
    if b'"fid"' not in get(f"http://127.0.0.1:{ports['master.port']}/dir/assign")[1]:
        return False
    return get(f"http://127.0.0.1:{ports['s3.port']}/")[0].startswith("SeaweedFS")


key, secret, *free_ports = sys.argv[1:]
beside_python = os.path.join(os.path.dirname(sys.executable), "weed")
weed = beside_python if os.path.exists(beside_python) else shutil.which("weed")
names = ["s3.port", "s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc"]
ports = dict(zip(names, free_ports, strict=True))
with tempfile.TemporaryDirectory() as folder:
    config = os.path.join(folder, "s3.json")
    with open(config, "w") as file:
        identity = {"name": "tests", "credentials": [{"accessKey": key, "secretKey": secret}], "actions": ["Admin"]}
        json.dump({"identities": [identity]}, file)
    data = os.path.join(folder, "data")
    os.mkdir(data)
    options = [f"-{name}={port}" for name, port in ports.items()]
    options += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={data}", "-s3", f"-s3.config={config}", "-volume.max=20"]
    options += ["-master.volumeSizeLimitMB=64", "-master.telemetry=false"]
    # Nothing else of it is needed, least of all at fixed ports.
    options += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
    with open(os.path.join(folder, "log"), "w") as log:
        service = subprocess.Popen([weed, "server", *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        end = time.monotonic() + 60
        while not is_ready():
            if service.poll() is not None or time.monotonic() > end:
                with open(os.path.join(folder, "log")) as log:
                    sys.exit(log.read()[-4000:])
            time.sleep(0.05)
        print("ready", flush=True)
        sys.stdin.read()
    finally:
        service.kill()
        service.wait()
