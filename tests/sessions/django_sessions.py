"""What Django does with its session store, by one of the two backends: `django_sessions.py BACKEND URL`.

Sessions first, as a site would; then what a site with the same settings asks of it as a cache. `django_sessions.py pasted FILE`: the
sessions alone, by the settings that the panel shows to paste.
"""

import sys

import django
from django.conf import settings

backend, url = sys.argv[1:]
pasted = {}
if backend == "pasted":
    with open(url) as file:
        exec(file.read(), pasted)
cache = {
    "pasted": None,
    "builtin": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url},
    "django-redis": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": url},
}[backend]
chosen = {name: value for name, value in pasted.items() if name.isupper()} or {
    "CACHES": {"default": {**cache, "KEY_PREFIX": "test"}},
    "SESSION_ENGINE": "django.contrib.sessions.backends.cache",
}
settings.configure(
    **chosen,
    SECRET_KEY="only for the tests of a load balancer",
    USE_TZ=True,
)
django.setup()

from django.contrib.sessions.backends.cache import SessionStore  # noqa: E402
from django.core.cache import cache as store  # noqa: E402


def sessions():
    first = SessionStore()
    first["user"] = "ada"
    first["bytes"] = "\x00\r\n" * 1000
    first.create()
    key = first.session_key
    assert key and first.exists(key)

    again = SessionStore(session_key=key)
    assert again["user"] == "ada" and again["bytes"] == "\x00\r\n" * 1000
    again["user"] = "grace"
    again.set_expiry(300)
    again.save()
    assert SessionStore(session_key=key)["user"] == "grace"

    # Signing in gives the session another key and leaves nothing under the old one.
    again.cycle_key()
    assert again.session_key != key and not again.exists(key)
    assert SessionStore(session_key=again.session_key)["user"] == "grace"
    again.flush()
    assert again.session_key is None

    # One that is unknown is made anew rather than taken.
    unknown = SessionStore(session_key="a" * 32)
    assert unknown.load() == {} and unknown.session_key is None


def as_a_cache():
    store.set("a", 1, timeout=60)
    assert store.add("a", 2) is False and store.get("a") == 1
    assert store.incr("a") == 2 and store.decr("a", 2) == 0
    store.set_many({"b": [1, 2], "c": None}, timeout=60)
    assert store.get_many(["a", "b", "c", "none"]) == {"a": 0, "b": [1, 2], "c": None}
    assert store.touch("b", 120) is True and store.touch("none", 1) is False
    store.set("kept", "x", timeout=None)
    assert store.has_key("kept") and store.delete("kept") and not store.delete("kept")
    store.delete_many(["a", "b"])
    assert store.get("a", "gone") == "gone"
    try:
        store.incr("none")
    except ValueError:
        pass
    else:
        raise AssertionError("an unknown number was counted up")
    if backend == "django-redis":
        store.set("p:1", 1)
        store.set("p:2", 2)
        assert sorted(store.keys("p:*")) == ["p:1", "p:2"]
        assert store.ttl("p:1") > 0 and store.persist("p:1") and store.ttl("p:1") is None
        assert store.delete_pattern("p:*") == 2
        with store.lock("turn", timeout=10):
            pass
    store.clear()
    assert store.get("c", "gone") == "gone"


sessions()
if backend != "pasted":
    as_a_cache()
print("ok", django.get_version(), __import__("redis").__version__, backend)
