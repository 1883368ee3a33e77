// apps/streamlab/batch_record.cpp
//
//   {"type":"batch record","version":1}
//   {"type":"columns","columns":["input","exit_code",…]}          the first, the second, …
//   {"type":"file","state":"done","input":…,"path":…,"bytes":…,"modified_ns":…,"config":…,"exit_code":…,
//    "lost":[…],"results":…,"rows":…,"columns":0,"outputs":[{"path":…,"bytes":…}]}
//
// A path is a text, or {"hex": …} where it is not UTF-8. Paths of outputs begin at the record's folder if they lie in it,
// so that a folder of results can be moved with its record. A line that cannot be read was torn by a kill: it is left out.
#include "apps/streamlab/batch_record.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <span>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "engine/base/byte_codec.hpp"
#include "engine/base/output_file.hpp"
#include "engine/base/real_path.hpp"

namespace streamlab::app {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRecordType = "batch record";
constexpr int kRecordVersion = 1;

Document exact_text(const std::string& text) {
  if (is_utf8(Document(text))) { return text; }
  std::string hex;
  for (const char c : text) { hex += fmt::format("{:02x}", static_cast<unsigned char>(c)); }
  return {{"hex", hex}};
}

std::string text_of(const Document& document) {
  if (document.is_string()) { return document.get<std::string>(); }
  const std::string hex = document.at("hex").get<std::string>();
  std::string text;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    text += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return text;
}

std::vector<Document> exact_texts(const std::vector<std::string>& texts) {
  std::vector<Document> documents;
  for (const std::string& text : texts) { documents.push_back(exact_text(text)); }
  return documents;
}
std::vector<std::string> texts_of(const Document& documents) {
  std::vector<std::string> texts;
  for (const Document& document : documents) { texts.push_back(text_of(document)); }
  return texts;
}

std::string record_line(const Document& document) { return document.dump() + "\n"; }

// The path from the record's folder, if it lies in there.
std::string near_path(const std::string& path, const fs::path& folder) {
  const fs::path near = fs::path(path).lexically_relative(folder);
  return near.empty() || *near.begin() == ".." ? path : near.string();
}

Error cannot_record(const std::string& path) {
  return {ErrorCode::failed, path,
          fmt::format("the record of this batch cannot be written: {}", std::strerror(errno)), "", ""};
}

}  // namespace

FileStamp stamp_of(const std::string& path) {
  FileStamp stamp;
  stamp.path = real_path(path);
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) { return stamp; }
  stamp.bytes = static_cast<std::uint64_t>(status.st_size);
  stamp.modified_ns = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
  return stamp;
}

RecordedOutput recorded_output(const std::string& path) {
  const FileStamp stamp = stamp_of(path);
  return {stamp.path, stamp.bytes, inode_of(path)};
}
std::uint64_t inode_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? std::uint64_t{status.st_ino} : 0;
}

std::string configuration_key(Document document, const Variables& given, const Variables& own) {
  Errors errors;  // none that was not reported
  replace_variables(document, given, errors, own);
  const nlohmann::json sorted = document;
  const std::string text = SL_VERSION + sorted.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return fmt::format("{:016x}", fnv1a(std::as_bytes(std::span(text))));
}

std::uint64_t rows_key(std::string_view heading, std::string_view rows) {
  const std::uint64_t key = fnv1a(std::as_bytes(std::span(rows)), fnv1a(std::as_bytes(std::span(heading))));
  return std::max<std::uint64_t>(key, 1);
}

BatchRecord::BatchRecord(std::string path, Use use)
    : path_(std::move(path)), folder_(fs::path(real_path(path_)).parent_path().string()), use_(use) {}
BatchRecord::BatchRecord(BatchRecord&& other) noexcept
    : path_(std::move(other.path_)),
      folder_(std::move(other.folder_)),
      use_(other.use_),
      fd_(std::exchange(other.fd_, -1)),
      is_there_(other.is_there_),
      made_folder_(other.made_folder_),
      stays_(other.stays_),
      is_empty_(other.is_empty_),
      has_line_end_(other.has_line_end_),
      entries_(std::move(other.entries_)),
      columns_(std::move(other.columns_)) {}
BatchRecord& BatchRecord::operator=(BatchRecord&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(folder_, other.folder_);
  std::swap(use_, other.use_);
  std::swap(fd_, other.fd_);
  std::swap(is_there_, other.is_there_);
  std::swap(made_folder_, other.made_folder_);
  std::swap(is_empty_, other.is_empty_);
  std::swap(stays_, other.stays_);
  std::swap(has_line_end_, other.has_line_end_);
  std::swap(entries_, other.entries_);
  std::swap(columns_, other.columns_);
  return *this;
}
BatchRecord::~BatchRecord() {
  if (fd_ < 0) { return; }
  if (is_empty_ && !is_there_ && !stays_) { ::unlink(path_.c_str()); }
  ::close(fd_);
}

