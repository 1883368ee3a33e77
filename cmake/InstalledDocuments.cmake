# The documents as they are installed: with links to where the files lie then. Run by `cmake --install`, before it copies
# ${documents}. Set by it: source, documents, headers (the headers' folder, as seen from the documents).
#
#   in the source tree                   installed, below share/doc/streamlab
#   README.md, docs/…, CHANGELOG.md      README.md, …, CHANGELOG.md
#   configs/…, apps/examples/…           examples/configs/…, examples/cpp/…
#   engine/…, nodes/…                    the headers
#   what is for those who build it       not there: the text of the link stays
file(REMOVE_RECURSE ${documents})
file(GLOB files RELATIVE ${source}/docs ${source}/docs/*.md ${source}/docs/decisions/*.md)
foreach(file IN LISTS files ITEMS ../README.md ../CHANGELOG.md)
  file(READ ${source}/docs/${file} text)
  # The way to the top, in the source tree and where it is installed.
  if(file MATCHES "^\\.\\./")
    set(from "")
    set(to "")
    string(REPLACE ../ "" file ${file})
    string(REPLACE "](docs/" "](" text "${text}")
  elseif(file MATCHES "^decisions/")
    set(from ../../)
    set(to ../)
  else()
    set(from ../)
    set(to "")
  endif()
  string(REPLACE "](${from}apps/async_demo/main.cpp" "](${to}examples/cpp/async_demo.cpp" text "${text}")
  string(REPLACE "](${from}tests/install/consumer/main.cpp" "](${to}examples/cpp/first_blocks.cpp" text "${text}")
  string(REPLACE "](${from}apps/examples" "](${to}examples/cpp" text "${text}")
  string(REPLACE "](${from}configs" "](${to}examples/configs" text "${text}")
  string(REPLACE "](${from}README.md" "](${to}README.md" text "${text}")
  string(REPLACE "](${from}CHANGELOG.md" "](${to}CHANGELOG.md" text "${text}")
  foreach(folder engine nodes)
    string(REPLACE "](${from}${folder}/" "](${to}${headers}/${folder}/" text "${text}")
  endforeach()
  string(REGEX REPLACE "\\[([^][]*)\\]\\(${from}(bench|apps|hal|tests|scripts|cmake|CONTRIBUTING.md|LICENSE)[^)]*\\)" "\\1"
    text "${text}")
  file(WRITE ${documents}/${file} "${text}")
endforeach()
