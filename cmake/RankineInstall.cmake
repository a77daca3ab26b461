# What is installed: command, library, headers, package files for CMake and pkg-config, man pages, documents.
# The kernels that come with Rankine are installed by apps/.
include(CMakePackageConfigHelpers)

set(rankine_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/rankine")
install(TARGETS rankine rankine_command EXPORT rankine FILE_SET HEADERS FILE_SET languages)
install(EXPORT rankine NAMESPACE rankine:: FILE rankineTargets.cmake DESTINATION "${rankine_package_dir}")
configure_package_config_file(cmake/rankineConfig.cmake.in "${PROJECT_BINARY_DIR}/rankineConfig.cmake"
  INSTALL_DESTINATION "${rankine_package_dir}")
# Before 1.0 a new minor version may change the interfaces.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/rankineConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/rankineConfig.cmake" "${PROJECT_BINARY_DIR}/rankineConfigVersion.cmake"
              "${PROJECT_SOURCE_DIR}/cmake/RankineKernel.cmake"
        DESTINATION "${rankine_package_dir}")

# The prefix is written relative to the .pc file: the installed tree can be moved.
file(RELATIVE_PATH rankine_pc_to_prefix "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
foreach(package rankine rankine-kernel)
  configure_file(cmake/${package}.pc.in "${PROJECT_BINARY_DIR}/${package}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/${package}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endforeach()

file(GLOB rankine_man_pages CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/cli/*.1")
install(FILES ${rankine_man_pages} DESTINATION "${CMAKE_INSTALL_MANDIR}/man1")
install(FILES README.md CHANGELOG.md LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(DIRECTORY doc hostfiles DESTINATION "${CMAKE_INSTALL_DOCDIR}")
# Where README.md links to: apps/NAME/README.md.
install(DIRECTORY apps DESTINATION "${CMAKE_INSTALL_DOCDIR}" FILES_MATCHING PATTERN README.md PATTERN program EXCLUDE)
