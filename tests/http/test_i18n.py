"""Every sentence a user can see exists in both languages, and no translation lies unused."""

import ast
import re
from importlib.resources import files
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from classroom_sync.i18n import counting, translator

_PACKAGE = Path(str(files("classroom_sync")))
_SCHEDULER = Path(str(files("scheduler")))
_IN_TEMPLATE = re.compile(r"""_\(\s*(["'])((?:\\.|(?!\1).)*)\1""")
_COUNTED = re.compile(r"""_n\(\s*"([^"]+)",\s*"([^"]+)\"""")
# callee → which argument is the message id
_SAYING = {"Refused": 1, "Sentence": 0, "_told": 2, "translate": 0}
_NAMES = ("sentence", "wrong", "NO_SUCH_PAGE", "requirement", "mend")
_TABLES = ("WEEKDAYS", "WEEKS", "_SENTENCES", "_PARTS")  # whose values are message ids


#: A message id; of a message with a plural, the ids for one and for several.
Id = str | tuple[str, str]


def used() -> set[Id]:
    found: set[Id] = set()
    for template in _PACKAGE.glob("templates/*.html"):
        text = template.read_text()
        found |= {m[2].replace("\\'", "'") for m in _IN_TEMPLATE.finditer(text)}
        found |= {(m[1], m[2]) for m in _COUNTED.finditer(text)}
    for module in (*_PACKAGE.rglob("*.py"), *_SCHEDULER.rglob("*.py")):
        for node in ast.walk(ast.parse(module.read_text())):
            found |= _said_by(node)
    return found


def _said_by(node: ast.AST) -> set[Id]:
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "counted":
        [one], [several] = _constant(node.args[0]), _constant(node.args[1])
        return {(one, several)}
    if isinstance(node, ast.Call):
        callee = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        at = _SAYING.get(callee, 99)
        return set(_constant(node.args[at])) if at < len(node.args) else set()
    if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in _NAMES:
        return set(_constant(node.value))
    if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in _TABLES:
        return set().union(*map(_constant, getattr(node.value, "values", ())))
    if isinstance(node, ast.Dict) and any(getattr(k, "value", None) == 404 for k in node.keys):
        return set().union(*map(_constant, node.values))
    return set()


def _constant(node: ast.AST) -> set[str]:
    text = getattr(node, "value", None)
    return {text} if isinstance(text, str) else set()


@pytest.fixture(scope="module")
def catalogue() -> dict[Id, str]:
    path = _PACKAGE / "locale/zh_CN/LC_MESSAGES/messages.po"
    with path.open("rb") as file:
        return {
            (m.id[0], m.id[1]) if m.pluralizable else str(m.id): str(
                m.string[0] if m.pluralizable else m.string
            )
            for m in read_po(file)
            if m.id
        }


def test_every_sentence_is_translated_and_none_is_unused(catalogue: dict[Id, str]) -> None:
    assert used() == catalogue.keys()


def test_translations_keep_the_placeholders(catalogue: dict[Id, str]) -> None:
    def names(text: str) -> set[str]:
        return set(re.findall(r"{(\w+)}", text))

    several = {i if isinstance(i, str) else i[1]: t for i, t in catalogue.items()}
    assert {i: t for i, t in several.items() if names(i) != names(t)} == {}


def test_no_translation_is_empty_or_english(catalogue: dict[Id, str]) -> None:
    assert [i for i, t in catalogue.items() if not re.search("[\u4e00-\u9fff]", t)] == []


def test_an_english_reader_gets_the_sentence_itself() -> None:
    assert translator("en")("Raise hand") == "Raise hand"
    assert translator("zh-CN")("Raise hand") == "举手"


def test_english_tells_one_from_several() -> None:
    ids = ("{count} lesson will be held", "{count} lessons will be held")
    assert [counting("en")(*ids, n) for n in (0, 1, 2)] == [ids[1], ids[0], ids[1]]
    assert {counting("zh-CN")(*ids, n) for n in (0, 1, 2)} == {"将要上 {count} 节课"}
