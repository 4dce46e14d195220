"""Random scripts of WebSocket frames, each run directly and through the appliance: both sides must
have seen the same.

frames.py NODE_PORT PROXY_PORT SCRIPTS [FIRST]

The node listens on NODE_PORT, here. Script N is always the same one: `frames.py … 1 N` repeats it.
Data frames and each kind of control frame are compared apart: the library answers a ping while it still
reads what came with it, so which of two answers goes first depends on how the bytes were cut.
"""

import asyncio
import hashlib
import random
import sys
import weakref

from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)
from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

AT_ONCE = 16
PATIENCE = 20
PIECE = 65536
# Writers that have said their end.
ENDED = weakref.WeakSet()


class Seen:
    """What one side saw."""

    def __init__(self):
        self.frames = {"data": [], "PING": [], "PONG": [], "CLOSE": []}
        self.end = None
        self.over = asyncio.Event()

    def frame(self, frame):
        digest = hashlib.sha256(frame.data).hexdigest()[:12]
        name = frame.opcode.name
        kind = self.frames[name if name in self.frames else "data"]
        kind.append((name, frame.fin, len(frame.data), digest))

    def answers(self):
        return {kind: len(self.frames[kind]) for kind in ("data", "PING", "PONG")}

    def all(self):
        return {**self.frames, "end": self.end}


async def flush(protocol, writer, cut=None):
    """Sends what the library wants sent, in pieces where `cut` says how long each is."""
    for data in protocol.data_to_send():
        if not data:
            end(writer)
        if writer in ENDED:
            continue
        at = 0
        while at < len(data):
            length = cut() if cut else len(data)
            writer.write(data[at : at + length])
            at += length
            await writer.drain()


def end(writer):
    """Sends nothing more. What the library would still answer is not sent."""
    if writer not in ENDED:
        ENDED.add(writer)
        writer.write_eof()


async def receive(protocol, reader):
    """Takes in what comes; False at its end."""
    data = await reader.read(PIECE)
    if data:
        protocol.receive_data(data)
    else:
        protocol.receive_eof()
    return bool(data)


# --- The node ---------------------------------------------------------------


class Node:
    def __init__(self):
        self.seen = {}

    async def serve(self, reader, writer):
        protocol = ServerProtocol(
            extensions=[ServerPerMessageDeflateFactory()],
            subprotocols=["chat", "superchat"],
            select_subprotocol=lambda _, offered: offered[0] if offered else None,
            max_size=None,
        )
        seen = Seen()
        try:
            while await receive(protocol, reader):
                for event in protocol.events_received():
                    if isinstance(event, Request):
                        self.seen[event.path] = seen
                        protocol.send_response(protocol.accept(event))
                    else:
                        seen.frame(event)
                        answer(protocol, event)
                await flush(protocol, writer)
            await flush(protocol, writer)
            seen.end = (protocol.close_code, protocol.close_reason)
        except OSError as error:
            seen.end = str(error)
        finally:
            seen.over.set()
            writer.close()


def answer(protocol, frame):
    """Echoes data, and does what a command says."""
    if frame.opcode is Opcode.TEXT and frame.fin and frame.data.startswith(b"!"):
        verb, *rest = frame.data.decode().split(" ")
        if verb == "!ping":
            protocol.send_ping(rest[0].encode())
        elif verb == "!pieces":
            count, length = int(rest[0]), int(rest[1])
            protocol.send_binary(b"0" * length, fin=count == 1)
            for n in range(1, count):
                protocol.send_continuation(bytes([n % 256]) * length, fin=n == count - 1)
        elif verb == "!close":
            protocol.send_close(int(rest[0]), " ".join(rest[1:]))
        elif verb == "!drop":
            protocol.send_eof()
    elif protocol.state is State.OPEN:
        if frame.opcode is Opcode.TEXT:
            protocol.send_text(frame.data, frame.fin)
        elif frame.opcode is Opcode.BINARY:
            protocol.send_binary(frame.data, frame.fin)
        elif frame.opcode is Opcode.CONT:
            protocol.send_continuation(frame.data, frame.fin)


# --- The scripts ------------------------------------------------------------


