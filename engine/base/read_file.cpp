// engine/base/read_file.cpp
#include "engine/base/read_file.hpp"

#include <cerrno>
#include <cstdio>
#include <memory>
#include <new>

namespace streamlab {

std::optional<std::string> read_file(const std::string& path) {
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, Closer> file(std::fopen(path.c_str(), "rbe"));
  if (file == nullptr) {
    if (errno == ENOMEM) { throw std::bad_alloc(); }
    return std::nullopt;
  }
  std::setvbuf(file.get(), nullptr, _IONBF, 0);  // else a buffer that cannot be had is no error
  constexpr std::size_t kBytesAtOnce = 65536;
  std::string text;
  std::size_t got = 0;
  do {
    const std::size_t held = text.size();
    text.resize(held + kBytesAtOnce);
    errno = 0;
    got = std::fread(text.data() + held, 1, kBytesAtOnce, file.get());
    text.resize(held + got);
  } while (got == kBytesAtOnce);
  if (std::ferror(file.get()) != 0) { return std::nullopt; }
  return text;
}

}  // namespace streamlab
