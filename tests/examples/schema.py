"""Takes what the example uses of the AWS provider's schema out of CDK Terrain's bindings, which are generated from it.

    pip download --no-deps cdktn-provider-aws==25.8.1 && python tests/examples/schema.py cdktn_provider_aws-*.whl

writes provider.json. The bindings are 70 MB, so what is used of them is kept; a resource that the example uses and the file
does not have fails the test, which names this program.
"""

from __future__ import annotations

import ast
import json
import re
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
PACKAGE = "cdktn_provider_aws"
#: Resources and data sources that the examples use: the bindings call `aws_x_y` the class XY of the module x_y.
USED = [
    "aws_autoscaling_group",
    "aws_autoscaling_lifecycle_hook",
    "aws_cloudformation_stack",
    "aws_launch_template",
    "aws_security_group",
    "aws_vpc_security_group_egress_rule",
    "data_aws_caller_identity",
    "data_aws_partition",
]
#: What every resource may have besides, of Terraform itself.
META = {"connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioners"}


def main() -> None:
    """Reads the wheel, writes the file."""
    wheel = Path(sys.argv[1])
    found = {}
    version = set()
    with zipfile.ZipFile(wheel) as files:
        for kind in USED:
            source = files.read(f"{PACKAGE}/{kind.removeprefix('aws_')}/__init__.py").decode()
            version |= set(re.findall(r"hashicorp/aws/([\d.]+)/docs", source))
            classes = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}
            name = "".join(word.capitalize() for word in kind.removeprefix("aws_").split("_"))
            found[kind] = _block(classes, f"{name}Config") | {"attributes": _attributes(classes[name])}
    assert len(version) == 1, version
    # A line for each, so that a new version of the provider is a difference that can be read.
    lines = [f"{json.dumps(kind)}: {json.dumps(block)}" for kind, block in found.items()]
    head = f'"provider": "hashicorp/aws {version.pop()}",\n"from": "{wheel.name}"'
    (HERE / "provider.json").write_text(f'{{\n{head},\n"resources": {{\n' + ",\n".join(lines) + "\n}\n}\n")


def _block(classes: dict[str, ast.ClassDef], name: str) -> dict[str, object]:
    """What may, and what must, stand in a block."""
    init = next(node for node in classes[name].body if isinstance(node, ast.FunctionDef) and node.name == "__init__")
    required, optional, blocks = [], [], {}
    for argument, default in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True):
        if argument.arg in META:
            continue
        (required if default is None else optional).append(argument.arg)
        nested = [inner for inner in re.findall(r"\b[A-Z]\w+\b", ast.unparse(argument.annotation)) if inner in classes]
        if nested:
            blocks[argument.arg] = _block(classes, nested[0])
    return {"required": sorted(required), "optional": sorted(optional), "blocks": blocks}


def _attributes(resource: ast.ClassDef) -> list[str]:
    """What others may refer to."""
    properties = (node for node in resource.body if isinstance(node, ast.FunctionDef) and node.decorator_list)
    names = {node.name for node in properties if ast.unparse(node.decorator_list[0]) == "builtins.property"}
    return sorted(name for name in names if not name.endswith("_input"))


if __name__ == "__main__":
    main()
