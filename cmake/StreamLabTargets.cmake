# The four kinds of target that the project has. Every folder of the house is one sl_library, linked only to the
# folders below it; every folder of tests/ is one sl_test; every program of bench/ is one sl_bench.

# Flags of our own code: strict warnings (errors in the dev preset; at -O3 and under the sanitizers g++ 12 also warns of
# what is not there), reproducible arithmetic (no contraction, no fast-math). -fPIC for programs, too: libraries and
# programs share precompiled headers only if they are compiled alike.
add_library(sl_flags INTERFACE)
target_compile_features(sl_flags INTERFACE cxx_std_20)
target_compile_options(sl_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual
  -Wdouble-promotion -ffp-contract=off -fno-math-errno -fPIC $<$<CXX_COMPILER_ID:GNU>:-Wnull-dereference>
  # At -O3 g++ 12 takes string concatenations for overlapping copies (its bug 105329).
  $<$<AND:$<CONFIG:Release>,$<CXX_COMPILER_ID:GNU>>:-Wno-restrict>
  $<$<BOOL:${SL_WARNINGS_AS_ERRORS}>:-Werror>)
target_include_directories(sl_flags INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
if(SL_ASSERTIONS)
  target_compile_definitions(sl_flags INTERFACE SL_ASSERTIONS=1 _GLIBCXX_ASSERTIONS=1)
endif()
if(SL_SANITIZE)
  target_compile_options(sl_flags INTERFACE -fsanitize=${SL_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  if(SL_SANITIZE MATCHES "undefined")
    # What these see of memory the address sanitizer sees too; they take a third of the time to compile.
    target_compile_options(sl_flags INTERFACE -fno-sanitize=null,alignment,object-size,vptr)
  endif()
  target_link_options(sl_flags INTERFACE -fsanitize=${SL_SANITIZE})
endif()
if(SL_COVERAGE)
  target_compile_options(sl_flags INTERFACE --coverage -O0 -g1)
  target_link_options(sl_flags INTERFACE --coverage)
endif()

# Flags of tests: they run for milliseconds, and are three quarters of what there is to compile. What they test keeps
# its own flags.
add_library(sl_test_flags INTERFACE)
target_link_libraries(sl_test_flags INTERFACE sl_flags)
if(SL_SANITIZE MATCHES "address")
  target_compile_options(sl_test_flags INTERFACE -O0)  # half the time of -O1
elseif(NOT SL_SANITIZE AND NOT SL_COVERAGE)
  # At -Og g++ 12 takes the stop_source inside a jthread for uninitialised.
  target_compile_options(sl_test_flags INTERFACE -Og -g1 $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
endif()

if(SL_PRECOMPILE)
  set(headers <algorithm> <array> <atomic> <chrono> <cmath> <condition_variable> <cstdint> <cstdio> <deque> <filesystem>
    <functional> <limits> <map> <memory> <mutex> <optional> <ranges> <span> <sstream> <stop_token> <string> <string_view>
    <thread> <unordered_map> <utility> <variant> <vector> <fmt/format.h> <tl/expected.hpp>)
  sl_precompile(sl_precompiled HEADERS ${headers} LINKS sl_flags Threads::Threads fmt::fmt tl::expected)
  if(SL_BUILD_TESTS)
    find_package(GTest REQUIRED)
    sl_precompile(sl_test_precompiled HEADERS ${headers} <gmock/gmock.h> <gtest/gtest.h>
      LINKS sl_test_flags Threads::Threads fmt::fmt tl::expected GTest::gmock GTest::gtest)
  endif()
endif()

# sl_library(NAME SOURCES file… LINKS library… [PLAIN]): one folder of the house, as objects. PLAIN: each file is compiled
# alone, with flags and headers of its own.
function(sl_library name)
  cmake_parse_arguments(arg "PLAIN" "" "SOURCES;LINKS" ${ARGN})
  add_library(${name} OBJECT ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC sl_flags ${arg_LINKS})
  if(NOT arg_PLAIN)
    sl_quick_build(${name} FROM sl_precompiled)
  endif()
  set_property(GLOBAL APPEND PROPERTY SL_LIBRARIES ${name})
endfunction()

# sl_test(NAME SOURCES file… [LINKS library…] [LABELS label…]): GoogleTest programs, one test each for CTest.
# Links the whole of StreamLab and tests/support. Those of the label system meet a real server, which keeps time: one of them
# runs at a time.
function(sl_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;LINKS;LABELS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE sl_test_support streamlab ${arg_LINKS} GTest::gmock GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  sl_quick_build(${name} FROM sl_test_precompiled)
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  set(properties TIMEOUT ${arg_TIMEOUT})
  if("system" IN_LIST arg_LABELS)
    list(APPEND properties RESOURCE_LOCK sound_server)
  endif()
  gtest_discover_tests(${name} TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST
    PROPERTIES ${properties} LABELS "${arg_LABELS}")
endfunction()

# sl_program(NAME SOURCES file… [LINKS library…] [DEMO]): a program in build/<preset>/bin; installed, unless it is a demo.
# Functions of shared libraries are looked up when it starts, not when the real-time thread calls one for the first time.
function(sl_program name)
  cmake_parse_arguments(arg "DEMO" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name}_program ${arg_SOURCES})
  target_link_libraries(${name}_program PRIVATE sl_flags streamlab ${arg_LINKS})
  set_target_properties(${name}_program PROPERTIES OUTPUT_NAME ${name})
  target_link_options(${name}_program PRIVATE -Wl,-z,relro,-z,now)
  sl_quick_build(${name}_program FROM sl_precompiled)
  if(NOT arg_DEMO)
    install(TARGETS ${name}_program RUNTIME DESTINATION bin COMPONENT program)
  endif()
endfunction()

# sl_bench(NAME SOURCES file… [LINKS library…]): a Google Benchmark program in build/<preset>/bench.
function(sl_bench name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE sl_flags streamlab ${arg_LINKS} benchmark::benchmark)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
endfunction()
