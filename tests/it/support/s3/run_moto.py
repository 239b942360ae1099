"""Runs the S3 service of moto until its input ends.

Its first line says which port it took. It takes orders, each a list in JSON on a line, answered by a line each:

    ["age", bucket, moment, key]          lets every version of an object be of this moment, in seconds of the epoch
    ["age", bucket, moment]               lets every object of the bucket be so
    ["age_newest", bucket, moment, key]   lets the newest version of an object be so
    ["put", bucket, key, content]         stores an object; the content is in base64

An object has no other way to become old than to wait. Storing one by HTTP works, too, but is slower.
"""

import base64
import datetime
import json
import logging
import sys
import threading

from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import make_server


def store():
    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


def age(bucket, moment, *key):
    keys = store().buckets[bucket].keys
    moment = datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).replace(tzinfo=None)
    for name in key or list(keys):
        for version in keys.getlist(name, []):
            version.last_modified = moment


def age_newest(bucket, moment, key):
    versions = store().buckets[bucket].keys.getlist(key)
    moment = datetime.datetime.fromtimestamp(moment, datetime.timezone.utc)
    versions[-1].last_modified = moment.replace(tzinfo=None)


def put(bucket, key, content):
    store().put_object(bucket, key, base64.b64decode(content))


logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.port, flush=True)
for line in sys.stdin:
    name, *values = json.loads(line)
    try:
        {"age": age, "age_newest": age_newest, "put": put}[name](*values)
        print("done", flush=True)
    except Exception as error:  # The test that gave the order fails, not the service of all the others.
        print(repr(error), flush=True)
