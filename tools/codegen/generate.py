#!/usr/bin/env python3
"""Writes C++ structs and shape tables from AWS's service models.

    tools/codegen/generate.py SERVICE MODEL_JSON SUPPORTED_OPERATIONS OUTPUT_FOLDER

writes SERVICE_types.h (structs, and a tag per operation), SERVICE_shapes.h and SERVICE_shapes.cc
(tables for src/api/protocol) for the operations that the allow-list names. Shapes that those do
not reach are left out. The build runs it (src/api/CMakeLists.txt); nothing generated is committed.
"""
import json
import pathlib
import re
import sys

SCALARS = {
    "string": ("kString", "std::string"),
    "blob": ("kBlob", "std::string"),
    "boolean": ("kBoolean", "bool"),
    "integer": ("kInteger", "std::int32_t"),
    "long": ("kLong", "std::int64_t"),
    "double": ("kDouble", "double"),
    "float": ("kDouble", "double"),
    "timestamp": ("kTimestamp", "WallTime"),
}
# Enumerations whose unknown values have refusals of their own, which handlers write.
CHECKED_BY_HANDLERS = {"InstanceType", "ResourceType"}
KEYWORDS = set("""and asm auto bool break case catch char class const continue default delete do double else enum
explicit export extern false float for friend goto if inline int long mutable namespace new not operator or private
protected public register requires return short signed sizeof static struct switch template this throw true try
typedef typename union unsigned using virtual void volatile while xor""".split())


def snake_case(name):
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    name = re.sub(r"([a-z\d])([A-Z])", r"\1_\2", name).lower()
    return name + "_" if name in KEYWORDS else name


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def upper_first(text):
    return text[:1].upper() + text[1:]


