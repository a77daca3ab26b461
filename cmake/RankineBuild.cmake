# How every target of the project is compiled, and how a room of src/ becomes a target.

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_library(rankine_options INTERFACE)
target_compile_definitions(rankine_options INTERFACE _POSIX_C_SOURCE=200809L _XOPEN_SOURCE=700 _FILE_OFFSET_BITS=64
                                                     $<$<PLATFORM_ID:Darwin>:_DARWIN_C_SOURCE>
                                                     $<$<PLATFORM_ID:Linux>:_DEFAULT_SOURCE>)
# No contraction: a fused multiply-add where the source has none would make the bits depend on the compiler's mood.
target_compile_options(rankine_options INTERFACE
  -Wall -Wextra -ffp-contract=off
  $<$<COMPILE_LANGUAGE:C,CXX>:-Wshadow> $<$<COMPILE_LANGUAGE:CXX>:-Wpedantic>
  "$<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes;-Wmissing-prototypes;-Wpointer-arith;-Wcast-qual;-Wwrite-strings>"
  "$<$<COMPILE_LANGUAGE:C>:-Wundef;-Wvla>" $<$<COMPILE_LANGUAGE:Fortran>:-std=f2008>
  # snprintf into a fixed buffer is how we cut text; that a failed call's outputs are not used, gcc does not see.
  "$<$<COMPILE_LANG_AND_ID:C,GNU>:-Wno-format-truncation;-Wno-maybe-uninitialized>"
  $<$<BOOL:${RANKINE_WERROR}>:-Werror>)
target_include_directories(rankine_options INTERFACE "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
if(RANKINE_SANITIZE)
  list(JOIN RANKINE_SANITIZE "," rankine_sanitize)
  target_compile_options(rankine_options INTERFACE -fsanitize=${rankine_sanitize} -fno-omit-frame-pointer
                                                   -fno-sanitize-recover=all)
  target_link_options(rankine_options INTERFACE -fsanitize=${rankine_sanitize})
endif()

# A letter passes through dozens of small functions of several rooms: gcc inlines them when it links the library, which
# makes an apply a sixth faster. Unit tests link the same objects without that.
set(rankine_lto OFF)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT RANKINE_SANITIZE)
  include(CheckIPOSupported)
  check_ipo_supported(RESULT rankine_lto OUTPUT rankine_lto_output LANGUAGES C)
endif()

# rk_add_module(name SOURCES file... [USES module-or-library...])
# An object library rk_<name>; unit tests link the rooms they test, librankine links all of them.
function(rk_add_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;USES")
  add_library(rk_${name} OBJECT ${arg_SOURCES})
  target_link_libraries(rk_${name} PUBLIC rankine_options ${arg_USES})
  if(rankine_lto)
    target_compile_options(rk_${name} PRIVATE -flto -ffat-lto-objects)
    target_link_options(rk_${name} INTERFACE "$<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-fno-lto>")
  endif()
endfunction()
