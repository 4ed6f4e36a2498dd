"""A service on Flask that asks others with requests. Nothing in it speaks of fairlead or of tracing: OpenTelemetry's agent, which
starts it (opentelemetry-instrument), passes on what came with the request. PORT: where it listens; PROXY: host:port it asks."""

import os

import requests
from flask import Flask, jsonify, request
from opentelemetry import baggage, context

app = Flask(__name__)


def ask(path):
    answer = requests.get(f"http://{os.environ['PROXY']}{path}", headers={"Host": "users"})
    return jsonify(status=answer.status_code, cause=answer.headers.get("fairlead-cause"), body=answer.text)


@app.get("/call")
def call():
    return ask(request.args["path"])


@app.get("/try")
def try_new_users():
    """A test that sets the override in code (docs/overrides.md)."""
    context.attach(baggage.set_baggage("fairlead-dtab", "/svc/users => /svc/users-v2"))
    return ask(request.args["path"])


app.run(port=int(os.environ["PORT"]), threaded=True)
