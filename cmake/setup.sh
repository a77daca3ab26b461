# setup.sh: what demo.sh, test.sh and .ci/run share: finding or installing what Rankine needs, and building it with a line
# per step. To be sourced, from the top of the project, by any POSIX shell.
#
# On Debian and its children missing packages are installed with apt, as root or through sudo. Elsewhere, and where that
# is not possible, each need is looked for by itself, and what is missing is named for dnf, brew, Spack and modules.

# group | what it is | how it is found (-: not missed; tests that need it are skipped) | Debian | dnf | brew | Spack | modules
setup_needs='
build|C compiler|program:cc|gcc libc6-dev|gcc|gcc|gcc|GCC
build|make|program:make|make|make|make|gmake|make
build|CMake 3.25 or newer|cmake:3.25|cmake|cmake|cmake|cmake@3.25:|CMake
build|pkg-config|program:pkg-config|pkgconf|pkgconf-pkg-config|pkgconf|pkgconf|pkgconf
build|Open MPI|program:mpicc,mpirun|libopenmpi-dev openmpi-bin|openmpi-devel|open-mpi|openmpi|OpenMPI
build|HDF5|hdf5:|libhdf5-dev|hdf5-devel|hdf5|hdf5+hl|HDF5
build|hwloc|package:hwloc|libhwloc-dev|hwloc-devel|hwloc|hwloc|hwloc
build|xxHash|package:libxxhash|libxxhash-dev|xxhash-devel|xxhash|xxhash|xxHash
build|Random123|header:Random123/philox.h|librandom123-dev|Random123-devel|random123|random123|Random123
build|Jansson|package:jansson|libjansson-dev|jansson-devel|jansson|jansson|Jansson
build|libpng|package:libpng|libpng-dev|libpng-devel|libpng|libpng|libpng
test|C++ compiler|program:c++|g++|gcc-c++|gcc|gcc|GCC
test|Fortran compiler|program:gfortran|gfortran|gcc-gfortran|gcc|gcc|GCC
test|cmocka|package:cmocka|libcmocka-dev|libcmocka-devel|cmocka|cmocka|cmocka
test|Python with h5py|python:h5py|python3-h5py|python3-h5py|python-h5py|py-h5py|h5py
test|Python with h5netcdf|python:h5netcdf|python3-h5netcdf|python3-h5netcdf|pip:h5netcdf|py-h5netcdf|h5netcdf
test|Python with NumPy|python:numpy|python3-numpy|python3-numpy|numpy|py-numpy|SciPy-bundle
test|Python with xarray|python:xarray|python3-xarray|python3-xarray|pip:xarray|py-xarray|xarray
test|ncdump|program:ncdump|netcdf-bin|netcdf|netcdf|netcdf-c|netCDF
test|h5dump|program:h5dump|hdf5-tools|hdf5|hdf5|hdf5+hl|HDF5
test|mpi4py|python:mpi4py|python3-mpi4py|python3-mpi4py-openmpi|mpi4py|py-mpi4py|mpi4py
test|GNU parallel|program:parallel|parallel|parallel|parallel|parallel|parallel
test|ip|-|iproute2|iproute|-|iproute2|-
test|ps|program:ps|procps|procps-ng|-|procps|-
lint|bash|program:bash|bash|bash|bash|bash|-
lint|clang|program:clang|clang|clang|llvm|llvm|Clang
lint|clang-format|program:clang-format|clang-format|clang-tools-extra|clang-format|llvm|Clang
lint|clang-tidy|program:clang-tidy|clang-tidy|clang-tools-extra|llvm|llvm|Clang
'

setup_say() {
    printf '%s\n' "== $*"
}

# setup_step LOG WHAT COMMAND...: say it, do it with the output in the log, show the log's end if it fails.
setup_step() {
    setup_log=$1
    setup_say "$2"
    shift 2
    mkdir -p "$(dirname "$setup_log")"
    "$@" >"$setup_log" 2>&1 && return 0
    setup_status=$?
    tail -n 40 "$setup_log" >&2
    printf '%s\n' "failed ($setup_status): $*" "the whole output is in $setup_log" >&2
    exit 1
}

setup_jobs() {
    nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1
}

