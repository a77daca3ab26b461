# What is built of the rooms of src/: the library librankine and the command rankine.
#
# The library is shared: what it stands on (MPI, HDF5, hwloc) stays its own business, and a program that links it needs
# no headers but Rankine's.
set(rankine_rooms base world mail call sync channel manager shared process pool collect space reduce kernel record dispatch exec run program doctor batch cli)
list(TRANSFORM rankine_rooms PREPEND rk_)

add_library(rankine SHARED)
add_library(rankine::rankine ALIAS rankine)
target_link_libraries(rankine PRIVATE ${rankine_rooms})
target_compile_features(rankine INTERFACE c_std_11)
target_sources(rankine PUBLIC FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}/include" FILES
  "${PROJECT_SOURCE_DIR}/include/rankine/bytes.h"
  "${PROJECT_SOURCE_DIR}/include/rankine/collect.h"
  "${PROJECT_SOURCE_DIR}/include/rankine/command.h"
  "${PROJECT_SOURCE_DIR}/include/rankine/kernel.h"
  "${PROJECT_SOURCE_DIR}/include/rankine/log.h"
  "${PROJECT_SOURCE_DIR}/include/rankine/manager.h"
  "${PROJECT_SOURCE_DIR}/include/rankine/pool.h"
  "${PROJECT_SOURCE_DIR}/include/rankine/process.h"
  "${PROJECT_SOURCE_DIR}/include/rankine/program.h"
  "${PROJECT_SOURCE_DIR}/include/rankine/queue.h"
  "${PROJECT_SOURCE_DIR}/include/rankine/rankine.h"
  "${PROJECT_SOURCE_DIR}/include/rankine/shared.h"
  "${PROJECT_SOURCE_DIR}/include/rankine/status.h"
  "${PROJECT_SOURCE_DIR}/include/rankine/sync.h"
  "${PROJECT_SOURCE_DIR}/include/rankine/wait.h")
# Of other languages than the library's: the tests compile them.
target_sources(rankine PUBLIC FILE_SET languages TYPE HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}/include" FILES
  "${PROJECT_SOURCE_DIR}/include/rankine/kernel.f90"
  "${PROJECT_SOURCE_DIR}/include/rankine/kernel.hpp"
  "${PROJECT_SOURCE_DIR}/include/rankine/team.h")
set_target_properties(rankine PROPERTIES
  LINKER_LANGUAGE C
  INTERPROCEDURAL_OPTIMIZATION ${rankine_lto}
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}
  VERIFY_INTERFACE_HEADER_SETS ON
  INTERFACE_HEADER_SETS_TO_VERIFY HEADERS
  LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")

# The installed command finds its library relative to itself, so that the tree can be moved.
file(RELATIVE_PATH rankine_bin_to_lib "${CMAKE_INSTALL_FULL_BINDIR}" "${CMAKE_INSTALL_FULL_LIBDIR}")

# The command stands at the top of the build tree, where it finds kernels/ and include/ beside itself.
file(CREATE_LINK "${PROJECT_SOURCE_DIR}/include" "${PROJECT_BINARY_DIR}/include" SYMBOLIC)
add_executable(rankine_command "${PROJECT_SOURCE_DIR}/src/cli/main.c")
target_link_libraries(rankine_command PRIVATE rankine_options rankine)
set_target_properties(rankine_command PROPERTIES
  OUTPUT_NAME rankine
  EXPORT_NAME command
  RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}"
  INSTALL_RPATH "$ORIGIN/${rankine_bin_to_lib}")
