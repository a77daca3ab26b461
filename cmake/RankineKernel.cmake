# rk_add_kernel(name SOURCES file... [LIBRARIES library...])
#
# A kernel as a shared object NAME.so. Within Rankine it goes where the command finds it by name; in a project that
# used find_package(rankine) it stays in that project's build directory, and its path is given to `rankine run`.
# No contraction of a*b+c: the bits would depend on the compiler.
function(rk_add_kernel name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES")
  add_library(${name} MODULE ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES PREFIX "" SUFFIX ".so" C_STANDARD 11 C_STANDARD_REQUIRED ON
                                           POSITION_INDEPENDENT_CODE ON)
  target_compile_options(${name} PRIVATE -ffp-contract=off)
  if(TARGET rankine_options)
    target_link_libraries(${name} PRIVATE rankine_options)
  else()
    get_target_property(include rankine::rankine INTERFACE_INCLUDE_DIRECTORIES)
    target_include_directories(${name} PRIVATE ${include})
  endif()
  target_link_libraries(${name} PRIVATE m ${arg_LIBRARIES})
endfunction()