class Service:
    def __init__(self, name, model, operations):
        self.name = name
        self.model = model
        self.shapes = model["shapes"]
        self.protocol = model["metadata"]["protocol"]
        self.operations = {name: model["operations"][name] for name in sorted(operations)}
        self.structures = []  # In an order in which each struct comes after those it holds.
        self.input_shapes = set()
        for operation in self.operations.values():
            self.mark_input(operation["input"])
        for operation in self.operations.values():
            for side in ("input", "output"):
                if side in operation:
                    self.visit(operation[side], [])

    def mark_input(self, name):
        if name in self.input_shapes:
            return
        self.input_shapes.add(name)
        for reference in self.references(name):
            self.mark_input(reference)

    def references(self, name):
        shape = self.shapes[name]
        if shape["type"] == "structure":
            return [member["shape"] for member in shape["members"].values()]
        if shape["type"] == "list":
            return [shape["member"]["shape"]]
        if shape["type"] not in SCALARS:
            sys.exit(f"{name}: shapes of type {shape['type']} are not supported")
        return []

    def visit(self, name, path):
        if name in self.structures:
            return
        if name in path:
            # A list may hold the struct that it stands in; an optional may not.
            if not any(self.shapes[step]["type"] == "list" for step in path[path.index(name):]):
                sys.exit(f"{name} contains itself other than through a list")
            return
        for reference in self.references(name):
            self.visit(reference, path + [name])
        if self.shapes[name]["type"] == "structure":
            self.structures.append(name)

    # ---- Types

    def cpp_type(self, name):
        shape = self.shapes[name]
        if shape["type"] == "structure":
            return f"std::optional<{name}>"
        if shape["type"] == "list":
            element = self.shapes[shape["member"]["shape"]]
            if element["type"] == "structure":
                return f"std::vector<{shape['member']['shape']}>"
            if element["type"] not in ("string", "integer"):
                sys.exit(f"{name}: lists of {element['type']} are not supported")
            return f"std::vector<{SCALARS[element['type']][1]}>"
        return f"std::optional<{SCALARS[shape['type']][1]}>"

    def types_header(self):
        lines = [
            f"// Written by tools/codegen/generate.py from src/api/models/{self.name}.json. Do not edit.",
            "// An operation for which the model has no output has the Result api::NoResult.",
            "#pragma once",
            "",
            "#include <cstdint>",
            "#include <optional>",
            "#include <string>",
            "#include <string_view>",
            "#include <vector>",
            "",
            '#include "api/protocol/no_result.h"',
            '#include "base/time.h"',
            "",
            f"namespace enid::api::{self.name} {{",
            "",
        ]
        lines += [f"struct {name};" for name in self.structures]
        for name in self.structures:
            lines += ["", f"struct {name} {{"]
            for member, reference in self.shapes[name]["members"].items():
                lines.append(f"  {self.cpp_type(reference['shape'])} {snake_case(member)}{{}};")
            lines.append("};")
        lines += ["", "namespace operations {", ""]
        for name, operation in self.operations.items():
            result = f"{self.name}::{operation['output']}" if "output" in operation else "NoResult"
            lines += [
                f"struct {name} {{",
                f"  using Request = {self.name}::{operation['input']};",
                f"  using Result = {result};",
                f"  static constexpr std::string_view kName = {quoted(name)};",
                "};",
            ]
        lines += ["", "}  // namespace operations", f"}}  // namespace enid::api::{self.name}", ""]
        lines += ["// Calls `visit` with the name of each operation.", f"#define ENID_{self.name.upper()}_OPERATIONS(visit) \\"]
        lines += [f"  visit({name}) \\" for name in self.operations]
        lines += ["  static_assert(true)", ""]
        return "\n".join(lines)

    def shapes_header(self):
        return f"""// Written by tools/codegen/generate.py from src/api/models/{self.name}.json. Do not edit.
#pragma once

#include "api/protocol/shape.h"

namespace enid::api::{self.name} {{

const protocol::ServiceShape& service_shape();

}}  // namespace enid::api::{self.name}
"""

    # ---- Tables

    def request_name(self, member, reference):
        if self.protocol == "ec2":
            if "queryName" in reference:
                return reference["queryName"]
            return upper_first(reference.get("locationName", member))
        return reference.get("locationName", member)

    def constraints(self, name):
        """The expression that points at the constraints of a shape, and what it needs declared."""
        shape = self.shapes[name]
        if name not in self.input_shapes or shape["type"] == "structure":
            return "nullptr"
        bounded = "min" in shape or "max" in shape
        if not bounded and ("enum" not in shape or name in CHECKED_BY_HANDLERS):
            return "nullptr"
        return f"&k{name}Constraints"

    def constraint_tables(self):
        lines = []
        for name in sorted(self.input_shapes):
            if self.constraints(name) == "nullptr":
                continue
            shape = self.shapes[name]
            values = "{}"
            if "enum" in shape and name not in CHECKED_BY_HANDLERS:
                texts = ", ".join(quoted(value) for value in shape["enum"])
                lines.append(f"constexpr std::string_view k{name}Values[] = {{{texts}}};")
                values = f"k{name}Values"
            bound = lambda key: f"{float(shape[key])}" if key in shape else "{}"
            lines.append(
                f"constexpr Constraints k{name}Constraints{{{bound('min')}, {bound('max')}, {values}}};"
            )
        return lines

    def member_row(self, structure, member, reference):
        shape = self.shapes[reference["shape"]]
        response_name = reference.get("locationName", member)
        item_name = ""
        kind = element_kind = "kString"
        table = list_access = optional_access = list_constraints = "nullptr"
        constraints = self.constraints(reference["shape"])
        if shape["type"] == "structure":
            kind = "kStructure"
            table = f"&k{reference['shape']}Shape"
            optional_access = f"&kOptionalAccess<{reference['shape']}>"
        elif shape["type"] == "list":
            kind = "kList"
            element_name = shape["member"]["shape"]
            element = self.shapes[element_name]
            item_name = shape["member"].get("locationName", "item" if self.protocol == "ec2" else "member")
            list_constraints = constraints
            constraints = self.constraints(element_name)
            if element["type"] == "structure":
                element_kind = "kStructure"
                table = f"&k{element_name}Shape"
                list_access = f"&kListAccess<{element_name}>"
            else:
                element_kind = SCALARS[element["type"]][0]
        else:
            kind = SCALARS[shape["type"]][0]
        required = member in self.shapes[structure].get("required", [])
        return (
            f"    {{{quoted(member)}, {quoted(self.request_name(member, reference))}, {quoted(response_name)}, "
            f"{quoted(item_name)}, offsetof({structure}, {snake_case(member)}), Kind::{kind}, "
            f"Kind::{element_kind}, {str(required).lower()}, "
            f"{str(reference.get('idempotencyToken', False)).lower()}, {table}, {list_access}, "
            f"{optional_access}, {constraints}, {list_constraints}}},"
        )

    def shapes_source(self):
        lines = [
            f"// Written by tools/codegen/generate.py from src/api/models/{self.name}.json. Do not edit.",
            f'#include "api/generated/{self.name}_shapes.h"',
            "",
            "#include <cstddef>",
            "",
            f'#include "api/generated/{self.name}_types.h"',
            "",
            f"namespace enid::api::{self.name} {{",
            "namespace {",
            "",
            "using namespace protocol;",
            "",
        ]
        lines += [f"extern const StructureShape k{name}Shape;" for name in self.structures]
        lines += self.constraint_tables()
        for name in self.structures:
            members = self.shapes[name]["members"]
            rows = [self.member_row(name, member, reference) for member, reference in members.items()]
            span = "{}"
            if rows:
                lines += [f"constexpr Member k{name}Members[] = {{", *rows, "};"]
                span = f"k{name}Members"
            lines.append(f"constexpr StructureShape k{name}Shape{{{quoted(name)}, {span}}};")
        rows = []
        for name, operation in self.operations.items():
            filters = "{}"
            if "filters" in operation:
                texts = ", ".join(quoted(text) for text in operation["filters"])
                lines.append(f"constexpr std::string_view k{name}Filters[] = {{{texts}}};")
                filters = f"k{name}Filters"
            output = f"&k{operation['output']}Shape" if "output" in operation else "nullptr"
            minimum, maximum = operation.get("maxResults", (0, 0))
            rows.append(
                f"    {{{quoted(name)}, &k{operation['input']}Shape, {output}, "
                f"{quoted(operation.get('resultWrapper', ''))}, {filters}, {minimum}, {maximum}, "
                f"{str(operation.get('maxResultsOrIds', False)).lower()}}},"
            )
        metadata = self.model["metadata"]
        protocol = {"ec2": "kEc2", "query": "kQuery"}[self.protocol]
        lines += ["constexpr OperationShape kOperations[] = {", *rows, "};"]
        lines += [
            f"constexpr ServiceShape kService{{{quoted(self.name)}, Protocol::{protocol}, "
            f"{quoted(metadata['apiVersion'])}, {quoted(metadata['xmlNamespace'])}, kOperations}};",
            "",
            "}  // namespace",
            "",
            "const protocol::ServiceShape& service_shape() { return kService; }",
            "",
            f"}}  // namespace enid::api::{self.name}",
            "",
        ]
        return "\n".join(lines)


def supported_operations(path, service):
    for line in path.read_text().splitlines():
        words = line.split("#")[0].split()
        if words and words[0] == service:
            yield words[1]


def main():
    name, model_path, supported_path, output = sys.argv[1:]
    model = json.loads(pathlib.Path(model_path).read_text())
    operations = list(supported_operations(pathlib.Path(supported_path), name))
    missing = [operation for operation in operations if operation not in model["operations"]]
    if missing:
        sys.exit(f"{supported_path}: {name} has no {', '.join(missing)}")
    service = Service(name, model, operations)
    folder = pathlib.Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}_types.h").write_text(service.types_header())
    (folder / f"{name}_shapes.h").write_text(service.shapes_header())
    (folder / f"{name}_shapes.cc").write_text(service.shapes_source())


if __name__ == "__main__":
    main()
