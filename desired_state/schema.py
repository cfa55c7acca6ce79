"""JSON Schema of the objects: for editors while people write, and flattened for CRDs."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from desired_state.model_schema import DeclaredJsonSchema
from desired_state.objects import API_VERSION, Metadata
from desired_state.schema_structure import flattened
from desired_state.scheme import Kind, Scheme

JsonSchema = dict[str, Any]

_DIALECT: Final = "http://json-schema.org/draft-07/schema#"
_REFS: Final = "#/definitions/{model}"
_MODE: Final[JsonSchemaMode] = "validation"


def editor_schema(scheme: Scheme) -> JsonSchema:
    """The schema of one YAML document: an object of any kind that may be declared in a source.

    It is draft-07, which the YAML language server knows best. To use it, put this line on top of a
    file: `# yaml-language-server: $schema=<path or URL of the schema>`.
    """
    kinds = [kind for kind in scheme if kind.from_git]
    models: list[type[BaseModel]] = [Metadata, *(kind.spec for kind in kinds)]
    refs, shared = models_json_schema(
        [(model, _MODE) for model in models],
        by_alias=True,
        ref_template=_REFS,
        schema_generator=DeclaredJsonSchema,
    )
    definitions = {name: _tidy(schema) for name, schema in shared["$defs"].items()}
    for kind in kinds:
        spec, metadata = refs[kind.spec, _MODE], refs[Metadata, _MODE]
        required = bool(definitions[spec["$ref"].rpartition("/")[2]].get("required"))
        definitions[f"kind.{kind.name}"] = _object(kind, spec, metadata, spec_required=required)
    return {
        "$schema": _DIALECT,
        "title": "Swarmkeeper object",
        "type": "object",
        "oneOf": [{"$ref": f"#/definitions/kind.{kind.name}"} for kind in kinds],
        "definitions": definitions,
    }


def _object(
    kind: Kind, spec: JsonSchema, metadata: JsonSchema, *, spec_required: bool
) -> JsonSchema:
    required = ["apiVersion", "kind", "metadata", *(["spec"] if spec_required else [])]
    return {
        "title": kind.name,
        "description": kind.description,
        "type": "object",
        "properties": {
            "apiVersion": {"const": API_VERSION, "description": "Group and version of the kind."},
            "kind": {"const": kind.name, "description": kind.description or "Kind of the object."},
            "metadata": metadata,
            "spec": spec,
        },
        "required": required,
        "additionalProperties": False,
    }


def structural_schema(kind: Kind) -> JsonSchema:
    """The schema of a kind as CRDs want it in `openAPIV3Schema`: flat, without `$ref` and unions.

    What the structural form can't say (unions of unlike types, closed objects) it leaves open: the
    model remains the judge.
    """
    written = kind.spec.model_json_schema(by_alias=True)
    schema: JsonSchema = {
        "description": kind.description,
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": flattened(written),
            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
    }
    return {**schema, "required": ["spec"]} if written.get("required") else schema


def _tidy(schema: Any) -> Any:
    """Without the titles that pydantic makes up from names, and nulls where nobody writes null."""
    if isinstance(schema, list):
        return [_tidy(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _tidy_part(key, part) for key, part in schema.items() if _is_wanted(key, part)}


def _tidy_part(key: str, part: Any) -> Any:
    if key == "properties":
        return {name: _tidy(inner) for name, inner in part.items()}
    return part if key in ("default", "enum", "const", "examples", "required") else _tidy(part)


def _is_wanted(key: str, part: Any) -> bool:
    return not (key == "title" and isinstance(part, str)) and not (
        key == "default" and part is None
    )
