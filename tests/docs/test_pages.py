"""What the pages say is so: links, lists, tables, commands and names."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
import typer
from support.console import steps
from support.documents import (
    CHINESE,
    DOCS,
    OTHERS,
    PAGES,
    README,
    ROOT,
    Block,
    blocks,
    page_name,
    podtts_commands,
    prose,
)

import podtts
from podtts.cli.app import EXIT_CODES, app
from podtts.publish.episode_files import chapters_file, subtitles_file
from podtts.script.parse import parse_script
from podtts.text.languages import Language
from podtts.text.lexicon import SECTIONS, parse_lexicon
from podtts.text.pauses import split_pauses
from podtts.text.tags import DIALECT_TAGS, PARALINGUISTIC_TAGS
from podtts.text.verbalize import verbalize

SOURCE = ROOT / "src" / "podtts"
every_page = pytest.mark.parametrize("page", [*PAGES, *OTHERS], ids=page_name)


def anchors(page: Path) -> set[str]:
    """What a link may name behind `#`: the headings as GitHub spells them."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", title.lower()) for title in titles]
    return {title.replace(" ", "-") for title in plain}


def test_the_readme_is_short_and_names_the_two_commands() -> None:
    assert len(README.read_text().splitlines()) <= 150
    assert all(f"`{command}`" in README.read_text() for command in ("make demo", "make test"))


def test_the_index_lists_every_page() -> None:
    listed = re.findall(
        r"^\| \[(.+\.md)\]\(\1\) \|", (DOCS / "README.md").read_text(), re.MULTILINE
    )
    assert sorted(listed) == sorted(
        page.name for page in DOCS.glob("*.md") if page.stem != "README"
    )


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"https?://", target):
            continue
        name, _, anchor = target.partition("#")
        there = page.parent / name if name else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


@every_page
def test_files_and_modules_that_are_named_exist(page: Path) -> None:
    named = set(re.findall(r"`((?:src|tests|recipes)/[\w/.-]+)`", prose(page)))
    named |= {
        f"src/{name.replace('.', '/')}"
        for name in re.findall(r"`(podtts(?:\.[a-z][a-z_]*)+)`", prose(page))
    }
    for name in named:
        path = ROOT / name
        is_public = name.removeprefix("src/podtts/") in podtts.__all__
        assert path.exists() or path.with_name(f"{path.name}.py").exists() or is_public, name


# --- The Chinese README has what the English one has.


def without_comments(block: Block) -> list[str]:
    code = (re.sub(r"\s*# .*", "", line) for line in block.text.splitlines())
    return [line for line in code if line]


def test_the_chinese_readme_has_the_same_parts() -> None:
    for pattern in (r"^#+(?= )", r"^- ", r"^\d\. "):
        there = [re.findall(pattern, prose(page), re.MULTILINE) for page in (README, CHINESE)]
        assert there[0] == there[1], pattern
    english, chinese = blocks(README), blocks(CHINESE)
    assert [block.language for block in english] == [block.language for block in chinese]
    for ours, theirs in zip(english, chinese, strict=True):
        if ours.language:  # scripts, which have no language, are in the language of the page
            assert without_comments(ours) == without_comments(theirs)


def test_the_chinese_readme_has_the_same_figures_and_links() -> None:
    def figures(page: Path) -> list[str]:
        rows = re.findall(r"^\|.*", prose(page), re.MULTILINE)
        return re.findall(r"\d+(?:\.\d+)?", "\n".join(rows))

    def links(page: Path) -> set[str]:
        return set(re.findall(r"\]\(([^)]+)\)", prose(page))) - {README.name, CHINESE.name}

    assert figures(README) == figures(CHINESE)
    assert links(README) == links(CHINESE)


# --- Commands and flags exist.


def calls(page: Path) -> Iterator[list[str]]:
    for block in blocks(page, "sh"):
        yield from podtts_commands(block.text)
    for block in blocks(page, "console"):
        for step in steps(block.text):
            yield from podtts_commands(step.command)


def test_every_command_can_be_parsed() -> None:
    root = typer.main.get_command(app)
    parsed = 0
    for page in PAGES:
        for arguments in calls(page):
            command, rest = root, list(arguments)
            while rest and rest[0] in getattr(command, "commands", {}):
                command = command.commands[rest.pop(0)]  # type: ignore[attr-defined]
            command.make_context("podtts", rest)
            parsed += 1
    assert parsed > 40


def test_every_flag_that_is_named_exists() -> None:
    def flags(command: object) -> Iterator[str]:
        for parameter in command.params:  # type: ignore[attr-defined]
            yield from (*parameter.opts, *parameter.secondary_opts)
        for inner in getattr(command, "commands", {}).values():
            yield from flags(inner)

    known = {*flags(typer.main.get_command(app)), "--help"}
    for page in PAGES:
        for words in re.findall(r"`((?:--|podtts )[^`]*)`", prose(page)):
            assert known.issuperset(re.findall(r"(?<!\S)--[a-z0-9-]+", words)), words


def test_exit_codes_are_those_of_the_help() -> None:
    rows = re.findall(r"^\| (\d[\d, ]*) \| (.+) \|$", (DOCS / "cli.md").read_text(), re.MULTILINE)
    assert len(rows) == 7
    for code, meaning in rows:
        assert re.search(rf"^ +{code} +{re.escape(meaning)}$", EXIT_CODES, re.MULTILINE), code


