# rk_add_kernel(name SOURCES file... [LIBRARIES library...])
#
# A kernel as a shared object NAME.so, from C, C++ or Fortran; sources in Fortran find the module rankine. Within Rankine
# it goes where the command finds it by name; in a project that used find_package(rankine) it stays in that project's
# build directory, and its path is given to `rankine run`.
# No contraction of a*b+c: the bits would depend on the compiler.
function(rk_add_kernel name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES")
  if(TARGET rankine_options)
    set(include "${rankine_SOURCE_DIR}/include")
  else()
    get_target_property(include rankine::rankine INTERFACE_INCLUDE_DIRECTORIES)
    list(GET include 0 include)
  endif()
  if(arg_SOURCES MATCHES "\\.[fF](90|95|03|08)(;|$)")
    list(PREPEND arg_SOURCES "${include}/rankine/kernel.f90")
  endif()
  add_library(${name} MODULE ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES PREFIX "" SUFFIX ".so" C_STANDARD 11 C_STANDARD_REQUIRED ON
                                           POSITION_INDEPENDENT_CODE ON
                                           Fortran_MODULE_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/${name}.modules")
  if(NOT DEFINED CMAKE_CXX_STANDARD)
    set_target_properties(${name} PROPERTIES CXX_STANDARD 11)
  endif()
  target_compile_options(${name} PRIVATE -ffp-contract=off)
  if(TARGET rankine_options)
    target_link_libraries(${name} PRIVATE rankine_options)
  else()
    target_include_directories(${name} PRIVATE "${include}")
  endif()
  target_link_libraries(${name} PRIVATE m ${arg_LIBRARIES})
endfunction()
