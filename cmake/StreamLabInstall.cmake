# What `cmake --install` puts where, and how other projects find it: find_package(StreamLab) and pkg-config.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/StreamLab)
install(TARGETS streamlab EXPORT StreamLabTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT StreamLabTargets NAMESPACE StreamLab:: DESTINATION ${package_dir})
install(FILES streamlab.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/streamlab)
install(DIRECTORY engine hal nodes/dsp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/streamlab
  FILES_MATCHING PATTERN "*.hpp")
configure_package_config_file(cmake/StreamLabConfig.cmake.in ${CMAKE_BINARY_DIR}/StreamLabConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/StreamLabConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/StreamLabConfig.cmake ${CMAKE_BINARY_DIR}/StreamLabConfigVersion.cmake
  DESTINATION ${package_dir})
configure_file(cmake/streamlab.pc.in ${CMAKE_BINARY_DIR}/streamlab.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/streamlab.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
