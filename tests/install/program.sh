# A program with a kernel of its own, built by find_package(rankine) and by pkg-config: it is its own launcher and ranks.
set -eu
unset LD_LIBRARY_PATH
cp "$RANKINE_SOURCE"/tests/install/consumer/* "$RANKINE_SOURCE/tests/install/readme_kernel.c" .
"$CMAKE" -S . -B build -DCMAKE_PREFIX_PATH="$PREFIX" >configure.log
"$CMAKE" --build build --target squares >build.log

export PKG_CONFIG_PATH="$PREFIX/$LIBDIR/pkgconfig"
# Word splitting is meant: flags.
$CC ${CFLAGS:-} squares.c -o squares $(pkg-config --cflags --libs rankine)

for program in build/squares ./squares; do
    "$program" kernels | grep -q 'sum of squares'
    "$program" run squares x=0:9:1 -n 2 -o out.h5 --force --quiet
    "$PYTHON" -c 'import h5py; assert h5py.File("out.h5")["reduced/sum"][()] == 285'
done

# The line in doc/library.md, as it stands, is all that a program of the library needs.
cp "$RANKINE_SOURCE/tests/library/programs/three_squares.c" .
line=$(grep '^cc three_squares.c' "$PREFIX/share/doc/rankine/doc/library.md")
eval "$CC ${CFLAGS:-} ${line#cc }"
[ "$(./three_squares)" = "1 4 9" ]
