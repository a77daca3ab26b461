# Helpers to declare tests. All take TIMEOUT seconds and LABELS; NPROCS is the number of processes that a test keeps busy,
# which ctest -j takes into account. The label "long" keeps a test out of the short form of cmake/test.sh.
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)

# Python for test scripts: the system's first, where the packages of the distribution are.
set(RANKINE_PYTHON_MODULES "h5py, h5netcdf, numpy, xarray" CACHE INTERNAL "What test scripts import")
if(NOT RANKINE_PYTHON)
  find_program(rankine_python_on_path python3)
  foreach(candidate /usr/bin/python3 "${rankine_python_on_path}")
    execute_process(COMMAND "${candidate}" -c "import ${RANKINE_PYTHON_MODULES}" RESULT_VARIABLE failed
                    OUTPUT_QUIET ERROR_QUIET)
    if(failed EQUAL 0)
      set(RANKINE_PYTHON "${candidate}" CACHE FILEPATH "Python that has ${RANKINE_PYTHON_MODULES}")
      break()
    endif()
  endforeach()
endif()
if(NOT RANKINE_PYTHON)
  message(FATAL_ERROR "No python3 that can import ${RANKINE_PYTHON_MODULES}: install them (Debian: python3-h5py "
                      "python3-h5netcdf python3-numpy python3-xarray), name one with -DRANKINE_PYTHON=FILE, or leave "
                      "the tests out with -DRANKINE_TESTS=OFF.")
endif()

# Open MPI 4 and 5, as root, with more ranks than cores, several runs side by side on the same cores. Its own leaks are
# not ours: leaks are looked for by the unit tests.
set(rankine_mpi_environment
  OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_mpi_yield_when_idle=1
  PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe PRTE_MCA_hwloc_default_binding_policy=none
  ASAN_OPTIONS=detect_leaks=0)

function(rk_set_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "NPROCS;TIMEOUT" "LABELS;ENVIRONMENT")
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  if(NOT arg_NPROCS)
    set(arg_NPROCS 1)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT "${arg_TIMEOUT}" PROCESSORS "${arg_NPROCS}" LABELS "${arg_LABELS}"
                                          ENVIRONMENT "${arg_ENVIRONMENT}")
endfunction()

# rk_add_unit_test(name MODULES module... [SOURCES file...] [TIMEOUT s])
# Builds tests/unit/test_<name>.c with the objects of the named rooms (give all that it needs: objects are not
# inherited) and adds the test unit.<name>.
function(rk_add_unit_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "MODULES;SOURCES")
  add_executable(test_${name} test_${name}.c ${arg_SOURCES})
  list(TRANSFORM arg_MODULES PREPEND rk_)
  target_link_libraries(test_${name} PRIVATE ${arg_MODULES} PkgConfig::CMOCKA)
  add_test(NAME unit.${name} COMMAND test_${name})
  rk_set_test(unit.${name} TIMEOUT "${arg_TIMEOUT}" LABELS unit ENVIRONMENT ASAN_OPTIONS=allocator_may_return_null=1
                                    TSAN_OPTIONS=allocator_may_return_null=1)
  set_property(GLOBAL APPEND PROPERTY rankine_unit_tests test_${name})
endfunction()

# rk_add_command_test(name COMMAND program arg... [NPROCS n] [TIMEOUT s] [LABELS l...] [ENVIRONMENT VAR=value...])
# Runs a command (a target's name stands for its program) with what Open MPI needs in the environment.
function(rk_add_command_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "NPROCS;TIMEOUT" "COMMAND;LABELS;ENVIRONMENT")
  add_test(NAME ${name} COMMAND ${arg_COMMAND})
  rk_set_test(${name} NPROCS "${arg_NPROCS}" TIMEOUT "${arg_TIMEOUT}" LABELS ${arg_LABELS}
              ENVIRONMENT ${rankine_mpi_environment} ${arg_ENVIRONMENT})
endfunction()

# rk_add_mpi_test(name COMMAND program arg... NPROCS n... [TIMEOUT s] [LABELS l...] [ENVIRONMENT VAR=value...])
# Runs the program under mpirun once for each n, as the tests <name>.n<n>.
function(rk_add_mpi_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "COMMAND;NPROCS;LABELS;ENVIRONMENT")
  list(POP_FRONT arg_COMMAND program)
  if(TARGET ${program})
    set(program "$<TARGET_FILE:${program}>")
  endif()
  foreach(n IN LISTS arg_NPROCS)
    rk_add_command_test(${name}.n${n} COMMAND ${MPIEXEC_EXECUTABLE} -n ${n} ${program} ${arg_COMMAND} NPROCS ${n}
                        TIMEOUT "${arg_TIMEOUT}" LABELS mpi ${arg_LABELS} ENVIRONMENT ${arg_ENVIRONMENT})
  endforeach()
endfunction()

# rk_add_script_test(name SCRIPT file [ARGS a...] [NPROCS n] [TIMEOUT s] [LABELS l...] [ENVIRONMENT VAR=value...])
# Runs a shell or Python script of the current folder in an empty directory of its own, with RANKINE (the command),
# RANKINE_BUILD, RANKINE_SOURCE, RANKINE_TEST_KERNELS (kernels made for tests), MPIRUN and PYTHON in the environment. It
# fails if the script does, or if processes or shared memory are left behind (cmake/script-test.sh).
function(rk_add_script_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "SCRIPT;NPROCS;TIMEOUT" "ARGS;LABELS;ENVIRONMENT")
  rk_add_command_test(${name}
    COMMAND sh "${PROJECT_SOURCE_DIR}/cmake/script-test.sh" "${PROJECT_BINARY_DIR}/tests/scratch/${name}"
            "${CMAKE_CURRENT_SOURCE_DIR}/${arg_SCRIPT}" ${arg_ARGS}
    NPROCS "${arg_NPROCS}" TIMEOUT "${arg_TIMEOUT}" LABELS ${arg_LABELS}
    ENVIRONMENT "RANKINE=$<TARGET_FILE:rankine_command>" "RANKINE_BUILD=${PROJECT_BINARY_DIR}"
                "RANKINE_SOURCE=${PROJECT_SOURCE_DIR}" "RANKINE_TEST_KERNELS=${PROJECT_BINARY_DIR}/tests/kernels"
                "PYTHON=${RANKINE_PYTHON}" "MPIRUN=${MPIEXEC_EXECUTABLE}" ${arg_ENVIRONMENT})
endfunction()
