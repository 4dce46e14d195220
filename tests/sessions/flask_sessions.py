"""Flask-Session keeps what a visitor did: `flask_sessions.py URL`, or `flask_sessions.py --pasted FILE` by the text that the panel
shows to paste."""

import sys

import redis
from flask import Flask, session
from flask_session import Session

app = Flask(__name__)
if sys.argv[1] == "--pasted":
    with open(sys.argv[2]) as pasted:
        exec(pasted.read())
else:
    app.config.update(SESSION_TYPE="redis", SESSION_REDIS=redis.from_url(sys.argv[1]))
    Session(app)


@app.get("/add")
def add():
    session["seen"] = session.get("seen", 0) + 1
    return str(session["seen"])


@app.get("/leave")
def leave():
    session.clear()
    return "gone"


visitor, other = app.test_client(), app.test_client()
assert [visitor.get("/add").text for _ in range(3)] == ["1", "2", "3"]
assert other.get("/add").text == "1"
assert visitor.get("/leave").text == "gone"
assert visitor.get("/add").text == "1" and other.get("/add").text == "2"
print("ok", redis.__version__)
