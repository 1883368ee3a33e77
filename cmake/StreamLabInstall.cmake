# What `cmake --install` puts where, and how other projects find it: find_package(StreamLab) and pkg-config. Two
# components, which are two Debian packages: `program` (what people run) and `development` (what C++ programs build with).
# A text: a PATH that the command line gives would be taken for a place in the source tree.
set(SL_ZSH_COMPLETIONS share/zsh/site-functions CACHE STRING "Where zsh looks for completions, below the prefix")
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(headers_dir ${CMAKE_INSTALL_INCLUDEDIR}/streamlab)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/StreamLab)
set(doc_dir ${CMAKE_INSTALL_DATAROOTDIR}/doc/streamlab)
set(examples_dir ${doc_dir}/examples)

# ---- development
install(TARGETS streamlab EXPORT StreamLabTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(EXPORT StreamLabTargets NAMESPACE StreamLab:: DESTINATION ${package_dir} COMPONENT development)
install(FILES streamlab.hpp DESTINATION ${headers_dir} COMPONENT development)
# Headers lie as in the source tree, for they include each other so. Of the hardware layer only what programs use.
install(DIRECTORY engine nodes DESTINATION ${headers_dir} COMPONENT development FILES_MATCHING PATTERN "*.hpp")
install(FILES ${CMAKE_BINARY_DIR}/generated/engine/plugin/version.hpp DESTINATION ${headers_dir}/engine/plugin
  COMPONENT development)
install(FILES hal/backends.hpp DESTINATION ${headers_dir}/hal COMPONENT development)
configure_package_config_file(cmake/StreamLabConfig.cmake.in ${CMAKE_BINARY_DIR}/StreamLabConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/StreamLabConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/StreamLabConfig.cmake ${CMAKE_BINARY_DIR}/StreamLabConfigVersion.cmake
  DESTINATION ${package_dir} COMPONENT development)
set(SL_PC_DEFINITIONS "")
if(SL_ASSERTIONS)
  set(SL_PC_DEFINITIONS " -DSL_ASSERTIONS=1")  # as the exported target says it
endif()
configure_file(cmake/streamlab.pc.in ${CMAKE_BINARY_DIR}/streamlab.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/streamlab.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
install(DIRECTORY apps/examples/ DESTINATION ${examples_dir}/cpp COMPONENT development)
install(FILES tests/install/consumer/main.cpp RENAME first_blocks.cpp DESTINATION ${examples_dir}/cpp
  COMPONENT development)
install(FILES apps/async_demo/main.cpp RENAME async_demo.cpp DESTINATION ${examples_dir}/cpp COMPONENT development)

# ---- program: sl_program() installs the program itself
install(DIRECTORY configs/ DESTINATION ${examples_dir}/configs COMPONENT program PATTERN bad EXCLUDE)
install(DIRECTORY docs/ DESTINATION ${doc_dir} COMPONENT program PATTERN "*.md" EXCLUDE PATTERN decisions EXCLUDE)
file(RELATIVE_PATH headers_from_documents /${doc_dir} /${headers_dir})
install(CODE "set(source [[${CMAKE_SOURCE_DIR}]])
  set(documents [[${CMAKE_BINARY_DIR}/documents]])
  set(headers [[${headers_from_documents}]])" COMPONENT program)
install(SCRIPT cmake/InstalledDocuments.cmake COMPONENT program)
install(DIRECTORY ${CMAKE_BINARY_DIR}/documents/ DESTINATION ${doc_dir} COMPONENT program)
