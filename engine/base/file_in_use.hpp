// engine/base/file_in_use.hpp
//
// Whose a file name is: whether a name still leads to the file that this program has open, and whether another run is
// writing the file that has a name.
#pragma once

#include <string>
#include <string_view>

namespace streamlab {

// What has become of the file that was opened as `path` (absolute, without links) while it was written: "was removed
// while it was written: what was written is lost", or that it was moved or replaced. Empty: `path` leads to it.
std::string fate_of_name(int fd, const std::string& path);
// Does an error say so? Then what has the name now, if anything, is not what was written.
bool is_about_lost_name(std::string_view what);

// Until `fd` is closed, the file is one that is_marked_as_written() finds; also after a kill the mark is gone. `fd`
// must be open for writing. On a file system without locks there is no mark.
//
// The mark is a lock of one byte far behind the end of any file: where locks keep others from reading (a network folder
// of Windows), they can still read all of it while it grows.
void mark_as_written(int fd) noexcept;
// Also by this program; false where it cannot be known.
bool is_marked_as_written(const std::string& path) noexcept;

}  // namespace streamlab
