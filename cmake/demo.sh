#!/bin/sh
# Install what Rankine needs, build it, and show the main job on real data: Earth's relief, and a picture.
set -eu
cd "$(dirname "$0")/.."
case ${1:-} in
'') ;;
*) printf '%s\n' "usage: sh cmake/demo.sh" "" "Installs what is missing, builds in build/, and shows what Rankine does."
    case $1 in -h | --help) exit 0 ;; *) exit 2 ;; esac ;;
esac
. cmake/setup.sh
build=build
out=$build/rankine-demo

show() {
    echo "\$ $build/rankine $*"
    "$build/rankine" "$@"
}

setup_need "$build/packages.log" build
setup_build release "$build" -DRANKINE_TESTS=OFF
mkdir -p "$out"

setup_say "Earth's relief, a task for each of 180 latitudes, on all cores: one kernel run over a netCDF file"
show run stats input=apps/stats/etopo60.nc:/ROSE -o "$out/relief.h5" --force
echo
setup_say "The run file is $PWD/$out/relief.h5; it opens in any HDF5 reader, such as Python's xarray:"
cat <<TEXT
    import xarray
    relief = xarray.open_dataset("$out/relief.h5", engine="h5netcdf")
    print(relief)
    print(relief["mean"])
TEXT
echo
setup_say "A picture: each task computes one row of the Mandelbrot set"
show run mandelbrot -o "$out/mandelbrot.h5" --force
"$build/rankine-mandelbrot-png" "$out/mandelbrot.h5" "$out/mandelbrot.png"
echo
setup_say "The picture is $PWD/$out/mandelbrot.png"
