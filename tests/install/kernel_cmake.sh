# A kernel built by find_package(rankine) and rk_add_kernel, outside of the source tree.
set -eu
cp "$RANKINE_SOURCE"/tests/install/consumer/* "$RANKINE_SOURCE/tests/install/readme_kernel.c" .
"$CMAKE" -S . -B build -DCMAKE_PREFIX_PATH="$PREFIX" >configure.log
"$CMAKE" --build build --target readme_kernel >build.log
kernel=$(find build -name 'readme_kernel.so')
"$PREFIX/bin/rankine" run "./$kernel" r=3.5:4:0.1 -n 2 -o out.h5 --json >summary.json
"$PYTHON" -c '
import json
summary = json.load(open("summary.json"))
assert (summary["tasks"], summary["done"], summary["failed"]) == (6, 6, 0), summary'