class Script:
    """What a client does. `frames` are sent in order; each is (method, arguments, {kind of answer: count})."""

    def __init__(self, number):
        r = random.Random(number)
        self.number = number
        self.deflate = r.random() < 0.4
        self.subprotocols = r.choice([None, ["chat"], ["superchat", "chat"]])
        self.cut = r.choice([None, None, 1, 3, 100, 1400, 20000])
        self.frames = []
        for _ in range(r.randrange(12)):
            self.add(r)
        self.end = r.choice(["close", "close", "close", "node closes", "node drops", "drop", "empty close"])
        self.close = (r.choice([1000, 1001, 1008, 1011, 3000, 4999]), words(r, r.randrange(30)))
        if self.end == "node closes":
            self.frames.append(("send_text", (f"!close {self.close[0]} {self.close[1]}".encode(),), {}))
        elif self.end == "node drops":
            self.frames.append(("send_text", (b"!drop",), {}))

    def add(self, r):
        kind = r.choice(["text", "bytes", "bytes", "pieces", "ping", "pong", "node pings", "node's pieces"])
        if kind == "text":
            self.frames.append(("send_text", (words(r, length(r) // 3).encode(),), {"data": 1}))
        elif kind == "bytes":
            self.frames.append(("send_binary", (r.randbytes(length(r)),), {"data": 1}))
        elif kind == "pieces":
            count = r.randrange(2, 7)
            self.frames.append(("send_binary", (r.randbytes(length(r)), False), {"data": 1}))
            for n in range(1, count):
                # Control frames may stand between the pieces of a message.
                if r.random() < 0.3:
                    self.frames.append(("send_ping", (r.randbytes(r.randrange(126)),), {"PONG": 1}))
                self.frames.append(("send_continuation", (r.randbytes(length(r)), n == count - 1), {"data": 1}))
        elif kind == "ping":
            self.frames.append(("send_ping", (r.randbytes(r.randrange(126)),), {"PONG": 1}))
        elif kind == "pong":
            self.frames.append(("send_pong", (r.randbytes(r.randrange(126)),), {}))
        elif kind == "node pings":
            self.frames.append(("send_text", (f"!ping {r.randrange(10**9)}".encode(),), {"PING": 1}))
        else:
            count = r.randrange(1, 6)
            self.frames.append(("send_text", (f"!pieces {count} {length(r)}".encode(),), {"data": count}))

    def answers(self):
        total = {"data": 0, "PING": 0, "PONG": 0}
        for _, _, answers in self.frames:
            for kind, count in answers.items():
                total[kind] += count
        return total

    def bytes(self):
        return sum(len(arguments[0]) for _, arguments, _ in self.frames)


def length(r):
    """Around every border of the format: 125, 126, 65535, 65536, and some that are truly large."""
    kind = r.random()
    if kind < 0.1:
        return r.choice([0, 1, 125, 126, 127, 65535, 65536, 65537])
    if kind < 0.7:
        return r.randrange(200)
    if kind < 0.95:
        return r.randrange(20_000)
    return r.randrange(300_000) if kind < 0.995 else r.randrange(2_000_000)


def words(r, length):
    # Of one to four bytes, and none that a command begins with.
    return "".join(r.choice("abc é杠秤𝄞") for _ in range(length))


# --- The client -------------------------------------------------------------


async def run(script, port, path):
    """Runs one script: what the client saw."""
    extensions = [ClientPerMessageDeflateFactory()] if script.deflate else None
    protocol = ClientProtocol(
        parse_uri(f"ws://127.0.0.1:{port}{path}"),
        extensions=extensions,
        subprotocols=script.subprotocols,
        max_size=None,
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    seen = Seen()
    arrived = asyncio.Event()
    opened = asyncio.get_running_loop().create_future()
    lock = asyncio.Lock()
    r = random.Random(script.number)
    cut = (lambda: r.randrange(1, script.cut + 1)) if script.cut and script.bytes() < 1000 * script.cut else None

    async def send(call=None):
        async with lock:
            if call:
                call()
            await flush(protocol, writer, cut)

    async def hear():
        while await receive(protocol, reader):
            for event in protocol.events_received():
                if isinstance(event, type(protocol.handshake_exc)) or hasattr(event, "status_code"):
                    opened.set_result((event.status_code, protocol.handshake_exc))
                else:
                    seen.frame(event)
            await send()
            arrived.set()
        await send()
        seen.end = (protocol.close_code, protocol.close_reason)
        arrived.set()

    hearing = asyncio.create_task(hear())
    try:
        await send(lambda: protocol.send_request(protocol.connect()))
        handshake = await asyncio.wait_for(asyncio.shield(opened), PATIENCE)
        for method, arguments, _ in script.frames:
            await send(lambda: getattr(protocol, method)(*arguments))
        while seen.answers() != script.answers() and not hearing.done():
            await arrived.wait()
            arrived.clear()
        if script.end == "close":
            await send(lambda: protocol.send_close(*script.close))
        elif script.end == "empty close":
            await send(protocol.send_close)
        elif script.end == "drop":
            end(writer)
        await asyncio.wait_for(hearing, PATIENCE)
    finally:
        hearing.cancel()
        writer.close()
    told = (protocol.subprotocol, [extension.name for extension in protocol.extensions])
    return {"handshake": (handshake[0], str(handshake[1])), "told": told, **seen.all()}


async def compare(node, number, ports):
    script = Script(number)
    sides = []
    for way, port in zip(["direct", "proxied"], ports):
        path = f"/{way}/{number}"
        client = await asyncio.wait_for(run(script, port, path), PATIENCE)
        await asyncio.wait_for(node.seen[path].over.wait(), PATIENCE)
        sides.append({"client": client, "node": node.seen.pop(path).all()})
    direct, proxied = sides
    assert direct["client"]["handshake"][0] == 101, direct
    for kind, answers in script.answers().items():
        assert len(direct["client"][kind]) == answers, (kind, answers, direct)
    if direct != proxied:
        for side in direct:
            for what in direct[side]:
                if direct[side][what] != proxied[side][what]:
                    print(f"script {number}: {side}, {what}:", file=sys.stderr)
                    print(f"  directly: {direct[side][what]}", file=sys.stderr)
                    print(f"  proxied:  {proxied[side][what]}", file=sys.stderr)
        return None
    return len(script.frames), len(direct["client"]["data"]), script.bytes()


async def main():
    node_port, proxy_port, count = (int(argument) for argument in sys.argv[1:4])
    first = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    node = Node()
    server = await asyncio.start_server(node.serve, "127.0.0.1", node_port, limit=PIECE)
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number):
        async with gate:
            return await compare(node, number, (node_port, proxy_port))

    results = await asyncio.gather(*(one(number) for number in range(first, first + count)))
    server.close()
    bad = sum(result is None for result in results)
    if bad:
        sys.exit(f"{bad} of {count} scripts went otherwise")
    frames, answers, total = (sum(column) for column in zip(*results))
    print(f"{count} scripts, {frames} frames of {total} bytes sent, {answers} came back: as without us")


asyncio.run(main())
