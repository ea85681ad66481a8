"""A checked Python expression tree → a function of the configuration; nothing is ever eval'ed."""

import ast
import operator
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from airtune.records import ParamValue

Value = Any
"""What a part of an expression may come to: a ParamValue or a list of them."""
Evaluate = Callable[[Mapping[str, ParamValue]], Value]

_ARITHMETIC: dict[type[ast.operator], Callable[[Value, Value], Value]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Value, Value], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
_FUNCTIONS: dict[str, Callable[..., Value]] = {"min": min, "max": max, "abs": abs}
_LITERALS: dict[str, ParamValue] = {"true": True, "false": False, "null": None}
_ALLOWED = (
    "Allowed are parameter names, numbers, texts, true, false, null, lists, + - * / // %, "
    "comparisons, in, is, and, or, not, (a if b else c), min, max and abs."
)


class RefusedError(Exception):
    """A part of the expression is not allowed; ``node`` says where."""

    def __init__(self, reason: str, node: ast.AST) -> None:
        self.node = node
        super().__init__(reason)


def compile_node(node: ast.expr, names: Mapping[str, str]) -> Evaluate:
    """Make the function that evaluates ``node``; ``names`` maps identifiers to parameters.

    Raises:
        RefusedError: something outside the whitelist, or an unknown name.
    """
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None as constant):
            return lambda _: constant
        case ast.Name(id=name):
            return _name(name, names, node)
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            items = [compile_node(part, names) for part in parts]
            return lambda c: [item(c) for item in items]
        case ast.BoolOp(op=operation, values=parts):
            return _bool(operation, [compile_node(part, names) for part in parts])
        case ast.UnaryOp(op=ast.Not() | ast.USub() as operation, operand=part):
            return _unary(operation, compile_node(part, names))
        case ast.BinOp(left=left, op=operation, right=right) if type(operation) in _ARITHMETIC:
            return _binary(_ARITHMETIC[type(operation)], left, right, names)
        case ast.Compare():
            return _comparison(node, names)
        case ast.IfExp(test=test, body=body, orelse=other):
            return _choice(*(compile_node(part, names) for part in (test, body, other)))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            return _call(name, args, node, names)
    raise RefusedError(f"this is not allowed. {_ALLOWED}", node)


def truth(value: Value) -> bool:
    """``value`` if it is true or false.

    Raises:
        TypeError: it is anything else, such as the number of a forgotten comparison.
    """
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false; compare it with something")
    return value


def _number(value: Value) -> Value:
    # Texts are refused: "a" * 10**9 and "%9999999d" % 1 would eat the memory of the host.
    if isinstance(value, bool) or not isinstance(value, int | float):
        shown = "null (the flag left out)" if value is None else repr(value)
        raise TypeError(f"{shown} is not a number")
    return value


def _name(name: str, names: Mapping[str, str], node: ast.AST) -> Evaluate:
    if name in names:
        parameter = names[name]
        return lambda configuration: configuration[parameter]
    if name in _LITERALS:
        literal = _LITERALS[name]
        return lambda _: literal
    near = get_close_matches(name, names, n=1) or [i for i in names if i.startswith(name + "_")]
    hint = f" Did you mean {near[0]!r}?" if near else ""
    known = ", ".join(sorted(names)) or "none"
    raise RefusedError(
        f"unknown parameter {name!r}.{hint} Searched parameters (write - as _): {known}.", node
    )


def _unary(operation: ast.Not | ast.USub, part: Evaluate) -> Evaluate:
    if isinstance(operation, ast.Not):
        return lambda c: not truth(part(c))
    return lambda c: -_number(part(c))


def _bool(operation: ast.boolop, parts: list[Evaluate]) -> Evaluate:
    if isinstance(operation, ast.And):
        return lambda c: all(truth(part(c)) for part in parts)
    return lambda c: any(truth(part(c)) for part in parts)


def _binary(
    operation: Callable[[Value, Value], Value],
    left: ast.expr,
    right: ast.expr,
    names: Mapping[str, str],
) -> Evaluate:
    first, second = compile_node(left, names), compile_node(right, names)
    return lambda c: operation(_number(first(c)), _number(second(c)))


def _comparison(node: ast.Compare, names: Mapping[str, str]) -> Evaluate:
    operands = [compile_node(part, names) for part in (node.left, *node.comparators)]
    operations = [_COMPARE[type(operation)] for operation in node.ops]

    def holds(configuration: Mapping[str, ParamValue]) -> bool:
        left = operands[0](configuration)
        for operation, operand in zip(operations, operands[1:], strict=True):
            right = operand(configuration)
            if not operation(left, right):
                return False
            left = right
        return True

    return holds


def _choice(test: Evaluate, body: Evaluate, other: Evaluate) -> Evaluate:
    return lambda c: body(c) if truth(test(c)) else other(c)


def _call(name: str, args: list[ast.expr], node: ast.AST, names: Mapping[str, str]) -> Evaluate:
    if not args or (name == "abs" and len(args) != 1) or (name != "abs" and len(args) < 2):
        wanted = "one number" if name == "abs" else "two numbers or more"
        raise RefusedError(f"{name} takes {wanted}.", node)
    function, parts = _FUNCTIONS[name], [compile_node(arg, names) for arg in args]
    return lambda c: function(*(_number(part(c)) for part in parts))