setup_deb_installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Is a need there, whoever installed it?
setup_found() {
    case $1 in
    program:*)
        for setup_program in $(echo "${1#*:}" | tr ',' ' '); do
            command -v "$setup_program" >/dev/null 2>&1 || return 1
        done ;;
    cmake:*)
        setup_version=$(cmake --version 2>/dev/null | sed -n '1s/[^0-9]*\([0-9.]*\).*/\1/p')
        [ -n "$setup_version" ] &&
            [ "$(printf '%s\n%s\n' "${1#*:}" "$setup_version" | sort -t. -k1,1n -k2,2n | head -n 1)" = "${1#*:}" ] ;;
    package:*) pkg-config --exists "${1#*:}" 2>/dev/null ;;
    header:*) echo "#include <${1#*:}>" | cc ${CPPFLAGS:-} -E -x c - >/dev/null 2>&1 ||
        [ -n "$(find $(echo "${CPATH:-}:${CMAKE_PREFIX_PATH:-}" | tr ':' ' ') /opt/homebrew /usr/local -maxdepth 4 \
            -path "*/${1#*:}" 2>/dev/null | head -n 1)" ] ;;
    hdf5:) command -v h5cc >/dev/null 2>&1 || command -v h5pcc >/dev/null 2>&1 || pkg-config --exists hdf5 2>/dev/null ||
        [ -n "${HDF5_ROOT:-}" ] ;;
    python:*) for setup_python in /usr/bin/python3 python3; do
            "$setup_python" -c "import ${1#*:}" 2>/dev/null && return 0
        done; return 1 ;;
    esac
}

# setup_rows GROUP...: the rows of these groups.
setup_rows() {
    for setup_group in "$@"; do
        printf '%s' "$setup_needs" | grep "^$setup_group|"
    done
}

# The Debian packages of these groups that are not installed. A parallel HDF5 that is there stays the one in use.
setup_missing_debs() {
    for setup_deb in $(setup_rows "$@" | cut -d '|' -f 4); do
        setup_deb_installed "$setup_deb" && continue
        [ "$setup_deb" = libhdf5-dev ] && setup_deb_installed libhdf5-openmpi-dev && continue
        echo "$setup_deb"
    done
}

setup_apt() {
    if [ "$(id -u)" = 0 ]; then setup_as_root=; else setup_as_root=sudo; fi
    setup_apt_get="$setup_as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300"
    $setup_apt_get update
    $setup_apt_get install -y --no-install-recommends "$@"
}

# Names what is not found, in the words of each package manager, and ends the script.
setup_refuse() {
    printf '%s\n' "Missing on this machine:"
    printf '%s\n' "$1" | cut -d '|' -f 2 | sed 's/^/  /'
    printf '%s\n' "Install them in the way of this machine, then run this again:"
    echo "  Debian:   sudo apt-get install$(setup_names "$1" 4)"
    echo "  dnf:      sudo dnf install$(setup_names "$1" 5)   (RHEL and its children: with EPEL and CRB)"
    echo "  brew:     brew install$(setup_names "$1" 6)"
    setup_pip=$(setup_names "$1" 6 pip:)
    [ -z "$setup_pip" ] || echo "            python3 -m pip install$setup_pip"
    echo "  Spack:    spack install$(setup_names "$1" 7)   (then spack load the same)"
    echo "  modules:  module load$(setup_names "$1" 8)   (names differ between sites: module spider NAME)"
    exit 1
} >&2

# setup_names ROWS COLUMN [PREFIX]: the packages of a column, those with the prefix or, without one, those that pip has not.
setup_names() {
    printf '%s\n' "$1" | cut -d '|' -f "$2" | tr ' ' '\n' | sort -u | while read -r setup_name; do
        case $setup_name in
        -) ;;
        pip:*) [ -z "${3:-}" ] || printf ' %s' "${setup_name#pip:}" ;;
        *) [ -n "${3:-}" ] || printf ' %s' "$setup_name" ;;
        esac
    done
}

# setup_need LOG GROUP...: see that everything of these groups is there; install it where that can be done.
setup_need() {
    setup_need_log=$1
    shift
    if command -v apt-get >/dev/null 2>&1; then
        setup_debs=$(setup_missing_debs "$@" | sort -u | tr '\n' ' ')
        if [ -n "$setup_debs" ] && { [ "$(id -u)" = 0 ] || command -v sudo >/dev/null 2>&1; }; then
            # Word splitting is meant: package names.
            setup_step "$setup_need_log" "Installing $setup_debs" setup_apt $setup_debs
        fi
    elif [ -d /usr/lib64/openmpi/bin ]; then
        PATH=$PATH:/usr/lib64/openmpi/bin # where Fedora keeps it until a module is loaded
    fi
    setup_absent=$(setup_rows "$@" | while IFS= read -r setup_row; do
        setup_found "$(echo "$setup_row" | cut -d '|' -f 3)" || echo "$setup_row"
    done)
    [ -z "$setup_absent" ] || setup_refuse "$setup_absent"
}

# setup_build PRESET DIR OPTION...: configure the preset in DIR and build everything.
setup_build() {
    setup_preset=$1 setup_dir=$2
    shift 2
    setup_step "$setup_dir/configure.log" "Configuring ($setup_preset, in $setup_dir/)" \
        cmake --preset "$setup_preset" -B "$setup_dir" "$@"
    setup_step "$setup_dir/build.log" "Building" cmake --build "$setup_dir" -j "$(setup_jobs)"
}
