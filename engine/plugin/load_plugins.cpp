// engine/plugin/load_plugins.cpp
#include "engine/plugin/load_plugins.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include <cxxabi.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <link.h>

#include "engine/base/real_path.hpp"
#include "engine/plugin/plugin.hpp"

namespace streamlab {
namespace {

namespace fs = std::filesystem;

struct CloseLibrary {
  void operator()(void* library) const { ::dlclose(library); }
};
using Library = std::unique_ptr<void, CloseLibrary>;

// "streamlab::frobnicate(int)" of "_ZN9streamlab10frobnicateEi".
std::string readable(const std::string& symbol) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(
      abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status), &std::free);
  return status == 0 ? text.get() : symbol;
}

// Why the last dlopen() of `path` failed.
tl::unexpected<Error> load_failure(const std::string& path) {
  const char* const said = ::dlerror();
  std::string reason = said != nullptr ? said : "no reason is known";
  constexpr std::string_view kMissing = "undefined symbol: ";
  if (const std::size_t at = reason.find(kMissing); at != std::string::npos) {
    std::string symbol = reason.substr(at + kMissing.size());
    symbol.resize(std::min(symbol.size(), symbol.find_first_of(" \t,")));
    return refused(path, fmt::format("uses \"{}\", which neither it nor this program has", readable(symbol)),
                   "a plug-in that is linked with StreamLab::streamlab and all else that it uses");
  }
  if (const std::string own = path + ": "; reason.starts_with(own)) { reason.erase(0, own.size()); }
  return refused(path, fmt::format("cannot be loaded: {}", reason));
}

// Where the parts of a library end that the loader maps; 0 if they are of another kind of processor, which the loader
// says itself, or cannot be read.
std::uint64_t end_of_parts(std::ifstream& file) {
  ElfW(Ehdr) header{};
  if (!file.seekg(0).read(reinterpret_cast<char*>(&header), sizeof header)) { return 0; }
  if (header.e_ident[EI_CLASS] != (sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32)) { return 0; }
  std::uint64_t end = header.e_phoff + std::uint64_t{header.e_phnum} * sizeof(ElfW(Phdr));
  file.seekg(static_cast<std::streamoff>(header.e_phoff));
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    ElfW(Phdr) part{};
    if (!file.read(reinterpret_cast<char*>(&part), sizeof part)) { break; }
    if (part.p_type == PT_LOAD) { end = std::max<std::uint64_t>(end, part.p_offset + part.p_filesz); }
  }
  return end;
}

// The file is there, begins as libraries do, and is whole: what the loader says of others is hard to read, and one that
// is cut short it maps, and the program ends when it reads the rest.
Result<void> check_file(const std::string& path) {
  std::error_code error;
  if (!fs::exists(path, error)) { return refused(path, "does not exist", "a plug-in, a shared library"); }
  if (fs::is_directory(path, error)) {
    return refused(path, "is a folder", "a plug-in, a shared library",
                   fmt::format("{} takes folders", kPluginPathVariable));
  }
  // (A pipe would be waited for.)
  if (!fs::is_regular_file(path, error)) {
    return refused(path, "is not a file", "a plug-in, a shared library");
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) { return failed_by_errno(path, "cannot be read"); }
  std::array<char, SELFMAG> magic{};
  file.read(magic.data(), magic.size());
  if (!file || std::string_view(magic.data(), magic.size()) != ELFMAG) {
    return refused(path, "is not a shared library", "a plug-in");
  }
  const std::uint64_t size = fs::file_size(path, error);
  if (const std::uint64_t whole = end_of_parts(file);
      !error && size < std::max<std::uint64_t>(whole, sizeof(ElfW(Ehdr)))) {
    return refused(path, fmt::format("is cut short: it has {} bytes, and its parts end at {}", size, whole),
                   "a whole library");
  }
  return {};
}

std::string name_of_version(std::string_view version, std::string_view interface_sum) {
  return fmt::format("StreamLab {} (interface {})", version, interface_sum);
}

// Is it an object of that size? (A library may use the name for something else.)
bool is_object(const void* address, std::size_t size) {
  Dl_info info{};
  void* entry = nullptr;
  if (::dladdr1(address, &info, &entry, RTLD_DL_SYMENT) == 0 || entry == nullptr) { return false; }
  const auto& symbol = *static_cast<const ElfW(Sym)*>(entry);
  return (symbol.st_info & 0xFU) == STT_OBJECT && symbol.st_size == size;
}

