# Installs into one directory, moves the tree to PREFIX, and looks at what is there.
set -eu
"$CMAKE" --install "$RANKINE_BUILD" --prefix "$PWD/first" >install.log
rm -rf "$PREFIX"
mv first "$PREFIX"

for file in bin/rankine include/rankine/command.h include/rankine/kernel.h include/rankine/kernel.hpp \
    include/rankine/kernel.f90 include/rankine/status.h \
    "$LIBDIR/librankine.so" "$LIBDIR/pkgconfig/rankine.pc" "$LIBDIR/pkgconfig/rankine-kernel.pc" \
    "$LIBDIR/cmake/rankine/rankineConfig.cmake" "$LIBDIR/rankine/kernels/pi.so" share/man/man1/rankine.1; do
    [ -e "$PREFIX/$file" ] || { echo "not installed: $file"; exit 1; }
done
if grep -rlF "$RANKINE_SOURCE" "$PREFIX" --include='*.cmake' --include='*.pc' --include='*.h'; then
    echo "these name the source tree"
    exit 1
fi

# Each kernel has its document, where the installed README links to it.
for kernel in "$PREFIX/$LIBDIR"/rankine/kernels/*.so; do
    document=apps/$(basename "$kernel" .so)/README.md
    cmp "$RANKINE_SOURCE/$document" "$PREFIX/share/doc/rankine/$document"
    grep -qF "($document)" "$PREFIX/share/doc/rankine/README.md" || { echo "README.md has no link to $document"; exit 1; }
done

# So have the examples of the library, where its document links to them.
for document in $(grep -o '(\.\./[^)]*)' "$PREFIX/share/doc/rankine/doc/library.md" | tr -d '()'); do
    [ -e "$PREFIX/share/doc/rankine/doc/$document" ] || { echo "doc/library.md: no $document"; exit 1; }
done

# What the moved command finds is its own: the kernels beside it, not those of the build tree.
unset RANKINE_KERNEL_PATH
"$PREFIX/bin/rankine" --version | grep -q rankine
"$PREFIX/bin/rankine" kernels pi --json >pi.json
"$PYTHON" -c '
import json, os, sys
path = json.load(open("pi.json"))["path"]
assert os.path.realpath(path).startswith(os.path.realpath(sys.argv[1])), path' "$PREFIX"
