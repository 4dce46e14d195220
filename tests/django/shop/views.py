"""Views that let a test see what a node got and make it answer in a chosen way."""

import hashlib
import os
import time

from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt

NODE = os.environ.get("NODE", "?")
BLOCK = bytes(ord("a") + i % 23 for i in range(4096))


def pattern(length):
    """`length` bytes that are the same on every node, in blocks."""
    while length > 0:
        block = BLOCK[:length]
        length -= len(block)
        yield block


def who(request):
    """Who answers: the node's name and the process."""
    return HttpResponse(f"{NODE} {os.getpid()}\n", content_type="text/plain")


def big(request):
    """`n` bytes with a Content-Length."""
    body = b"".join(pattern(int(request.GET["n"])))
    response = HttpResponse(body, content_type="application/octet-stream")
    response["Content-Length"] = len(body)
    return response


def stream(request):
    """`n` bytes without a length: chunked."""
    return StreamingHttpResponse(pattern(int(request.GET["n"])), content_type="application/octet-stream")


def slow(request):
    """Answers after `ms`."""
    time.sleep(int(request.GET["ms"]) / 1000)
    return who(request)


def read_body(request):
    """The length and the sha256 of a body, holding one block at a time."""
    length, digest = 0, hashlib.sha256()
    while block := request.read(65536):
        length += len(block)
        digest.update(block)
    return length, digest.hexdigest()


@csrf_exempt
def echo(request):
    """What reached the application."""
    length, digest = read_body(request)
    return JsonResponse(
        {
            "node": NODE,
            "method": request.method,
            "path": request.get_full_path(),
            "scheme": request.scheme,
            "secure": request.is_secure(),
            "headers": dict(request.headers),
            "remote_addr": request.META["REMOTE_ADDR"],
            "body_length": length,
            "body_sha256": digest,
        }
    )


def status(request):
    """Answers with `code`; with `only`, the node of that name does and the others say 200."""
    only = request.GET.get("only", NODE)
    return HttpResponse(f"{NODE}\n", status=int(request.GET["code"]) if only == NODE else 200)


@csrf_exempt
def upload(request):
    """Takes any body."""
    length, digest = read_body(request)
    return JsonResponse({"node": NODE, "length": length, "sha256": digest})
