// engine/base/real_path.cpp
#include "engine/base/real_path.hpp"

#include <filesystem>
#include <system_error>

namespace streamlab {

namespace fs = std::filesystem;

// (std::filesystem::weakly_canonical() leaves "z.wav" relative while it does not exist, and makes "./z.wav"
// absolute; and it does not follow a link to a file that does not exist.)
std::string real_path(const std::string& path) {
  constexpr int kMostLinks = 40;  // as Linux follows
  std::error_code error;
  fs::path real = fs::absolute(path, error);
  if (error) { return path; }  // without a working directory
  for (int links = 0; links <= kMostLinks; ++links) {
    const std::string name = real.filename().string();
    if (name == "." || name == "..") { real /= ""; }  // a folder
    const fs::path folder = fs::weakly_canonical(real.parent_path(), error);
    if (error) { return real.lexically_normal().string(); }
    real = real.filename().empty() ? folder : folder / real.filename();
    const fs::path target = fs::read_symlink(real, error);
    if (error) { return real.string(); }  // no link
    real = target.is_absolute() ? target : folder / target;
  }
  return real.string();  // a cycle of links, which cannot be opened anyway
}

std::string home_hint(std::string_view path) {
  if (path != "~" && !path.starts_with("~/")) { return {}; }
  return "only a shell knows \"~\": in a configuration \"${env:HOME}" + std::string(path.substr(1)) +
         "\" is that file";
}

}  // namespace streamlab
