#!/usr/bin/env bash
# Builds the wheel, installs it with its runtime dependencies alone, and runs what a new user runs first.
# It runs outside the checkout, so that only what the wheel holds is found.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
python="${PYTHON:-python3.11}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
export PIP_CONSTRAINT="$root/constraints.txt" PIP_DISABLE_PIP_VERSION_CHECK=1
unset PYTHONPATH

# A copy, so that the checkout holds no build folder afterwards.
mkdir "$work/source"
(cd "$root" && tar --create --exclude=.git --exclude='.venv*' --exclude=runs --exclude=site .) | tar --extract --directory "$work/source"
"$python" -m venv "$work/env"
"$work/env/bin/pip" wheel --quiet --no-deps --wheel-dir "$work/wheels" "$work/source"
"$work/env/bin/pip" install --quiet "$work"/wheels/penchant-*.whl

cd "$work"
for package in pytest trl diffusers sklearn; do
    if "$work/env/bin/python" -c "import $package" 2>/dev/null; then
        echo "$package is installed, so the environment is not a bare one." >&2
        exit 1
    fi
done
"$work/env/bin/penchant" quickstart --output quickstart
grep --quiet "<html" quickstart/aligned/report.html
"$work/env/bin/penchant" data check quickstart/pairs.jsonl --model quickstart/aligned/model
"$work/env/bin/penchant" train --model quickstart/aligned/model --data quickstart/pairs.jsonl --out again max_steps=2 samples=1
rm again/report.html
"$work/env/bin/penchant" report again
grep --quiet "<html" again/report.html
"$work/env/bin/python" -c "import penchant; print('penchant', penchant.__version__, 'works as installed from its wheel')"
