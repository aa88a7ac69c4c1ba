#!/usr/bin/env python3
"""Writes one request for each supported operation, with every member set, as botocore encodes it.

    tools/codegen/write_full_requests.py > src/api/protocol/testdata/full_requests.txt

Run it with a Python that has botocore (Debian: python3-botocore). The unit tests decode each line:
the clients' own encoder thereby says whether our wire names are right. A line is the operation's
service, its name and the form, separated by tabs.
"""
import datetime
import json
import pathlib
import urllib.parse

import botocore.model
import botocore.serialize

from generate import supported_operations

MODELS = pathlib.Path(__file__).resolve().parent.parent.parent / "src/api/models"
DEPTH_MAX = 8


def sample(shape, name, bounds, depth):
    """A value that the model allows; None where it would nest too deep."""
    minimum = shape.metadata.get("min")
    if shape.type_name == "structure":
        if depth == DEPTH_MAX:
            return None
        members = {key: sample(member, key, bounds, depth + 1) for key, member in shape.members.items()}
        return {key: value for key, value in members.items() if value is not None}
    if shape.type_name == "list":
        value = sample(shape.member, name, bounds, depth + 1)
        return None if value is None else [value] * max(2, int(minimum or 0))
    if shape.type_name == "string":
        return shape.enum[0] if getattr(shape, "enum", None) else "a & b=c".ljust(int(minimum or 0), "x")
    if shape.type_name == "blob":
        return b"\x00key\xff"
    if shape.type_name == "boolean":
        return False  # A dry run that is asked for would be another answer.
    if shape.type_name == "timestamp":
        return datetime.datetime(2024, 2, 29, 12, 30, 45, tzinfo=datetime.timezone.utc)
    if name == "MaxResults" and bounds:
        return bounds[0]
    number = max(1, int(minimum or 0))
    return float(number) if shape.type_name in ("double", "float") else number


def main():
    for service in ("ec2", "sts"):
        path = MODELS / f"{service}.json"
        raw = json.loads(path.read_text())
        for name, operation in raw["operations"].items():
            # What the pruned model leaves out or shortens.
            operation |= {"name": name, "http": {"method": "POST", "requestUri": "/"}, "input": {"shape": operation["input"]}}
        model = botocore.model.ServiceModel(raw, service)
        serializer = botocore.serialize.create_serializer(raw["metadata"]["protocol"], include_validation=False)
        for name in sorted(supported_operations(MODELS / "supported.operations", service)):
            operation = model.operation_model(name)
            traits = raw["operations"][name]
            values = sample(operation.input_shape, "", traits.get("maxResults"), 0)
            if traits.get("maxResultsOrIds"):
                values.pop("MaxResults", None)
            body = serializer.serialize_to_request(values, operation)["body"]
            print(service, name, urllib.parse.urlencode(body), sep="\t")


if __name__ == "__main__":
    main()
