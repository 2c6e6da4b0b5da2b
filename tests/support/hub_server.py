"""A small model hub on 127.0.0.1 with the parts of two protocols that a pull uses.

The protocols are those of the Hugging Face hub and of ModelScope, for the same repositories. It has
listings with sizes and digests, files by commit, redirects of large files as on the real hubs, and
ranges. Its faults can cut, hold, damage or refuse what it serves.
"""

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

_LARGE = (".safetensors", ".pt", ".onnx", "tokenizer.json")  # the real hub stores these in LFS


@dataclass(frozen=True)
class StoredFile:
    """A file of a commit: as listed and, without faults, as served."""

    content: bytes
    large: bool

    @property
    def digest(self) -> str:
        """SHA-256 of a large file, git blob id of a small one."""
        if self.large:
            return hashlib.sha256(self.content).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(self.content) + self.content).hexdigest()


@dataclass
class Faults:
    """Faults of the hub; keys are file names. Tests change these while the hub runs."""

    cut: dict[str, int] = field(default_factory=dict)  # the connection breaks once after n bytes
    hold: dict[str, int] = field(default_factory=dict)  # transfers stop after the file's nth byte
    damage: set[str] = field(default_factory=set)  # last byte differs
    listed_size: dict[str, int] = field(default_factory=dict)
    listed_sha256: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, list[int]] = field(default_factory=dict)  # of the next answers; 200 serves
    gated: set[str] = field(default_factory=set)  # repositories
    no_hub: bool = False  # listings are web pages
    names_only: bool = False  # listings have neither sizes nor digests
    no_ranges: bool = False  # every answer is the complete file


