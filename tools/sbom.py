#!/usr/bin/env python3
"""From `cargo metadata` (standard input) to a bill of materials, CycloneDX 1.5: what is compiled into the program, and what builds it.

The same input gives the same bytes: there is no serial number and no time.
"""

import json
import re
import sys

data = json.load(sys.stdin)
packages = {p["id"]: p for p in data["packages"]}
nodes = {n["id"]: n for n in data["resolve"]["nodes"]}
root = data["resolve"]["root"]
lock = open(data["workspace_root"] + "/Cargo.lock", encoding="utf-8").read()
checksums = {
    (m[1], m[2]): m[3]
    for m in re.finditer(r'name = "([^"]+)"\nversion = "([^"]+)"\nsource = "[^"]+"\nchecksum = "([0-9a-f]{64})"', lock)
}


def purl(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def needed(node):
    """What a package needs to be built: dependencies for tests alone are left out."""
    return sorted(d["pkg"] for d in node["deps"] if any(k["kind"] != "dev" for k in d["dep_kinds"]))


reached, todo = {root}, [root]
while todo:
    for other in needed(nodes[todo.pop()]):
        if other not in reached:
            reached.add(other)
            todo.append(other)


def component(package, kind):
    out = {"type": kind, "bom-ref": purl(package), "name": package["name"], "version": package["version"], "purl": purl(package)}
    if package.get("license"):
        # Cargo allows the old form with a slash.
        out["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    digest = checksums.get((package["name"], package["version"]))
    if digest:
        # Of the .crate file that the registry serves.
        out["hashes"] = [{"alg": "SHA-256", "content": digest}]
    return out


inner = sorted((packages[i] for i in reached if i != root), key=purl)
document = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.5",
    "version": 1,
    "metadata": {"component": component(packages[root], "application")},
    "components": [component(p, "library") for p in inner],
    "dependencies": [
        {"ref": purl(packages[i]), "dependsOn": sorted(purl(packages[d]) for d in needed(nodes[i]))}
        for i in sorted(reached, key=lambda i: purl(packages[i]))
    ],
}
json.dump(document, sys.stdout, indent=1, sort_keys=True)
print()
