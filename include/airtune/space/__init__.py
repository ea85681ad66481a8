"""Parameters → configurations: choices, ranges, linked parameters, constraints; pure and lazy."""

from airtune.space.axis import Configuration
from airtune.space.choice import Choice
from airtune.space.dimension import Dimension
from airtune.space.expression import Expression, ExpressionError
from airtune.space.linked import Linked
from airtune.space.range import Range
from airtune.space.space import Space

__all__ = [
    "Choice",
    "Configuration",
    "Dimension",
    "Expression",
    "ExpressionError",
    "Linked",
    "Range",
    "Space",
]