Result<BatchRecord> BatchRecord::open(std::string path, Use use) {
  BatchRecord record(std::move(path), use);
  struct stat status {};
  if (::stat(record.path_.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) { return record; }
    return refused(record.path_,
                   fmt::format("the record of an earlier batch cannot be read: {}", std::strerror(errno)));
  }
  if (!S_ISREG(status.st_mode)) {
    return refused(record.path_, "this is no record of a batch, whose record would have this name",
                   "another place for the results");
  }
  if (auto opened = record.open_file(O_RDWR); !opened) { return tl::unexpected(opened.error()); }
  record.is_there_ = true;
  if (auto was_read = record.read(); !was_read) { return tl::unexpected(was_read.error()); }
  return record;
}

// Opens and locks it. A lock is of a file, not of its name: the name may have gone to a new file meanwhile.
Result<void> BatchRecord::open_file(int flags) {
  while (true) {
    fd_ = ::open(path_.c_str(), flags | O_APPEND | O_CLOEXEC, 0666);
    if (fd_ < 0) { return tl::unexpected(cannot_record(path_)); }
    const int kind = use_ == Use::alone ? LOCK_EX : LOCK_SH;
    if (::flock(fd_, kind | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      ::close(std::exchange(fd_, -1));
      return refused(path_, "another batch is writing this record",
                     "to wait for its end, or another place for the results");
    }
    struct stat ours {};
    struct stat named {};
    if (::fstat(fd_, &ours) == 0 && ::stat(path_.c_str(), &named) == 0 && ours.st_ino == named.st_ino &&
        ours.st_dev == named.st_dev) {
      return {};
    }
    ::close(std::exchange(fd_, -1));
  }
}

Result<void> BatchRecord::read() {
  std::string text;
  char buffer[1U << 16U];
  ssize_t count = 0;
  while ((count = ::pread(fd_, buffer, sizeof buffer, static_cast<off_t>(text.size()))) > 0) {
    text.append(buffer, static_cast<std::size_t>(count));
  }
  if (count < 0) {
    return refused(path_,
                   fmt::format("the record of an earlier batch cannot be read: {}", std::strerror(errno)));
  }
  is_empty_ = text.empty();
  has_line_end_ = text.empty() || text.ends_with('\n');
  if (is_empty_) { return {}; }
  std::string_view rest = text;
  const auto take = [&rest] {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    return line;
  };
  const Document first = Document::parse(take(), nullptr, false);
  const bool is_record = first.is_object() && first.contains("type") && first["type"] == kRecordType;
  if (!is_record || !first.contains("version") || first["version"] != kRecordVersion) {
    return refused(path_,
                   is_record ? "this record of a batch was written by another version of this program"
                             : "this is no record of a batch, whose record would have this name",
                   "another place for the results, or to remove this file");
  }
  while (!rest.empty()) { read_line(take()); }
  return {};
}

void BatchRecord::read_line(std::string_view line) {
  const Document document = Document::parse(line, nullptr, false);
  if (!document.is_object()) { return; }
  try {
    if (document.at("type") == "columns") {
      columns_.push_back(texts_of(document.at("columns")));
      return;
    }
    BatchEntry entry;
    entry.state = document.at("state") == "done" ? BatchEntry::State::done : BatchEntry::State::begun;
    entry.input = text_of(document.at("input"));
    entry.file = {text_of(document.at("path")), document.at("bytes").get<std::uint64_t>(),
                  document.at("modified_ns").get<std::int64_t>()};
    entry.config = document.at("config").get<std::string>();
    for (const Document& output : document.at("outputs")) {
      entry.outputs.push_back({(fs::path(folder_) / text_of(output.at("path"))).string(),
                               output.at("bytes").get<std::uint64_t>(),
                               output.value("inode", std::uint64_t{0})});
    }
    if (entry.state == BatchEntry::State::done) {
      const int code = document.at("exit_code").get<int>();
      entry.exit_code = code == 0 ? ExitCode::success : ExitCode::data_lost;
      entry.lost = texts_of(document.at("lost"));
      if (const Document& results = document.at("results"); !results.is_null()) {
        entry.results = results.get<std::uint64_t>();
      }
      entry.rows = document.at("rows").get<std::uint64_t>();
      if (document.contains("columns")) {
        entry.columns = columns_.at(document.at("columns").get<std::size_t>());
      }
    }
    entries_.push_back(std::move(entry));
  } catch (const std::exception&) {  // torn, or changed by hand: not done
  }
}

std::string BatchRecord::lines_of(const BatchEntry& entry) {
  std::string lines;
  const bool is_done = entry.state == BatchEntry::State::done;
  Document document{{"type", "file"},
                    {"state", is_done ? "done" : "begun"},
                    {"input", exact_text(entry.input)},
                    {"path", exact_text(entry.file.path)},
                    {"bytes", entry.file.bytes},
                    {"modified_ns", entry.file.modified_ns},
                    {"config", entry.config}};
  if (is_done) {
    document["exit_code"] = static_cast<int>(entry.exit_code);
    document["lost"] = exact_texts(entry.lost);
    document["results"] = entry.results ? Document(*entry.results) : Document(nullptr);
    document["rows"] = entry.rows;
  }
  if (!entry.columns.empty()) {
    auto known = std::find(columns_.begin(), columns_.end(), entry.columns);
    if (known == columns_.end()) {
      lines += record_line({{"type", "columns"}, {"columns", exact_texts(entry.columns)}});
      columns_.push_back(entry.columns);
      known = columns_.end() - 1;
    }
    document["columns"] = static_cast<std::size_t>(known - columns_.begin());
  }
  document["outputs"] = Document::array();
  for (const RecordedOutput& output : entry.outputs) {
    Document& file = document["outputs"].emplace_back(
        Document{{"path", exact_text(near_path(output.path, folder_))}, {"bytes", output.bytes}});
    if (!is_done) { file["inode"] = output.inode; }
  }
  return lines + record_line(document);
}

Result<void> BatchRecord::begin() {
  if (fd_ < 0) {
    std::error_code error;
    const fs::path folder = fs::path(path_).parent_path();
    if (!folder.empty()) { made_folder_ = fs::create_directories(folder, error); }
    if (auto opened = open_file(O_RDWR | O_CREAT); !opened) { return opened; }
    if (auto was_read = read(); !was_read) {
      return was_read;
    }  // of another batch that has begun at the same time
  }
  return {};
}

// In one call, so that lines of batches that write beside one another do not mix.
Result<void> BatchRecord::append(const std::string& lines) {
  std::string text = has_line_end_ ? "" : "\n";
  if (is_empty_) { text = record_line({{"type", kRecordType}, {"version", kRecordVersion}}); }
  text += lines;
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t count = ::write(fd_, text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) { continue; }
    if (count <= 0) {
      has_line_end_ = false;
      return tl::unexpected(cannot_record(path_));
    }
    done += static_cast<std::size_t>(count);
    is_empty_ = false;
  }
  has_line_end_ = true;
  return {};
}

