# The Debian packages that scripts/package makes with CPack: `streamlab` (the program) and `libstreamlab-dev` (for C++).
# What the program needs is found by dpkg-shlibdeps in the program itself.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME streamlab)
set(CPACK_PACKAGE_VENDOR StreamLab)
set(CPACK_PACKAGE_CONTACT "StreamLab developers <streamlab@localhost>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
  WORLD_READ WORLD_EXECUTE)
set(CPACK_COMPONENTS_ALL program development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME streamlab)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION sound)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
# The recordings that the simulated card and some examples play.
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS alsa-utils)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SUGGESTS "jackd2, rtkit, sox, graphviz")
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION "${PROJECT_DESCRIPTION}
 One configuration runs live from a sound card (JACK, ALSA), offline over files, or over
 many files at once: levels, spectra, filters, recordings, other programs as nodes. An
 xrun, a gap or a drop is counted, and marked in the data.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libstreamlab-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libfmt-dev, libexpected-dev, nlohmann-json3-dev, libyaml-cpp-dev, \
libfftw3-dev, libsndfile1-dev, libflac-dev, libmpg123-dev, libasound2-dev, libjack-dev | libjack-jackd2-dev, \
libdbus-1-dev, libmuparser-dev, zlib1g-dev, pkg-config | pkgconf")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "${PROJECT_DESCRIPTION} (for C++ programs)
 Headers, the library as an archive, and what CMake and pkg-config need to find them;
 examples.")

foreach(package IN ITEMS streamlab libstreamlab-dev)
  if(package STREQUAL streamlab)
    set(component program)
  else()
    set(component development)
  endif()
  install(FILES cmake/debian/copyright DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/${package} COMPONENT ${component})
endforeach()
include(CPack)