// What an open library says of itself, if this program can use it. None of its functions is called.
Result<const StreamLabPlugin*> describe_plugin(const std::string& path, void* library) {
  const std::string expected = "SL_PLUGIN(…) in one of its files";
  const void* const object = ::dlsym(library, kPluginObject);
  if (object == nullptr) {
    return refused(path, fmt::format("is not a plug-in of StreamLab: it has no object \"{}\"", kPluginObject),
                   expected);
  }
  if (!is_object(object, sizeof(StreamLabPlugin))) {
    return refused(path,
                   fmt::format("is not a plug-in of StreamLab: its \"{}\" is something else", kPluginObject),
                   expected);
  }
  const auto* const plugin = static_cast<const StreamLabPlugin*>(object);
  if (plugin->streamlab_version == nullptr || plugin->interface_sum == nullptr ||
      plugin->list_nodes == nullptr) {
    return refused(path, "does not say what it is", expected);
  }
  const std::string theirs = name_of_version(plugin->streamlab_version, plugin->interface_sum);
  const std::string ours = name_of_version(kVersion, kInterface);
  if (theirs != ours) {
    return refused(path, fmt::format("was built for {}", theirs),
                   fmt::format("one for this program, {}", ours),
                   "build it again with the headers of this version");
  }
  if (plugin->layout != layout_of_interface()) {
    return refused(path, "was compiled with options that change the layout of classes",
                   "those of this program", "_GLIBCXX_DEBUG and _GLIBCXX_USE_CXX11_ABI are such options");
  }
  return plugin;
}

Result<const StreamLabPlugin*> open_plugin(const std::string& path) {
  if (auto checked = check_file(path); !checked) { return tl::unexpected(checked.error()); }
  const std::string place = path.find('/') == std::string::npos ? "./" + path : path;
  // All functions at once: none may be looked for on a real-time thread.
  Library library(::dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL));
  if (library == nullptr) {
    const auto failure = load_failure(path);
    // One of another version may lack functions; it should be told its version, not their names.
    library.reset(::dlopen(place.c_str(), RTLD_LAZY | RTLD_LOCAL));
    if (library == nullptr) { return failure; }
    const auto described = describe_plugin(path, library.get());
    return described ? failure : tl::unexpected(described.error());
  }
  auto plugin = describe_plugin(path, library.get());
  if (plugin) { static_cast<void>(library.release()); }  // for good: nodes of it may live until the end
  return plugin;
}

class PluginLoader {
 public:
  explicit PluginLoader(const NodeCatalog& catalog) : catalog_(catalog) {}

  Checked<NodeCatalog> run(const PluginPlaces& places) {
    for (const std::string& folder : folders_in(places.folders)) { load_folder(folder); }
    std::set<std::string> named;
    for (const std::string& file : places.files) {
      if (!named.insert(real_path(file)).second) {
        errors_.push_back({ErrorCode::refused, file, "is named twice", "each plug-in once", ""});
      } else {
        load(file);
      }
    }
    if (!errors_.empty()) { return tl::unexpected(std::move(errors_)); }
    return std::move(catalog_);
  }

 private:
  void load_folder(const std::string& folder) {
    std::error_code error;
    std::vector<std::string> files;
    for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
         entry.increment(error)) {
      if (entry->path().extension() == ".so") { files.push_back(entry->path().string()); }
    }
    if (error) {
      errors_.push_back({ErrorCode::refused, kPluginPathVariable,
                         fmt::format("\"{}\" cannot be read: {}", folder, error.message()),
                         "folders, with colons between them", ""});
    }
    std::sort(files.begin(), files.end());
    for (const std::string& file : files) { load(file); }
  }

  void load(const std::string& path) {
    if (!loaded_.insert(real_path(path)).second) { return; }
    const auto plugin = open_plugin(path);
    if (!plugin) {
      errors_.push_back(plugin.error());
      return;
    }
    path_ = path;
    count_ = 0;
    (*plugin)->list_nodes(
        [](const void* entry, void* context) {
          static_cast<PluginLoader*>(context)->take(*static_cast<const NodeEntry*>(entry));
        },
        this);
    if (count_ == 0) { errors_.push_back({ErrorCode::refused, path, "has no nodes", "", ""}); }
  }

  void take(const NodeEntry& entry) {
    ++count_;
    const std::string name(entry.info.name);
    if (catalog_.find(name) != nullptr) {
      const auto other = origin_.find(name);
      errors_.push_back({ErrorCode::refused, path_,
                         fmt::format("has a node \"{}\", which {} already", name,
                                     other == origin_.end()   ? "StreamLab has"
                                     : other->second == path_ ? "it has"
                                                              : fmt::format("\"{}\" has", other->second)),
                         "another name", ""});
      return;
    }
    if (auto added = catalog_.add(entry); !added) {
      errors_.push_back({ErrorCode::refused, path_, added.error().what, added.error().expected, ""});
      return;
    }
    origin_.emplace(name, path_);
  }

  NodeCatalog catalog_;
  Errors errors_;
  std::set<std::string> loaded_;               // real paths
  std::map<std::string, std::string> origin_;  // node -> plug-in
  std::string path_;                           // of the plug-in at hand
  std::size_t count_ = 0;                      // of its nodes
};

}  // namespace

std::vector<std::string> folders_in(const std::string& folders) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < folders.size();) {
    const std::size_t end = std::min(folders.find(':', at), folders.size());
    if (end > at) { parts.push_back(folders.substr(at, end - at)); }
    at = end + 1;
  }
  return parts;
}

Checked<NodeCatalog> with_plugins(const NodeCatalog& catalog, const PluginPlaces& places) {
  return PluginLoader(catalog).run(places);
}

}  // namespace streamlab
