"""Jobs: made whether or not somebody waits, in the same bytes whatever happens to the server."""

import hashlib
import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from serve.conftest import SHORT
from serve.test_speech import refusal
from support.commands import run
from support.gates import gate
from support.golden_data import MODEL
from support.http_server import Server, running_server, until

TALK = "# A bridge\n[S1] Do you hear that?\n[S2] Hear what?\n[S1] That hum.\n[S2] It is the wind.\n"
BODY: dict[str, Any] = {
    "script": TALK,
    "voices": {"S1": "anna", "S2": {"id": "ben"}},
    "options": {"seed": 7, "subtitles": ["vtt"], "chapters": True, "title": "Bridges"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("jobs")


@pytest.fixture(scope="module")
def jobs_server(prepared: Path, folder: Path) -> Iterator[Server]:
    flags = (*SHORT, "--cache-dir", prepared, "--rows", "2")
    with running_server(folder / "log", *flags) as server:
        yield server


def create(server: Server, status: int = 202, key: str = "", **fields: Any) -> dict[str, Any]:
    headers = {"Idempotency-Key": key} if key else {}
    response = server.post("/v1/jobs", json=BODY | fields, headers=headers)
    assert response.status_code == status, response.text
    job: dict[str, Any] = response.json()
    return job


def events_of(server: Server, job: str, after: int = 0) -> list[tuple[int, dict[str, Any]]]:
    """All events of a job, when it has ended."""
    headers = {"Last-Event-ID": str(after)} if after else {}
    response = server.get(f"/v1/jobs/{job}/events", headers=headers)
    assert response.headers["content-type"].startswith("text/event-stream")
    found = []
    for block in response.text.split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        if lines:
            number, name, data = lines
            event = json.loads(data.removeprefix("data: "))
            assert name == f"event: {event['type']}"
            found.append((int(number.removeprefix("id: ")), event))
    return found


def finished(server: Server, job: str) -> dict[str, Any]:
    events_of(server, job)
    found: dict[str, Any] = server.get(f"/v1/jobs/{job}").json()
    assert found["state"] == "done", found
    return found


def files_of(server: Server, job: dict[str, Any]) -> dict[str, bytes]:
    files = {}
    for file in job["files"]:
        files[file["name"]] = server.get(file["url"]).content
        assert hashlib.sha256(files[file["name"]]).hexdigest() == file["sha256"]
    return files


def delete(server: Server, job: str) -> httpx.Response:
    return httpx.delete(f"{server.url}/v1/jobs/{job}", timeout=240)


def test_a_job_becomes_the_files_of_synth(
    jobs_server: Server, prepared: Path, tmp_path: Path
) -> None:
    job = finished(jobs_server, create(jobs_server)["id"])
    files = files_of(jobs_server, job)
    assert [*files] == ["episode.wav", "episode.vtt", "episode.chapters.json"]
    (tmp_path / "talk.txt").write_text(TALK)
    run(
        *("synth", tmp_path / "talk.txt", "-o", tmp_path / "episode.wav", "--seed", "7"),
        *("--speaker", "S1=anna", "--speaker", "S2=ben", "--title", "Bridges"),
        *("--subtitles", "vtt", "--chapters", "--model", MODEL, "--cache-dir", prepared),
        *("--flow-steps", "1", "--max-turn-tokens", "40", "--dtype", "float32"),
    ).done()
    for name, content in files.items():
        assert content == (tmp_path / name).read_bytes()


def test_events_are_replayed_from_the_start(jobs_server: Server) -> None:
    name = create(jobs_server)["id"]
    live = events_of(jobs_server, name)
    assert [number for number, _ in live] == [*range(1, len(live) + 1)]
    types = [event["type"] for _, event in live]
    assert types == ["job.queued", *["job.turn"] * 4, "job.done"]
    assert [event["text"] for _, event in live[1:5]] == [
        "Do you hear that?",
        "Hear what?",
        "That hum.",
        "It is the wind.",
    ]
    assert [event["speaker"] for _, event in live[1:5]] == ["S1", "S2", "S1", "S2"]
    assert events_of(jobs_server, name) == live
    assert events_of(jobs_server, name, after=4) == live[4:]


def test_a_job_is_shown_and_listed(jobs_server: Server) -> None:
    name = create(jobs_server)["id"]
    job = finished(jobs_server, name)
    assert (job["object"], job["turns"], job["finished_turns"], job["error"]) == (
        *("job", 4, 4, None),
    )
    assert job["request"] == BODY
    listed = jobs_server.get("/v1/jobs?limit=1").json()
    assert [each["id"] for each in listed["data"]] == [name]


def test_parts_of_a_file_are_answered(jobs_server: Server) -> None:
    job = finished(jobs_server, create(jobs_server)["id"])
    url = job["files"][0]["url"]
    whole = jobs_server.get(url)
    assert whole.headers["content-type"] in ("audio/x-wav", "audio/wav", "audio/vnd.wave")
    assert whole.headers["accept-ranges"] == "bytes"
    part = jobs_server.get(url, headers={"range": "bytes=44-143"})
    assert part.status_code == 206
    assert part.content == whole.content[44:144]
    assert part.headers["content-range"] == f"bytes 44-143/{len(whole.content)}"
    outside = jobs_server.get(url, headers={"range": f"bytes={len(whole.content)}-"})
    assert outside.status_code == 416


def test_the_same_key_makes_one_job(jobs_server: Server) -> None:
    first = create(jobs_server, key="monday")
    again = create(jobs_server, status=200, key="monday")
    assert again["id"] == first["id"]
    other = jobs_server.post(
        "/v1/jobs",
        json=BODY | {"options": {"seed": 8}},
        headers={"Idempotency-Key": "monday"},
    )
    assert refusal(other, 409)["code"] == "key_reused"
    assert create(jobs_server)["id"] != first["id"]
    assert refusal(jobs_server.post("/v1/jobs", json=BODY, headers={"Idempotency-Key": "k" * 256}))


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"script": None}, 400, "script"),
        ({"script": ""}, 400, "script"),
        ({"turns": [["S1", "Hi."]]}, 400, "script"),
        ({"voices": {"S1": "nobody"}}, 400, "voices.S1"),
        ({"voices": {"S1": "anna"}}, 400, "voices.S2"),
        ({"options": {"format": "exe"}}, 400, "format"),
        ({"options": {"intro": "/etc/passwd"}}, 400, "options"),
        ({"options": {"cover": "/etc/passwd"}}, 400, "options"),
        ({"script": "[S1] Hi.\n[S2] Hi.", "options": {"chapters": True}}, 400, "script"),
        ({"files": []}, 400, "files"),
        ({"model": "other"}, 404, "model"),
    ],
)
def test_what_cannot_be_a_job_is_refused_at_once(
    jobs_server: Server, fields: dict[str, Any], status: int, param: str
) -> None:
    before = ids(jobs_server)
    error = refusal(jobs_server.post("/v1/jobs", json=BODY | fields), status)
    assert error["param"] == param
    assert ids(jobs_server) == before


