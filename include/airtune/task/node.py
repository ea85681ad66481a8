"""What the task's JSON Schema says about one place of a task; for error messages."""

from functools import cache
from typing import Any


class Node:
    """The schema of one place, references resolved.

    Where several forms are allowed (``anyOf``), the answers of all of them are joined.
    """

    def __init__(self, schema: dict[str, Any], whole: dict[str, Any]) -> None:
        self._whole = whole
        self._own = schema
        self._forms = self._resolve(schema)

    @classmethod
    def at(cls, loc: tuple[str | int, ...]) -> "Node":
        """The node at a location as pydantic reports it; an empty one where there is none.

        A part in angle brackets names the branch of a union: ``("parameters", "tp", "<Range>")``.
        """
        whole = _schema()
        node = cls(whole, whole)
        for part in loc:
            node = node._step(part)
        return node

    def keys(self) -> list[str]:
        """Known keys of an object here."""
        return [key for form in self._forms for key in form.get("properties", {})]

    def words(self) -> list[object]:
        """The words that can stand here."""
        words = [word for form in self._forms for word in form.get("enum", [])]
        return words + [form["const"] for form in self._forms if "const" in form]

    def example(self) -> object:
        """An example of what can stand here, None where the schema has none."""
        for form in (self._own, *self._forms):
            for key in ("examples", "enum"):
                if form.get(key):
                    return form[key][0]
            if form.get("default") is not None:
                return form["default"]
        return None

    def description(self) -> str:
        """The field's description, empty where there is none."""
        return str(self._own.get("description", ""))

    def _step(self, part: str | int) -> "Node":
        if isinstance(part, str) and part.startswith("<"):
            definition = self._whole["$defs"].get(part[1:-1])
            return Node(definition, self._whole) if definition else self
        below = [found for form in self._forms if (found := _child(form, part)) is not None]
        return Node(below[0] if below else {}, self._whole)

    def _resolve(self, schema: dict[str, Any]) -> list[dict[str, Any]]:
        if "$ref" in schema:
            return self._resolve(self._whole["$defs"][schema["$ref"].rpartition("/")[2]])
        branches = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
        if branches:
            return [form for branch in branches for form in self._resolve(branch)]
        return [schema]


def _child(form: dict[str, Any], part: str | int) -> dict[str, Any] | None:
    if isinstance(part, int):
        found = form.get("items")
    else:
        found = form.get("properties", {}).get(part, form.get("additionalProperties"))
    return found if isinstance(found, dict) else None


@cache
def _schema() -> dict[str, Any]:
    from airtune.task.schema import export

    return export()
