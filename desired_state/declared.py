"""The base of everything that people declare."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic.json_schema import DEFAULT_REF_TEMPLATE, GenerateJsonSchema, JsonSchemaMode
from pydantic_core import CoreSchema

from desired_state.model_schema import DeclaredJsonSchema, strict_scalars


class DeclaredModel(BaseModel):
    """Base of everything people write: camelCase in YAML, unknown fields refused, immutable.

    Text is not taken for a number or a boolean: what the JSON Schema refuses, the model refuses.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler, /
    ) -> CoreSchema:
        schema: CoreSchema = strict_scalars(handler(source))
        return schema

    @classmethod
    def model_json_schema(
        cls,
        by_alias: bool | None = True,
        ref_template: str = DEFAULT_REF_TEMPLATE,
        schema_generator: type[GenerateJsonSchema] = DeclaredJsonSchema,
        mode: JsonSchemaMode = "validation",
        **further: Any,
    ) -> dict[str, Any]:
        """The JSON Schema, with defaults as people write them (`30s`)."""
        return super().model_json_schema(by_alias, ref_template, schema_generator, mode, **further)
