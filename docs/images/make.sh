#!/usr/bin/env bash
# Takes the pictures of docs/reviewer-guide.md again, of the real console, by the keys that the guide names: docs/images/make.sh
# The same test without UPDATE_DOCS fails when a picture is not what the console shows.
set -euo pipefail
cd "$(dirname "$0")/../.."
UPDATE_DOCS=1 cargo test --quiet --test pictures -- --include-ignored
git status --short docs/images