class LoopbackHub:
    """Repositories and their commits; counts requests, and applies faults."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.asked: Counter[str] = Counter()  # GETs by file name, "api/" + repository, or else path
        self.served_bytes: Counter[str] = Counter()  # by file name
        self.tokens: dict[str, set[str]] = {}  # what requests of ModelScope's kind and CDN brought
        self.released = threading.Event()  # lets held transfers end
        self._commits: dict[str, dict[str, dict[str, StoredFile]]] = {}
        self._main: dict[str, str] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def publish(
        self, repo: str, files: Mapping[str, bytes] | Path, large: tuple[str, ...] = _LARGE
    ) -> str:
        """Make files (or a folder's files) the main branch of a repository; return the commit.

        large: ends of the names that are listed with a SHA-256, the others with a git blob id.
        """
        if isinstance(files, Path):
            files = {path.name: path.read_bytes() for path in files.iterdir() if path.is_file()}
        stored = {name: StoredFile(files[name], name.endswith(large)) for name in sorted(files)}
        listing = "\n".join(f"{name} {file.digest}" for name, file in stored.items())
        commit = hashlib.sha1(f"{repo}\n{listing}".encode()).hexdigest()
        self._commits.setdefault(repo, {})[commit] = stored
        self._main[repo] = commit
        return commit

    def forget(self, repo: str, commit: str) -> None:
        """Drop a commit, as when history is rewritten."""
        del self._commits[repo][commit]

    def forget_requests(self) -> None:
        self.asked.clear()
        self.served_bytes.clear()

    def find(self, repo: str, revision: str) -> tuple[str, dict[str, StoredFile]] | None:
        commit = self._main.get(repo, "") if revision == "main" else revision
        files = self._commits.get(repo, {}).get(commit)
        return None if files is None else (commit, files)

    def knows(self, repo: str) -> bool:
        return repo in self._commits

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def running_hub() -> Iterator[LoopbackHub]:
    hub = LoopbackHub()
    hub.start()
    try:
        yield hub
    finally:
        hub.stop()


def _handler(hub: LoopbackHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (as inherited)
            """Print nothing, to keep the output of pytest readable."""

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, with_body: bool) -> None:
            parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
            self._note_tokens("cdn" if parts[0] == "cdn" else "api")
            if parts[:3] == ["api", "v1", "models"]:
                self._modelscope("/".join(parts[3:5]), parts[5:], with_body)
            elif parts[:2] == ["api", "models"]:
                revision = parts[5] if parts[4:5] == ["revision"] else "main"
                self._list("/".join(parts[2:4]), revision)
            elif parts[2:3] == ["resolve"]:
                self._file("/".join(parts[:2]), parts[3], parts[4], with_body, redirects=True)
            elif parts[0] == "cdn":
                self._file("/".join(parts[1:3]), parts[3], parts[4], with_body, redirects=False)
            else:
                hub.asked[self.path] += 1
                self._refuse(404, "")

        def _note_tokens(self, kind: str) -> None:
            for name in ("Authorization", "Cookie"):
                if value := self.headers.get(name):
                    hub.tokens.setdefault(kind, set()).add(value)

        def _modelscope(self, repo: str, parts: list[str], with_body: bool) -> None:
            query = parse_qs(urlsplit(self.path).query)
            revision = query.get("Revision", ["master"])[0]
            # The main branch is called master there; main is an unknown revision like any other.
            revision = {"master": "main", "main": "-"}.get(revision, revision)
            if parts == ["repo", "files"]:
                assert query["Recursive"] == ["true"]
                self._modelscope_list(repo, revision)
            elif parts == ["repo"]:
                name = query["FilePath"][0]
                self._file(repo, revision, name, with_body, redirects=True, other_host=True)
            else:
                self._refuse(404, "")

        def _modelscope_list(self, repo: str, revision: str) -> None:
            hub.asked[f"api/{repo}"] += 1
            if repo in hub.faults.gated:
                self._refuse(403, "")
                return
            if not hub.knows(repo):
                answer = {"Code": 10010205001, "Message": "record not found", "Success": False}
                self._json(404, answer)
                return
            published = hub.find(repo, revision)
            data: dict[str, object] = {"Files": None, "LatestCommitter": None}
            if published is not None:
                commit, files = published
                blobs = [self._blob(name, file, commit) for name, file in files.items()]
                folder = {"Path": "assets", "Type": "tree", "Size": 0}
                data = {"Files": [folder, *blobs], "LatestCommitter": {"ShortId": commit[:8]}}
            self._json(200, {"Code": 200, "Success": True, "Data": data})

        def _blob(self, name: str, file: StoredFile, commit: str) -> dict[str, object]:
            """An entry of ModelScope's listing; some files were last changed in older commits."""
            is_old = name < "config.json"
            blob: dict[str, object] = {
                "Path": name,
                "Type": "blob",
                "Revision": hashlib.sha1(name.encode()).hexdigest() if is_old else commit,
                "CommittedDate": 1 if is_old else 2,
            }
            if not hub.faults.names_only:
                sha256 = hashlib.sha256(file.content).hexdigest()
                blob["Size"] = hub.faults.listed_size.get(name, len(file.content))
                blob["Sha256"] = hub.faults.listed_sha256.get(name, sha256)
            return blob

        def _json(self, status: int, answer: dict[str, object]) -> None:
            body = b"<html>Welcome</html>" if hub.faults.no_hub else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _list(self, repo: str, revision: str) -> None:
            hub.asked[f"api/{repo}"] += 1
            published = hub.find(repo, revision)
            if repo in hub.faults.gated:
                self._refuse(403, "GatedRepo")
            elif not hub.knows(repo):
                self._refuse(404, "RepoNotFound")
            elif published is None:
                self._refuse(404, "RevisionNotFound")
            else:
                commit, files = published
                siblings = [self._sibling(name, file) for name, file in files.items()]
                self._json(200, {"id": repo, "sha": commit, "siblings": siblings})

        def _sibling(self, name: str, file: StoredFile) -> dict[str, object]:
            if hub.faults.names_only:
                return {"rfilename": name}
            size = hub.faults.listed_size.get(name, len(file.content))
            sibling: dict[str, object] = {"rfilename": name, "size": size}
            if file.large:
                sha256 = hub.faults.listed_sha256.get(name, file.digest)
                sibling["blobId"] = hashlib.sha1(sha256.encode()).hexdigest()  # of the LFS pointer
                sibling["lfs"] = {"sha256": sha256, "size": size, "pointerSize": 134}
            else:
                sibling["blobId"] = file.digest
            return sibling

        def _file(
            self,
            repo: str,
            revision: str,
            name: str,
            with_body: bool,
            *,
            redirects: bool,
            other_host: bool = False,
        ) -> None:
            published = hub.find(repo, revision)
            if published is None or name not in published[1]:
                self._refuse(404, "EntryNotFound" if published else "RevisionNotFound")
                return
            commit, file = published[0], published[1][name]
            if redirects and file.large:
                self.send_response(302)
                host = f"http://localhost:{hub.port}" if other_host else ""
                self.send_header("Location", quote(f"{host}/cdn/{repo}/{commit}/{name}", ":/"))
                self.send_header("X-Linked-Etag", f'"{file.digest}"')
                self.send_header("X-Linked-Size", str(len(file.content)))
                self.send_header("X-Repo-Commit", commit)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if with_body:
                hub.asked[name] += 1
                statuses = hub.faults.statuses.get(name)
                if statuses and (status := statuses.pop(0)) != 200:
                    self._refuse(status, "")
                    return
            self._send(name, commit, file, with_body)

        def _send(self, name: str, commit: str, file: StoredFile, with_body: bool) -> None:
            content = file.content
            if name in hub.faults.damage:
                content = content[:-1] + bytes([content[-1] ^ 1])
            start = 0
            requested = self.headers.get("Range", "")
            if requested.startswith("bytes=") and not hub.faults.no_ranges:
                start = int(requested.removeprefix("bytes=").removesuffix("-"))
                if start >= len(content):
                    self._refuse(416, "")
                    return
                self.send_response(206)
                span = f"bytes {start}-{len(content) - 1}/{len(content)}"
                self.send_header("Content-Range", span)
            else:
                self.send_response(200)
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("ETag", f'"{file.digest}"')
            self.send_header("X-Repo-Commit", commit)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            if with_body:
                self._transfer(name, content[start:], start)

        def _transfer(self, name: str, content: bytes, start: int) -> None:
            stops_after = hub.faults.cut.pop(name, None)
            held_after = hub.faults.hold.get(name)
            if held_after is not None:  # of a client that asks again, too
                held_after = max(0, held_after - start)
            limit = min(n for n in (stops_after, held_after, len(content)) if n is not None)
            # Counted before it is sent: a test that has seen the client end sees this, too.
            hub.served_bytes[name] += limit
            try:
                self.wfile.write(content[:limit])
                self.wfile.flush()
                if held_after == limit:
                    hub.released.wait()
            except (BrokenPipeError, ConnectionResetError):  # the test killed the client
                limit = -1
            self.close_connection = limit < len(content)

        def _refuse(self, status: int, error_code: str) -> None:
            self.send_response(status)
            if error_code:
                self.send_header("X-Error-Code", error_code)
            self.send_header("Content-Length", "0")
            self.end_headers()

    return Handler
