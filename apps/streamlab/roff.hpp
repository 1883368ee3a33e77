// apps/streamlab/roff.hpp
//
// Text for manual pages: roff with the man macros, as man and mandoc read it.
#pragma once

#include <string>
#include <string_view>

namespace streamlab::app {

// Text that roff prints as it is, on lines of its own: letters beyond ASCII by their number, minus signs as they are
// typed on a command line.
std::string roff_text(std::string_view text);

// A document in the Markdown that this program's own descriptions use: headings, paragraphs, lists, tables of two or
// three columns, code between ``` lines; `code`, *emphasis* and [links](…) within a line. The first heading is left
// out: the page has its own title.
std::string roff_from_markdown(std::string_view markdown);

}  // namespace streamlab::app
