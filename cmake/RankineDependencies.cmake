# What Rankine stands on. Each is named with its packages in README.md.
find_package(MPI REQUIRED COMPONENTS C)
find_package(Threads REQUIRED)
# Where the serial and the parallel HDF5 are both installed, FindHDF5 takes the serial one. Either will do: Rankine
# calls nothing that only the parallel one has.
find_package(HDF5 REQUIRED COMPONENTS C HL)
find_package(PkgConfig REQUIRED)
pkg_check_modules(HWLOC REQUIRED IMPORTED_TARGET hwloc)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
find_path(RANDOM123_INCLUDE_DIR Random123/philox.h REQUIRED)

# The headers of a parallel HDF5 include mpi.h.
add_library(rankine_hdf5 INTERFACE)
target_include_directories(rankine_hdf5 SYSTEM INTERFACE ${HDF5_INCLUDE_DIRS})
target_compile_definitions(rankine_hdf5 INTERFACE ${HDF5_DEFINITIONS})
target_link_libraries(rankine_hdf5 INTERFACE ${HDF5_HL_LIBRARIES} ${HDF5_LIBRARIES}
                                             $<$<BOOL:${HDF5_IS_PARALLEL}>:MPI::MPI_C>)

# FindHDF5 can pair the headers of one build with the library of another: that shows only when something is linked.
include(CheckCSourceCompiles)
block()
  set(CMAKE_REQUIRED_INCLUDES ${HDF5_INCLUDE_DIRS})
  set(CMAKE_REQUIRED_LIBRARIES ${HDF5_HL_LIBRARIES} ${HDF5_LIBRARIES})
  if(HDF5_IS_PARALLEL)
    list(APPEND CMAKE_REQUIRED_LIBRARIES MPI::MPI_C)
  endif()
  check_c_source_compiles("
    #include <hdf5.h>
    #include <hdf5_hl.h>
    int main(void) { return H5open() < 0 || H5DSis_scale(H5I_INVALID_HID) > 0; }" RANKINE_HDF5_LINKS)
endblock()
if(NOT RANKINE_HDF5_LINKS)
  message(FATAL_ERROR "A program with HDF5 ${HDF5_VERSION} does not link (headers ${HDF5_INCLUDE_DIRS}, libraries "
                      "${HDF5_LIBRARIES}). Name one installation with -DHDF5_ROOT=DIR in a new build directory.")
endif()
