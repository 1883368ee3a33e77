# What makes a build from nothing quick: docs/decisions/build-time.md says what each part saves. Both parts can be
# turned off (SL_PRECOMPILE=OFF, SL_TOGETHER=1): the result is the same.

# sl_precompile(TARGET HEADERS header… LINKS library…): precompiled headers for targets that link the same libraries'
# flags. Only headers of others: a change to one of ours must not compile everything again.
function(sl_precompile name)
  cmake_parse_arguments(arg "" "" "HEADERS;LINKS" ${ARGN})
  add_library(${name} OBJECT ${PROJECT_SOURCE_DIR}/cmake/precompiled.cpp)
  target_link_libraries(${name} PUBLIC ${arg_LINKS})
  target_precompile_headers(${name} PRIVATE ${arg_HEADERS})
endfunction()

# sl_quick_build(TARGET FROM precompiled): TARGET uses the headers of `precompiled`, and SL_TOGETHER of its files are
# compiled as one, so that their headers are read and their templates made once. Names in the anonymous namespaces of
# such files must differ.
function(sl_quick_build name)
  cmake_parse_arguments(arg "" "FROM" "" ${ARGN})
  if(SL_PRECOMPILE)
    target_precompile_headers(${name} REUSE_FROM ${arg_FROM})
  endif()
  if(SL_TOGETHER GREATER 1)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${SL_TOGETHER})
    # g++ takes a file that is compiled with others for a header, in which this would be a fault.
    target_compile_options(${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  endif()
endfunction()
