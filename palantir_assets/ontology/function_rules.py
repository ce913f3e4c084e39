"""What must hold of functions and metrics. A function's file is parsed, never imported; it runs in serving, from the release."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from palantir_assets.errors import Problem, did_you_mean
from palantir_assets.ontology.reading import Loaded
from palantir_assets.ontology.spec import Function, ObjectType, Parameter
from palantir_assets.ontology.stages import stages_of

OBJECTS = "objects"
"""The first argument of every function: what it asks objects of."""


def functions_are_there(loaded: Loaded) -> Iterator[Problem]:
    """The file exists, is Python, and has a function of that name whose arguments are the parameters."""
    for name, function in loaded.ontology.functions.items():
        source, _, entry = function.entry.partition(":")
        place = loaded.place("functions", name, "entry")
        text = loaded.ontology.files.get(source)
        if text is None:
            yield Problem(f"function {name!r}: there is no readable file {source!r} below the specs", place)
            continue
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError) as error:
            yield Problem(f"function {name!r}: {source} is not Python: {getattr(error, 'msg', error)}", place)
            continue
        found = {node.name: node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
        if entry not in found:
            yield Problem(f"function {name!r}: {source} has no function {entry!r}", place, did_you_mean(entry, found))
        else:
            for message, hint in _signature(found[entry], function):
                yield Problem(f"function {name!r}: {message}", place, hint)


def parameters_are_typed(loaded: Loaded) -> Iterator[Problem]:
    for name, function in loaded.ontology.functions.items():
        said = [(("parameters", word), word, parameter) for word, parameter in function.parameters.items()]
        for path, word, parameter in [*said, (("output",), "output", function.output)]:
            place = loaded.place("functions", name, *path)
            if parameter.type == "edits" and word in function.parameters:
                yield Problem(f"function {name!r}: edits are what a function gives, and no parameter is ({word})", place)
            for wanted, types in (("object", ("object", "object_set")), ("of", ("array",)), ("fields", ("struct",))):
                if (getattr(parameter, wanted) is not None) != (parameter.type in types):
                    yield Problem(f"function {name!r}: `{wanted}` stands with type {' or '.join(types)}, and only there ({word})", place)
            if parameter.object is not None and loaded.lacks(parameter.object):
                hint = did_you_mean(parameter.object, loaded.ontology.objects)
                yield Problem(f"function {name!r}: unknown object type {parameter.object!r}", place, hint)


def metrics_ask_what_exists(loaded: Loaded) -> Iterator[Problem]:
    """The names in a metric's query; its form is told where queries are planned."""
    for name, metric in loaded.ontology.metrics.items():
        place = loaded.place("metrics", name, "query")
        wanted = metric.query.get("object")
        if wanted is None and "set" not in metric.query:
            yield Problem(f"metric {name!r} asks of no objects", place, "add `object: …` to its query")
        if not metric.query.get("aggregations"):
            yield Problem(f"metric {name!r} aggregates nothing", place, "add `aggregations: [{type: count}]` to its query")
        if wanted is not None and (not isinstance(wanted, str) or loaded.lacks(wanted)):
            yield Problem(f"metric {name!r}: unknown object type {wanted!r}", place, did_you_mean(str(wanted), loaded.ontology.objects))
        object_type = loaded.ontology.objects.get(str(wanted))
        if object_type is not None:
            known = known_properties(loaded, object_type)
            for word in dict.fromkeys(_fields(metric.query)):
                if word not in known and not loaded.broken.may_have(object_type.name, word):
                    yield Problem(f"metric {name!r} names unknown property {word!r} of {wanted}", place, did_you_mean(word, known))


def known_properties(loaded: Loaded, object_type: ObjectType) -> set[str]:
    """Everything an object of the type has in a release, measures and scores included."""
    ontology = loaded.ontology
    measures = {word for graph in ontology.graphs.values() if graph.nodes == object_type.name for word in graph.measures}
    scores = {word for model in ontology.models.values() if model.object == object_type.name for word in model.writes}
    return {*stages_of(object_type), *measures, *scores}


def _signature(found: ast.FunctionDef | ast.AsyncFunctionDef, function: Function) -> Iterator[tuple[str, str]]:
    arguments = found.args
    positional = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    keywords = [argument.arg for argument in arguments.kwonlyargs]
    usage = f"write `def {found.name}({', '.join([OBJECTS, *(('*', *function.parameters) if function.parameters else ())])})`"
    if isinstance(found, ast.AsyncFunctionDef):
        yield f"{found.name} is async", "functions are plain"
    if arguments.vararg or arguments.kwarg or positional[:1] != [OBJECTS]:
        yield f"{found.name} does not begin with `{OBJECTS}`, or takes any arguments", usage
        return
    taken = {*positional[1:], *keywords}
    for word in function.parameters:
        if word not in taken:
            yield f"{found.name} does not take the parameter {word!r}", did_you_mean(word, taken) or usage
    without_default = _without_default(arguments)
    for word in [*positional[1:], *keywords]:
        if word not in function.parameters and word in without_default:
            yield f"{found.name} needs {word!r}, which is no parameter", did_you_mean(word, function.parameters) or usage
    yield from _defaults(found.name, function.parameters, without_default)


def _defaults(name: str, parameters: Mapping[str, Parameter], without: set[str]) -> Iterator[tuple[str, str]]:
    for word, parameter in parameters.items():
        if parameter.optional and word in without:
            yield f"{name} has no default for the optional parameter {word!r}", f"write `{word}=None`"


def _without_default(arguments: ast.arguments) -> set[str]:
    positional = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    found = set(positional[: len(positional) - len(arguments.defaults)])
    return found | {argument.arg for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if default is None}


def _fields(value: object) -> Iterator[str]:
    """Every text under `field` in a query."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "field" and isinstance(inner, str):
                yield inner
            yield from _fields(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _fields(inner)
