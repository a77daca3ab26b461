# What Rankine stands on. Each is named with its Debian package in README.md.
find_package(MPI REQUIRED COMPONENTS C)
find_package(Threads REQUIRED)
find_package(HDF5 REQUIRED COMPONENTS C HL)
find_package(PkgConfig REQUIRED)
pkg_check_modules(HWLOC REQUIRED IMPORTED_TARGET hwloc)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
find_path(RANDOM123_INCLUDE_DIR Random123/philox.h REQUIRED)

add_library(rankine_hdf5 INTERFACE)
target_include_directories(rankine_hdf5 SYSTEM INTERFACE ${HDF5_INCLUDE_DIRS})
target_compile_definitions(rankine_hdf5 INTERFACE ${HDF5_DEFINITIONS})
target_link_libraries(rankine_hdf5 INTERFACE ${HDF5_HL_LIBRARIES} ${HDF5_LIBRARIES}
                                             $<$<BOOL:${HDF5_IS_PARALLEL}>:MPI::MPI_C>)
