# Tools that make the build quicker where they are installed; it gives the same without them.

# ccache: what was compiled once is not compiled again. The precompiled header needs it to be told that neither the
# date of a header nor macros that a header does not use matter.
find_program(SL_CCACHE ccache)
if(SL_CCACHE)
  set(ccache ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    ${SL_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${ccache})
  set(CMAKE_C_COMPILER_LAUNCHER ${ccache})
endif()

# gold, which comes with binutils: links a test program in a third of the time that ld needs. (mold 1.10 is quicker
# still, but binds the weak functions of the preloaded real-time guard to nothing.)
find_program(SL_GOLD ld.gold)
if(SL_GOLD)
  add_link_options(-fuse-ld=gold)
endif()