def test_environment_variables_are_those_of_the_source() -> None:
    source = "".join(path.read_text() for path in SOURCE.rglob("*.py"))
    variable = r"\b(?:PODTTS|HF|MODELSCOPE|ORT|RAY|GOMP|OMP)_[A-Z_]+\b|\bSOURCE_DATE_EPOCH\b"
    used = set(re.findall(variable, source))
    table = (DOCS / "cli.md").read_text().partition("## Environment variables")[2]
    named = set(re.findall(r"`([A-Z_]+)`", table.partition("\n## ")[0]))
    assert named == used


def test_the_advice_on_torch_is_what_the_package_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    advised = set(re.findall(r'"(torch(?:audio)?[=<>][^"]+)"', (DOCS / "install.md").read_text()))
    assert advised == {each for each in project["dependencies"] if each.startswith("torch")}


def test_the_tags_for_a_feed_name_the_files_and_the_types_of_podcasting_2() -> None:
    [snippet] = blocks(DOCS / "episodes.md", "xml")
    space = "https://podcastindex.org/namespace/1.0"
    assert f'xmlns:podcast="{space}"' in prose(DOCS / "episodes.md")
    feed = ElementTree.fromstring(f'<rss xmlns:podcast="{space}">{snippet.text}</rss>')
    output = Path("talk.mp3")
    files = {
        subtitles_file(output, "vtt").name: "text/vtt",
        subtitles_file(output, "srt").name: "application/x-subrip",
        subtitles_file(output, "json").name: "application/json",
        chapters_file(output).name: "application/json+chapters",
    }
    *linked, mark = feed
    assert {Path(each.attrib["url"]).name: each.attrib["type"] for each in linked} == files
    assert (mark.tag, mark.attrib) == (f"{{{space}}}txt", {"purpose": "ai-content"})


# --- Scripts, lexicons, tags.


@pytest.mark.parametrize("page", [README, CHINESE, DOCS / "scripts.md"], ids=page_name)
def test_script_examples_parse(page: Path) -> None:
    scripts = [parse_script(block.text) for block in blocks(page, "") if "[S1]" in block.text]
    assert scripts
    assert scripts[-1].voices == {"S1": "anna", "S2": "ben"}
    assert scripts[-1].rates == {"S2": 0.9}
    assert [turn.pause for turn in scripts[-1].turns][:3] == [0, 0, 0.8]
    assert not any(script.warnings for script in scripts)


def test_the_lexicon_example_and_what_is_said_of_numbers() -> None:
    page = DOCS / "scripts.md"
    [block] = [block for block in blocks(page, "") if "GWh" in block.text]
    lexicon = parse_lexicon(block.text, "scripts.md")
    assert set(lexicon.sections) == {"all", "en", "zh", "yue"}
    sections = f"`{'`, `'.join(f'[{name}]' for name in SECTIONS[:-1])}` and `[{SECTIONS[-1]}]`"
    assert sections in prose(page)
    [(written, words)] = re.findall(r"`(.*)` becomes `(.*)`\.", prose(page))
    assert verbalize(written, "en").text == words


def test_the_readings_in_the_table_are_right() -> None:
    languages: tuple[Language, ...] = ("en", "zh")
    rows = re.findall(r"^\| \w.*", prose(DOCS / "text.md"), re.MULTILINE)
    checked = 0
    for row in rows:
        for language, cell in zip(languages, row.strip("| ").split("|")[1:], strict=False):
            for written, words in re.findall(r"`([^`]+)` ([^`,|]+)", cell):
                assert verbalize(written, language).text == words.strip()
                checked += 1
    assert checked > 25


def test_tags_and_pauses_are_those_of_the_source() -> None:
    text = prose(DOCS / "scripts.md")
    rows = "\n".join(re.findall(r"^\| `<.*", text, re.MULTILINE)).replace("\\|", "|")
    named = re.findall(r"`(<\|.+?\|>)`", rows)
    assert set(named) == {tag.token for tag in PARALINGUISTIC_TAGS + DIALECT_TAGS}
    for pause in re.findall(r"`(\[pause .+?\]|<\|pause:.+?\|>)`", text):
        assert isinstance(split_pauses(pause), list)


# --- The source.


def test_every_room_of_the_source_is_in_the_table() -> None:
    rooms = {path.name for path in SOURCE.iterdir() if path.is_dir()} - {"__pycache__"}
    modules = {path.name for path in SOURCE.glob("*.py")} - {"__init__.py", "__main__.py"}
    table = (DOCS / "how-it-works.md").read_text().partition("## Where is what")[2]
    named = set(
        re.findall(r"`([\w.]+)/?`", "".join(re.findall(r"^\| (.+?) \|", table, re.MULTILINE)))
    )
    assert named - {"podtts"} == rooms | modules


def test_every_public_name_is_on_the_page_of_the_library() -> None:
    page = DOCS / "library.md"
    words = set(re.findall(r"\w+", "".join(block.text for block in blocks(page, "python"))))
    words |= set(re.findall(r"`(?:podtts\.)?(\w+)`", prose(page)))
    assert set(podtts.__all__) <= words


def test_commands_are_found_in_shell_code() -> None:
    shell = (
        "cat > a.txt <<END\npodtts not this\nEND\n"
        'podtts synth a.txt \\\n    -o "b c.wav"  # comment\n'
        "llm x |\n    podtts synth - -o -| grep podtts\n"
        "ls | xargs -I{} podtts check {}\ncd podtts\n"
    )
    assert podtts_commands(shell) == [
        ["synth", "a.txt", "-o", "b c.wav"],
        ["synth", "-", "-o", "-"],
        ["check", "{}"],
    ]