Result<void> BatchRecord::add(BatchEntry entry) {
  const std::string lines = lines_of(entry);
  entries_.push_back(std::move(entry));
  return append(lines);
}

void BatchRecord::discard() {
  if (fd_ < 0 || is_there_) { return; }
  ::unlink(path_.c_str());
  if (made_folder_) {
    ::rmdir(fs::path(path_).parent_path().c_str());
  }  // which leaves it where it holds something
  ::close(std::exchange(fd_, -1));
}

Result<void> BatchRecord::flush() {
  if (fd_ < 0 || ::fsync(fd_) == 0 || errno == EINVAL) { return {}; }
  return tl::unexpected(cannot_record(path_));
}

Result<void> BatchRecord::close(const std::vector<bool>& is_needed) {
  if (fd_ < 0) { return {}; }
  std::set<std::string> seen;
  std::vector<const BatchEntry*> kept;
  for (std::size_t i = entries_.size(); i-- > 0;) {
    const bool is_last = seen.insert(entries_[i].file.path).second;
    if (is_last || (i < is_needed.size() && is_needed[i])) { kept.push_back(&entries_[i]); }
  }
  // What others have appended meanwhile is not known here: a record in use by them stays as it is.
  const bool is_worth_it =
      use_ == Use::alone ? kept.size() < entries_.size() : 2 * kept.size() < entries_.size();
  if (!is_worth_it || ::flock(fd_, LOCK_EX | LOCK_NB) != 0) { return flush(); }
  if (use_ == Use::shared) {  // all of it, now that nobody else writes
    entries_.clear();
    columns_.clear();
    use_ = Use::alone;
    if (auto was_read = read(); !was_read) { return was_read; }
    return close({});
  }
  std::reverse(kept.begin(), kept.end());
  auto file = OutputFile::create(path_, true, Naming::when_complete);
  if (!file) { return tl::unexpected(file.error()); }
  columns_.clear();
  std::string text = record_line({{"type", kRecordType}, {"version", kRecordVersion}});
  for (const BatchEntry* entry : kept) { text += lines_of(*entry); }
  if (file->write_at(reinterpret_cast<const std::byte*>(text.data()), text.size(), 0) != text.size()) {
    auto error = failed_by_errno(path_, "cannot be written");
    file->set_ending(Ending::cut_short);
    return error;
  }
  return file->close();
}

}  // namespace streamlab::app
