"""A small site with the admin, as one would deploy it: no debugging, static files served elsewhere."""

import os

SECRET_KEY = "only for the tests of a load balancer"
DEBUG = False
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "*").split(",")
ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"
USE_TZ = True
TIME_ZONE = "UTC"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

# The login page reads a session and no table: signed cookies need no database.
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("DATABASE", ":memory:")}}

# Where a test has them, sessions are in a session store, by the settings that the panel shows to paste.
if "SESSIONS" in os.environ:
    SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    CACHES = {
        "default": {
            "BACKEND": os.environ["SESSIONS_BACKEND"],
            "LOCATION": os.environ["SESSIONS"],
        }
    }

# Or by the very text that somebody pasted from there.
if "SESSIONS_PASTED" in os.environ:
    with open(os.environ["SESSIONS_PASTED"]) as pasted:
        exec(pasted.read())
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# What Django's handbook has a site behind a proxy say.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = "SSL_REDIRECT" in os.environ
SECURE_REDIRECT_EXEMPT = [r"^who$"]

STATIC_URL = "/static/"
STATIC_ROOT = os.environ.get("STATIC_ROOT")

# Bodies are read as a stream by the views that take them.
DATA_UPLOAD_MAX_MEMORY_SIZE = None
