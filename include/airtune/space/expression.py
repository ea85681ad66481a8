"""Constraints over parameters, for example ``tp_size * dp_size <= 8``."""

import ast
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from airtune.records import ParamValue
from airtune.space.compile import Evaluate, RefusedError, compile_node, truth

LONGEST = 500
"""Characters in one expression; more is no constraint a person wrote."""


class ExpressionError(ValueError):
    """A constraint cannot be read or evaluated; the text says where and what to write.

    Attributes:
        column: where, counted from 1; None when the expression as a whole is meant.
    """

    def __init__(self, reason: str, column: int | None = None) -> None:
        self.column = column
        where = f"at column {column}: " if column is not None else ""
        super().__init__(f"{where}{reason}")


@dataclass(frozen=True)
class Expression:
    """One constraint, checked and ready; made by ``parse``.

    Attributes:
        text: as written in the task.
        names: the parameters it speaks of.
    """

    text: str
    names: frozenset[str]
    _evaluate: Evaluate = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str, names: Collection[str]) -> "Expression":
        """Read ``text``, which may speak of the parameters ``names``.

        In the text a name's ``-`` is written ``_`` (``cache-type-k`` is ``cache_type_k``). Columns
        count from the first character that is no space.

        Raises:
            ExpressionError: not an expression, not allowed, or an unknown name.
        """
        text = re.sub(r"\s", " ", text.strip())
        tree = _tree(text)
        known = {re.sub(r"\W", "_", name): name for name in names}
        if len(known) < len(names):
            raise ExpressionError(f"two of {sorted(names)} differ in punctuation only; keep one.")
        try:
            evaluate = compile_node(tree, known)
        except RefusedError as error:
            raise ExpressionError(str(error), _column(text, error.node)) from None
        except RecursionError:
            raise ExpressionError("the expression is nested too deeply; split it.") from None
        used = (part.id for part in ast.walk(tree) if isinstance(part, ast.Name))
        return cls(text, frozenset(known[name] for name in used if name in known), evaluate)

    def holds(self, configuration: Mapping[str, ParamValue]) -> bool:
        """Whether ``configuration`` (every parameter in ``names``) satisfies the constraint.

        Raises:
            ExpressionError: it cannot be evaluated there, for example ``"f16" < 3``.
        """
        try:
            return truth(self._evaluate(configuration))
        except (TypeError, ArithmeticError) as error:
            raise ExpressionError(self._unanswerable(configuration, error)) from None

    def _unanswerable(self, configuration: Mapping[str, ParamValue], error: Exception) -> str:
        values = {name: configuration[name] for name in sorted(self.names)}
        shown = ", ".join(f"{name}={value!r}" for name, value in values.items())
        hint = ""
        if None in values.values():
            hint = " Ask first for a parameter that may be null: 'x is null or x < 8'."
        where = f" for {shown}" if shown else ""
        return f"{self.text!r} cannot be evaluated{where}: {error}.{hint}"


def _tree(text: str) -> ast.expr:
    if not text:
        raise ExpressionError("the expression is empty; write one such as 'tp_size <= 4'.")
    if len(text) > LONGEST:
        raise ExpressionError(f"the expression is longer than {LONGEST} characters; split it.")
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        reason = f"this is not an expression ({error.msg}).{_hint(text)}"
        raise ExpressionError(reason, error.offset or len(text) + 1) from None
    except (ValueError, RecursionError, MemoryError):
        raise ExpressionError("this is not an expression: it cannot be read at all.") from None


def _hint(text: str) -> str:
    for wrong, right in (("&&", "and"), ("||", "or"), ("!", "not")):
        if wrong in text.replace("!=", ""):
            return f" Write {right!r} for {wrong!r}."
    if re.search(r"(?<![=<>!])=(?!=)", text):
        return " Write '==' to compare."
    return " Write for example 'tp_size * dp_size <= 8'."


def _column(text: str, node: ast.AST) -> int:
    # Python counts bytes, people count characters.
    offset = getattr(node, "col_offset", 0)
    return len(text.encode()[:offset].decode(errors="ignore")) + 1