def ids(server: Server) -> list[str]:
    return [job["id"] for job in server.get("/v1/jobs?limit=1000").json()["data"]]


@pytest.mark.parametrize(
    "path",
    ["job_none", "job_none/events", "..", "..%2F..%2Fetc", "job_none/files/episode.wav"],
)
def test_unknown_jobs_are_not_there(jobs_server: Server, path: str) -> None:
    assert jobs_server.get(f"/v1/jobs/{path}").status_code == 404


@pytest.mark.parametrize(
    "name", ["job.json", "../lock", "..%2Flock", "%2Fetc%2Fpasswd", "episode.wav.podtts/lock", ""]
)
def test_only_the_files_of_a_job_can_be_read(jobs_server: Server, name: str) -> None:
    job = finished(jobs_server, create(jobs_server)["id"])
    assert jobs_server.get(f"/v1/jobs/{job['id']}/files/{name}").status_code == 404


def test_a_job_is_deleted_while_it_runs_and_when_it_is_done(
    jobs_server: Server, folder: Path
) -> None:
    running = create(jobs_server, script=TALK + "[S1] And on.\n[S2] And on.\n" * 100)["id"]
    waiting = create(jobs_server)["id"]
    until(lambda: jobs_server.get(f"/v1/jobs/{running}").json()["finished_turns"])
    assert delete(jobs_server, waiting).json() == {
        "id": waiting,
        "object": "job.deleted",
        "deleted": True,
    }
    events = f"{jobs_server.url}/v1/jobs/{running}/events"
    with httpx.stream("GET", events, timeout=240) as listening:
        lines = listening.iter_lines()
        assert next(line for line in lines if "job.turn" in line)
        assert delete(jobs_server, running).status_code == 200
        assert [line for line in lines if line.startswith("event: ")][-1] == "event: job.deleted"
    ended = finished(jobs_server, create(jobs_server)["id"])["id"]
    assert delete(jobs_server, ended).status_code == 200
    for name in (running, waiting, ended):
        assert refusal(jobs_server.get(f"/v1/jobs/{name}"), 404)["code"] == "job_not_found"
        assert not (folder / "jobs" / name).exists()
    until(lambda: jobs_server.figure("podtts_rows_in_use") == 0)


