# Helpers to declare tests.
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)

# rk_add_unit_test(name MODULES module... [SOURCES file...] [TIMEOUT seconds])
# Builds tests/unit/test_<name>.c with the objects of the named rooms (give all that it needs: objects are not
# inherited) and adds the test unit.<name>.
function(rk_add_unit_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "MODULES;SOURCES")
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  add_executable(test_${name} test_${name}.c ${arg_SOURCES})
  list(TRANSFORM arg_MODULES PREPEND rk_)
  target_link_libraries(test_${name} PRIVATE ${arg_MODULES} PkgConfig::CMOCKA)
  add_test(NAME unit.${name} COMMAND test_${name})
  set_tests_properties(unit.${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS unit)
endfunction()
