"""Runs the S3 service of SeaweedFS until its input ends.

Takes the key and the secret key that it knows. Its first line says which port it took.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def answers(url):
    try:
        return urllib.request.urlopen(url, timeout=5).read()
    except urllib.error.HTTPError as error:
        return error.read()
    except OSError:
        return b""


key, secret = sys.argv[1:]
beside_python = os.path.join(os.path.dirname(sys.executable), "weed")
weed = beside_python if os.path.exists(beside_python) else shutil.which("weed")
names = ["master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc", "s3.port", "s3.port.grpc"]
ports = dict(zip(names, free_ports(len(names))))
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
        # It can store something once a volume is there to be assigned.
        while b'"fid"' not in answers(f"http://127.0.0.1:{ports['master.port']}/dir/assign") or not answers(
            f"http://127.0.0.1:{ports['s3.port']}/"
        ):
            if service.poll() is not None or time.monotonic() > end:
                with open(os.path.join(folder, "log")) as log:
                    sys.exit(log.read()[-4000:])
            time.sleep(0.05)
        print(ports["s3.port"], flush=True)
        sys.stdin.read()
    finally:
        service.kill()
        service.wait()