def test_live_requests_go_on_beside_jobs(jobs_server: Server) -> None:
    expected = jobs_server.speak().content
    names = [create(jobs_server, options={"seed": seed})["id"] for seed in range(4)]
    assert jobs_server.speak().content == expected
    for name in names:
        finished(jobs_server, name)


def test_a_job_gives_way_between_two_turns(prepared: Path, tmp_path: Path) -> None:
    """In the only row; and ends in the same bytes all the same.

    However long the requests take, the job cannot end before them: a late turn waits at a gate.
    """
    flags = (*SHORT, "--cache-dir", prepared, "--rows", "1")
    with (
        gate(tmp_path / "gate", "*/turn-0040*") as held,
        running_server(tmp_path / "log", *flags, env=held.env) as server,
    ):
        sound = server.speak().content
        job = create(server, script=TALK * 12)["id"]
        until(lambda: server.get(f"/v1/jobs/{job}").json()["finished_turns"])
        with ThreadPoolExecutor(3) as clients:
            heard = [answer.content for answer in clients.map(lambda _: server.speak(), range(9))]
        assert heard == [sound] * 9
        assert server.get(f"/v1/jobs/{job}").json()["finished_turns"] < 48
        held.open()
        disturbed = files_of(server, finished(server, job))
        assert [event["turn"] for _, event in events_of(server, job)[1:-1]] == [*range(1, 49)]
        undisturbed = finished(server, create(server, script=TALK * 12)["id"])
        assert disturbed == files_of(server, undisturbed)


def test_an_ended_job_keeps_neither_voices_nor_journal(jobs_server: Server, folder: Path) -> None:
    job = finished(jobs_server, create(jobs_server)["id"])
    files = {path.name for path in (folder / "jobs" / job["id"]).iterdir()}
    assert files == {"job.json", "events.jsonl", *(file["name"] for file in job["files"])}


def test_a_killed_server_goes_on_with_its_jobs(prepared: Path, tmp_path: Path) -> None:
    """Killed at several moments; every job ends once, and in the same bytes."""
    flags = (*SHORT, "--cache-dir", prepared, "--rows", "2")
    bodies: list[dict[str, Any]] = [
        {"options": {"seed": seed}, "script": TALK * 2} for seed in range(3)
    ]
    with running_server(tmp_path / "undisturbed" / "log", *flags) as server:
        names = [create(server, **body)["id"] for body in bodies]
        expected = [files_of(server, finished(server, name)) for name in names]
    log = tmp_path / "killed" / "log"
    with running_server(log, *flags) as server:
        names = [
            create(server, key=str(number), **body)["id"] for number, body in enumerate(bodies)
        ]
        until(lambda: server.get(f"/v1/jobs/{names[0]}").json()["finished_turns"] >= 1)
        server.process.send_signal(signal.SIGKILL)
    with running_server(log, *flags) as server:
        again = [
            create(server, status=200, key=str(number), **body)["id"]
            for number, body in enumerate(bodies)
        ]
        assert again == names
        until(lambda: server.get(f"/v1/jobs/{names[0]}").json()["finished_turns"] >= 3)
        server.process.send_signal(signal.SIGKILL)
    with running_server(log, *flags) as server:
        for name, files in zip(names, expected, strict=True):
            assert files_of(server, finished(server, name)) == files
            types = [event["type"] for _, event in events_of(server, name)]
            assert types == ["job.queued", *["job.turn"] * 8, "job.done"]


def test_sigterm_stores_the_turn_and_a_later_server_goes_on(prepared: Path, tmp_path: Path) -> None:
    flags = (*SHORT, "--cache-dir", prepared, "--rows", "2")
    long = TALK + "[S1] And on.\n[S2] And on.\n" * 10
    with running_server(tmp_path / "log", *flags) as server:
        name = create(server, script=long)["id"]
        until(lambda: server.get(f"/v1/jobs/{name}").json()["finished_turns"] >= 2)
        assert server.stop() == 128 + signal.SIGTERM
        assert "Traceback" not in server.log.read_text()
    state = json.loads((tmp_path / "jobs" / name / "job.json").read_text())["state"]
    assert state == "running"
    lines = (tmp_path / "jobs" / name / "episode.wav.podtts" / "turns.jsonl").read_text()
    stored = len(lines.splitlines()) - 1
    assert 2 <= stored < 24
    with running_server(tmp_path / "log", *flags) as server:
        job = finished(server, name)
        assert job["finished_turns"] == 24


def test_two_servers_do_not_share_jobs(jobs_server: Server, folder: Path) -> None:
    result = run("serve", *SHORT, "--port", "0", "--jobs", folder / "jobs")
    assert result.code == 2
    assert "another server uses the jobs in" in result.error


def test_jobs_are_deleted_after_some_days(prepared: Path, tmp_path: Path) -> None:
    flags = (*SHORT, "--cache-dir", prepared)
    with running_server(tmp_path / "log", *flags) as server:
        old, young = (finished(server, create(server)["id"])["id"] for _ in range(2))
        server.stop()
    file = tmp_path / "jobs" / old / "job.json"
    job = json.loads(file.read_text())
    file.write_text(json.dumps(job | {"finished": job["finished"] - 8 * 86_400}))
    (tmp_path / "jobs" / "damaged").mkdir()
    with running_server(tmp_path / "log", *flags) as server:
        until(lambda: server.get(f"/v1/jobs/{old}").status_code == 404)
        assert server.get(f"/v1/jobs/{young}").status_code == 200
        until(lambda: not (tmp_path / "jobs" / old).exists())
        assert "damaged" in server.log.read_text()


def test_too_many_jobs_are_told_to_come_back(prepared: Path, tmp_path: Path) -> None:
    flags = (*SHORT, "--cache-dir", prepared, "--max-jobs", "1")
    with running_server(tmp_path / "log", *flags) as server:
        create(server, script=TALK + "[S1] And on.\n[S2] And on.\n" * 100)
        response = server.post("/v1/jobs", json=BODY)
        assert refusal(response, 429)["code"] == "queue_full"
        assert int(response.headers["retry-after"]) >= 1
